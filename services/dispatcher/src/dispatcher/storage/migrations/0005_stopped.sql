-- What was to be stopped while it was being sent is not called again.
ALTER TABLE dispatch.job ADD COLUMN stopped_by jsonb; -- who asked for it

-- The re-sends of a message, of which no two may leave.
CREATE INDEX job_repeats ON dispatch.job (workspace_id, (request->>'resend_of')) WHERE request ? 'resend_of';
