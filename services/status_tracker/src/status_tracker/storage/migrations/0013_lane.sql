-- Who waits: an agent, or a service. Not known of what an older release wrote.
ALTER TABLE tracker.message ADD COLUMN lane text;
