-- With 10 million messages each takes about a minute, in which nothing is written; the queue waits.

-- Nobody looks for a message by its provider's id here: tracker.provider_message knows it.
DROP INDEX tracker.message_by_provider_id;

-- What no conversation or teammate belongs to, such as other services' messages, is not looked for by them.
DROP INDEX tracker.message_by_conversation;
CREATE INDEX message_by_conversation ON tracker.message (workspace_id, conversation_id, requested_at, message_id)
    WHERE conversation_id IS NOT NULL;
DROP INDEX tracker.message_by_requester;
CREATE INDEX message_by_requester ON tracker.message (workspace_id, requested_by_id, requested_at, message_id)
    WHERE requested_by_id IS NOT NULL;
DROP INDEX tracker.message_by_requester_and_kind;
CREATE INDEX message_by_requester_and_kind ON tracker.message
    (workspace_id, requested_by_id, channel, status, requested_at, message_id) WHERE requested_by_id IS NOT NULL;
