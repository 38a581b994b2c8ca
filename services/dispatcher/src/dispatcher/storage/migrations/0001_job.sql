-- One row per message that a dispatcher took. The row, not the broker, is what an interrupted send resumes from.
CREATE TABLE dispatch.job (
    workspace_id        text        NOT NULL,
    message_id          uuid        NOT NULL,
    event_id            uuid        NOT NULL, -- the SendRequested that was claimed
    digest              text        NOT NULL, -- of its content; '' where a re-send took its place before it came
    channel             text        NOT NULL,
    channel_id          uuid        NOT NULL,
    lane                text        NOT NULL,
    state               text        NOT NULL,
    since               timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the state was entered
    attempt             integer     NOT NULL,
    transition          integer     NOT NULL DEFAULT 1,
    not_after           timestamptz NOT NULL,
    due_at              timestamptz,          -- when the scheduler has to look at it: lease end, not_before, untold result
    request             jsonb,                -- the SendRequested, for attempts that begin later
    outcome             text,                 -- the last result's event type, and its fields
    result              jsonb,
    announced_at        timestamptz,
    provider_message_id text,
    receipt             text,                 -- the best receipt so far: sent, failed, delivered, read
    PRIMARY KEY (workspace_id, message_id)
);

-- Rows that are done have no due_at, so the index holds what is under way and nothing else.
CREATE INDEX job_due ON dispatch.job (channel, due_at) WHERE due_at IS NOT NULL;
