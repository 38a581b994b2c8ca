-- What was to be stopped while it was being sent is not called again.
ALTER TABLE dispatch.job ADD COLUMN stopped_by jsonb; -- who asked for it
