-- What was removed after its time, or with its person; and where to find what is to go.
ALTER TABLE tracker.message
    ADD COLUMN text_removed_at timestamptz,
    ADD COLUMN text_kept_days  integer,
    ADD COLUMN erased_at       timestamptz;
COMMENT ON COLUMN tracker.message.text_kept_days IS 'for how long the workspace kept texts when this one was removed';
COMMENT ON COLUMN tracker.message.erased_at IS 'an operator erased the person: nothing that comes later brings them back';

CREATE INDEX message_with_text ON tracker.message (workspace_id, requested_at) WHERE text_removed_at IS NULL;
CREATE INDEX message_unrequested ON tracker.message (workspace_id, message_id) WHERE requested_at IS NULL;
CREATE INDEX request_by_recipient ON tracker.request (workspace_id, (asked->>'recipient'));
CREATE INDEX request_with_text ON tracker.request (workspace_id, at) WHERE asked ? 'content';
CREATE INDEX entry_unmatched_by_time ON tracker.entry (workspace_id, recorded_at) WHERE message_id IS NULL;
CREATE INDEX provider_message_by_message ON tracker.provider_message (workspace_id, message_id);
CREATE INDEX reply_by_time ON tracker.reply (workspace_id, recorded_at);
CREATE INDEX reply_with_text ON tracker.reply (workspace_id, recorded_at) WHERE event->'data' ? 'text';
