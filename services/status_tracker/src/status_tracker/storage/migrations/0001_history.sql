-- One row per message: what the history shows. It is there from the first event that names the message,
-- without a request yet where a result or a receipt came first.
CREATE TABLE tracker.message (
    workspace_id        text NOT NULL,
    message_id          uuid NOT NULL,
    event_id            uuid,
    channel             text,
    channel_id          uuid,
    recipient           text,
    conversation_id     text,
    requested_by_id     text,
    requested_at        timestamptz,
    not_after           timestamptz,
    status              text,
    status_at           timestamptz,
    reason              text,
    detail              text,
    provider            text,
    provider_code       text,
    provider_message_id text,
    revision            integer NOT NULL DEFAULT 0,
    noted               text,
    judge_after         timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (workspace_id, message_id)
);
COMMENT ON COLUMN tracker.message.event_id IS 'the request that is shown: the one that a dispatcher claimed';
COMMENT ON COLUMN tracker.message.revision IS 'changes of status that were told so far';
COMMENT ON COLUMN tracker.message.noted IS 'what the last note in the conversation tells';
COMMENT ON COLUMN tracker.message.judge_after IS 'the sweep does not look at it before';

CREATE INDEX message_by_time ON tracker.message (workspace_id, requested_at, message_id);
CREATE INDEX message_by_conversation ON tracker.message (workspace_id, conversation_id, requested_at, message_id);
CREATE INDEX message_by_requester ON tracker.message (workspace_id, requested_by_id, requested_at, message_id);
CREATE INDEX message_by_provider_id ON tracker.message (channel_id, provider_message_id);
CREATE INDEX message_waiting_to_be_taken ON tracker.message (not_after) WHERE status = 'queued';

-- Every version of a message that was asked for.
CREATE TABLE tracker.request (
    workspace_id text NOT NULL,
    message_id   uuid NOT NULL,
    event_id     uuid NOT NULL,
    at           timestamptz NOT NULL,
    asked        jsonb NOT NULL,
    PRIMARY KEY (workspace_id, message_id, event_id)
);

-- The timeline, and the memory of which events were seen.
CREATE TABLE tracker.entry (
    entry_id            uuid PRIMARY KEY,
    event_id            uuid NOT NULL,
    event               text NOT NULL,
    source              text NOT NULL,
    at                  timestamptz NOT NULL,
    workspace_id        text NOT NULL,
    message_id          uuid,
    channel_id          uuid NOT NULL,
    answers             uuid,
    status              text,
    attempt             integer,
    reason              text,
    detail              text,
    provider            text,
    provider_code       text,
    provider_message_id text,
    recorded_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX entry_by_message ON tracker.entry (workspace_id, message_id);
CREATE INDEX entry_without_message ON tracker.entry (channel_id, provider_message_id) WHERE message_id IS NULL;

-- Which message a provider's id belongs to; no message yet where a receipt came before the result.
CREATE TABLE tracker.provider_message (
    channel_id          uuid NOT NULL,
    provider_message_id text NOT NULL,
    workspace_id        text NOT NULL,
    message_id          uuid,
    PRIMARY KEY (workspace_id, channel_id, provider_message_id)
);

-- Replies of customers and answers of teammates, as they came.
CREATE TABLE tracker.reply (
    event_id     uuid PRIMARY KEY,
    workspace_id text NOT NULL,
    event        jsonb NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
