-- Whether somebody is about to be sent what they were sent a moment ago; rows from before hold none.
ALTER TABLE tracker.message ADD COLUMN text_digest text;
COMMENT ON COLUMN tracker.message.text_digest IS 'of a text that was typed, by its words; personal, as the text is';

CREATE INDEX message_by_text ON tracker.message (workspace_id, recipient, text_digest, requested_at)
    WHERE text_digest IS NOT NULL;
