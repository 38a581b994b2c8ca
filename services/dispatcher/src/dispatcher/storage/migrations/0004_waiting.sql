-- Re-sends that wait, which are few: what they repeat may turn out to be sent before their turn comes.
CREATE INDEX job_resend ON dispatch.job (channel) WHERE state = 'waiting' AND request ? 'resend_of';

-- What was put off, or is being found out, moves on by due_at; that its result is not told yet stands beside it.
ALTER TABLE dispatch.job ADD COLUMN tell_at timestamptz; -- when it is told again; NULL: it was, or due_at says it
CREATE INDEX job_untold ON dispatch.job (channel, tell_at) WHERE tell_at IS NOT NULL;
