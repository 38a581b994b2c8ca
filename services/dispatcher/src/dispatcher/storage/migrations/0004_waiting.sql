-- Re-sends that wait, which are few: what they repeat may turn out to be sent before their turn comes.
CREATE INDEX job_resend ON dispatch.job (channel) WHERE state = 'waiting' AND request ? 'resend_of';
