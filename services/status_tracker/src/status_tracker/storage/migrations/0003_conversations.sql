-- The Intercom conversations that were opened for messages: one each, two where Intercom left an opening unanswered.
CREATE TABLE tracker.opened (
    workspace_id    text NOT NULL,
    conversation_id text NOT NULL,
    message_id      uuid NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, conversation_id)
);
CREATE INDEX opened_by_message ON tracker.opened (workspace_id, message_id);

-- An effect of the kind 'open' opens a conversation: the message may belong to none yet.
ALTER TABLE tracker.effect ALTER COLUMN conversation_id DROP NOT NULL;
ALTER TABLE tracker.effect ADD COLUMN note_after boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tracker.effect.conversation_id IS 'where a note goes';
COMMENT ON COLUMN tracker.effect.note_after IS 'the note about the message did not wait for this opening: write another';

-- What is looked for among replies; a reply's message is decided when it is read.
ALTER TABLE tracker.reply
    ADD COLUMN channel_id  uuid,
    ADD COLUMN message_id  uuid,
    ADD COLUMN sender      text,
    ADD COLUMN received_at timestamptz;
UPDATE tracker.reply SET
    channel_id = (event->'data'->>'channel_id')::uuid,
    message_id = (event->'data'->>'message_id')::uuid,
    sender = event->'data'->>'sender',
    received_at = (event->'data'->>'received_at')::timestamptz
    WHERE event->>'type' = 'proactive.reply_received.v1';
CREATE INDEX reply_by_sender ON tracker.reply (workspace_id, channel_id, sender, received_at);
CREATE INDEX reply_by_message ON tracker.reply (workspace_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX message_by_recipient ON tracker.message (workspace_id, channel_id, recipient, requested_at);
