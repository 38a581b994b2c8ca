-- What was said of a message that nobody asked for, as far as we know, is told to operators once.
ALTER TABLE tracker.entry ADD COLUMN told_unmatched boolean NOT NULL DEFAULT false;
CREATE INDEX entry_unmatched ON tracker.entry (recorded_at) WHERE message_id IS NULL AND NOT told_unmatched;
CREATE INDEX message_without_request ON tracker.message (workspace_id, message_id) WHERE event_id IS NULL;
