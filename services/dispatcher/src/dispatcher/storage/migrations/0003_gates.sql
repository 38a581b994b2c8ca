-- Who may send now, for all replicas. One row per provider at one address, and one per connected channel that was used here.
CREATE TABLE dispatch.host (
    name          text PRIMARY KEY,            -- the provider, and the address where the channel sets one
    tat           timestamptz,                 -- everything spent so far is paid for by then (GCRA)
    failing       uuid[]  NOT NULL DEFAULT '{}', -- the channels of the failures in a row
    failures      integer NOT NULL DEFAULT 0,  -- from here on: the breaker
    openings      integer NOT NULL DEFAULT 0,
    cause         text,                        -- NULL: closed
    opened_at     timestamptz,
    retry_at      timestamptz,                 -- when a probe may go
    probing_since timestamptz,
    ramp_from     timestamptz,                 -- when it closed
    reason        text,                        -- of the failure that opened it, with the provider's words
    detail        text,
    provider_code text
);

CREATE TABLE dispatch.sender (
    channel_id    uuid PRIMARY KEY,
    channel       text NOT NULL,
    workspace_id  text NOT NULL,
    host          text NOT NULL REFERENCES dispatch.host (name),
    per_second    double precision CHECK (per_second BETWEEN 0.001 AND 10000), -- segments for SMS; NULL: no limit
    tat           timestamptz,
    paused_at     timestamptz,
    paused_by     text,
    held_until    timestamptz,                 -- the provider said Retry-After
    failures      integer NOT NULL DEFAULT 0,
    openings      integer NOT NULL DEFAULT 0,
    cause         text,
    opened_at     timestamptz,
    retry_at      timestamptz,
    probing_since timestamptz,
    ramp_from     timestamptz,
    reason        text,
    detail        text,
    provider_code text
);
CREATE INDEX sender_of_host ON dispatch.sender (host);

ALTER TABLE dispatch.job ADD COLUMN gate text NOT NULL DEFAULT '';
COMMENT ON COLUMN dispatch.job.gate IS 'why it waits at its sender, as people were told last; empty: they were told nothing';

-- Waiting jobs are chosen sender by sender, agents first, so that no sender's jobs are in the way of another's.
CREATE INDEX job_waiting ON dispatch.job (channel, channel_id, lane, due_at) WHERE state = 'waiting';
CREATE INDEX job_waiting_told ON dispatch.job (channel_id, lane, gate, due_at) WHERE state = 'waiting';
-- Few have expired, however many wait: only a query that names 'infinity' as this does may use it.
CREATE INDEX job_waiting_end ON dispatch.job (channel, not_after) WHERE state = 'waiting' AND not_after < 'infinity';

-- The others that are due need no turn.
DROP INDEX dispatch.job_due;
CREATE INDEX job_due ON dispatch.job (channel, due_at) WHERE due_at IS NOT NULL AND state <> 'waiting';
