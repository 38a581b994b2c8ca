-- The trace context of the event that a request came with, and where what is to be done in Intercom continues.
ALTER TABLE tracker.request ADD COLUMN traceparent text;
ALTER TABLE tracker.effect ADD COLUMN traceparent text;
COMMENT ON COLUMN tracker.effect.traceparent IS 'null: it continues the request that the message came with first';
