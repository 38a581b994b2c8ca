-- With seq at its end the planner took this index to find events by their seq alone, and read all of it for each.
DROP INDEX tracker.outgoing_in_order;
CREATE INDEX outgoing_by_line ON tracker.outgoing (workspace_id, channel, recipient);
