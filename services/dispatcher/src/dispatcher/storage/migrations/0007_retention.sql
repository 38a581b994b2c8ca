-- Which jobs are done, and which of them still hold a text: what is removed after its time is found here.
CREATE INDEX job_done ON dispatch.job (workspace_id, since) WHERE due_at IS NULL;
CREATE INDEX job_with_text ON dispatch.job (workspace_id, since) WHERE due_at IS NULL AND request ? 'content';
CREATE INDEX recipient_by_time ON dispatch.recipient (workspace_id, greatest(seen_at, opted_out_at, opted_in_at));
