"""The statements of the journal: each one atomic, each for a whole batch."""

ANNOUNCE_SECONDS = 10
"""How long a result may stay untold before the scheduler tells it again."""

JOB = (
    "workspace_id, message_id, event_id, digest, lane, state, since, attempt, transition, not_after, request, "
    "outcome, result, receipt"
)

CLAIM = """
INSERT INTO dispatch.job (workspace_id, message_id, event_id, digest, channel, channel_id, lane, not_after, request,
                          state, attempt, due_at)
SELECT r.workspace_id, r.message_id, r.event_id, r.digest, r.channel, r.channel_id, r.lane, r.not_after, r.request,
       CASE WHEN w.waits THEN 'waiting' ELSE 'sending' END,
       CASE WHEN w.waits THEN 0 ELSE 1 END,
       CASE WHEN w.waits THEN greatest(now(), least(r.not_before, r.not_after))
            ELSE now() + $11 * interval '1 second' END
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::timestamptz[],
            $9::jsonb[], $10::timestamptz[])
     AS r(workspace_id, message_id, event_id, digest, channel, channel_id, lane, not_after, request, not_before),
     LATERAL (SELECT r.not_after <= now() OR coalesce(r.not_before > now(), false) AS waits) w
ON CONFLICT (workspace_id, message_id) DO NOTHING
RETURNING workspace_id, message_id
"""

FIND = f"""
SELECT {JOB}, extract(epoch FROM not_after - now())::float8 AS seconds_left
FROM dispatch.job
WHERE (workspace_id, message_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""

LOCK = """
SELECT FROM dispatch.job
WHERE (workspace_id, message_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
ORDER BY workspace_id, message_id FOR UPDATE
"""
"""Before an update of many rows, which would lock them in the order of its plan: two workers could deadlock."""

SETTLE = f"""
UPDATE dispatch.job j
SET state = u.state, outcome = u.outcome, result = u.result, transition = j.transition + 1,
    provider_message_id = coalesce(u.provider_message_id, j.provider_message_id),
    since = clock_timestamp(), announced_at = NULL, due_at = now() + {ANNOUNCE_SECONDS} * interval '1 second'
FROM unnest($1::text[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::jsonb[], $7::text[])
     AS u(workspace_id, message_id, attempt, state, outcome, result, provider_message_id)
WHERE j.workspace_id = u.workspace_id AND j.message_id = u.message_id AND j.attempt = u.attempt
      AND j.state = ANY($8::text[])
RETURNING {", ".join("j." + column.strip() for column in JOB.split(","))}
"""

TAKE_PLACE = """
INSERT INTO dispatch.job (workspace_id, message_id, event_id, digest, channel, channel_id, lane, state, attempt,
                          not_after, outcome, result)
VALUES ($1, $2, $2, '', $3, $4, $5, 'cancelled', 0, now(), $6, $7)
ON CONFLICT DO NOTHING
"""

ANNOUNCED = """
UPDATE dispatch.job j SET announced_at = now(), due_at = NULL
FROM unnest($1::text[], $2::uuid[], $3::integer[]) AS u(workspace_id, message_id, transition)
WHERE j.workspace_id = u.workspace_id AND j.message_id = u.message_id AND j.transition = u.transition
      AND j.result IS NOT NULL
"""

DUE = f"""
SELECT {JOB}, extract(epoch FROM not_after - now())::float8 AS seconds_left, now() AS now
FROM dispatch.job WHERE channel = $1 AND due_at <= now()
ORDER BY lane = 'bulk', due_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""

REPEATED = """
WITH RECURSIVE repeated AS (
    SELECT state, receipt, since, (request->>'resend_of')::uuid AS resend_of, 1 AS place
    FROM dispatch.job WHERE workspace_id = $1 AND message_id = $2
    UNION ALL
    SELECT j.state, j.receipt, j.since, (j.request->>'resend_of')::uuid, place + 1
    FROM repeated JOIN dispatch.job j ON j.workspace_id = $1 AND j.message_id = repeated.resend_of
    WHERE place < 100)
SELECT state, receipt, since FROM repeated ORDER BY place
"""
"""No lock: what failed, expired or was cancelled never becomes sending again."""

LOOK_AGAIN_SECONDS = 2
"""How soon a re-send looks again whether the message that it repeats is still under way."""

PUT_OFF = """
UPDATE dispatch.job SET due_at = now() + interval '5 minutes' WHERE workspace_id = $1 AND message_id = $2
"""

RECEIPT = """
UPDATE dispatch.job SET receipt = $4
WHERE workspace_id = $1 AND message_id = $2 AND channel_id = $3
      AND coalesce(array_position($5::text[], receipt), 0) < array_position($5::text[], $4)
"""
