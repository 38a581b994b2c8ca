-- With 10 million messages each takes about a minute, in which nothing is written; the queue waits.

-- Channel and status, alone or together, for everyone's messages and for one teammate's: whichever of the two is not
-- asked for is spelled out, so that each page is read from the ends of a few ranges, however rare what is wanted is.
CREATE INDEX message_by_kind ON tracker.message (workspace_id, channel, status, requested_at, message_id);
CREATE INDEX message_by_requester_and_kind ON tracker.message
    (workspace_id, requested_by_id, channel, status, requested_at, message_id);

-- Backwards, so that it serves a whole number and the last digits of one.
CREATE INDEX message_by_number ON tracker.message
    (workspace_id, (reverse(recipient) COLLATE "C"), requested_at, message_id);
