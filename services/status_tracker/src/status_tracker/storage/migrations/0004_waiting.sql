-- When a message that was put off is tried again.
ALTER TABLE tracker.entry ADD COLUMN due_at timestamptz;
ALTER TABLE tracker.message ADD COLUMN due_at timestamptz;

-- Of these the sweep asks the dispatcher once their time is over.
CREATE INDEX message_undecided ON tracker.message (not_after) WHERE status IN ('queued', 'sending', 'waiting');
DROP INDEX tracker.message_waiting_to_be_taken;

-- A row of another release must not stop what comes after it.
ALTER TABLE tracker.outgoing ADD COLUMN put_off boolean NOT NULL DEFAULT false;
ALTER TABLE tracker.effect ADD COLUMN failures integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN tracker.outgoing.put_off IS 'it could not be read or published: its successors do not wait for it';
COMMENT ON COLUMN tracker.effect.failures IS 'attempts that ended in a way that nobody foresaw';
