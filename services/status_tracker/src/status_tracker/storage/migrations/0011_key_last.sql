-- With 10 million messages this takes a minute, in which nothing is written; the queue waits.

-- Other indexes hold the key's columns among theirs. In an empty table all of them cost the same to the planner, which
-- then takes the newest; a plan that was made so, and kept, reads a workspace's whole index for each message.
ALTER TABLE tracker.message DROP CONSTRAINT message_pkey, ADD CONSTRAINT message_pkey PRIMARY KEY (workspace_id, message_id);
