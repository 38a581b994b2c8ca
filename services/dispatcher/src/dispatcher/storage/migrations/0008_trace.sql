-- The trace context of its request: later attempts, and what is told of them, stay in the trace that asked for it.
ALTER TABLE dispatch.job ADD COLUMN traceparent text;
