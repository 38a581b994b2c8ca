-- Retries and resolving: what is in doubt, and what was tried to find out.
ALTER TABLE dispatch.job
    ADD COLUMN doubts     integer[]   NOT NULL DEFAULT '{}', -- attempts whose outcome is not known
    ADD COLUMN tries      integer     NOT NULL DEFAULT 0,    -- attempts that a limit counts
    ADD COLUMN looks      integer     NOT NULL DEFAULT 0,    -- how often it was looked for while resolving
    ADD COLUMN unclear    jsonb,                             -- why there is a doubt: provider_code, detail
    ADD COLUMN provider   text,                              -- the adapter that it went through
    ADD COLUMN called_at  timestamptz,                       -- when the newest attempt began
    ADD COLUMN claimed_by uuid;                              -- the worker that holds the lease

UPDATE dispatch.job SET doubts = ARRAY[attempt] WHERE state = 'unknown';

-- For look-ups: which other jobs went to the same recipient. Also what an erasure request asks for.
CREATE INDEX job_recipient ON dispatch.job (channel, (request->>'recipient'));
