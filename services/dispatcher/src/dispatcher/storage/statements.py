"""The statements of the journal: each one atomic, each for a whole batch."""

from dispatcher.storage.gated import GATED, GATED_BY

ANNOUNCE_SECONDS = 10
"""How long a result may stay untold before the scheduler tells it again."""

JOB = (
    "workspace_id, message_id, event_id, digest, lane, state, since, attempt, transition, not_after, request, "
    "outcome, result, receipt, doubts, tries, looks, unclear, due_at, provider, provider_message_id, called_at, "
    "stopped_by, traceparent"
)

CLAIM = f"""
INSERT INTO dispatch.job (workspace_id, message_id, event_id, digest, channel, channel_id, lane, not_after, request,
                          provider, state, attempt, due_at, called_at, claimed_by, traceparent)
SELECT r.workspace_id, r.message_id, r.event_id, r.digest, r.channel, r.channel_id, r.lane, r.not_after,
       r.request::jsonb, r.provider,
       CASE WHEN w.waits THEN 'waiting' ELSE 'sending' END,
       CASE WHEN w.waits THEN 0 ELSE 1 END,
       CASE WHEN w.waits THEN greatest(now(), least(coalesce(r.not_before, now()), r.not_after))
            ELSE now() + $14 * interval '1 second' END,
       CASE WHEN NOT w.waits THEN clock_timestamp() END,
       CASE WHEN NOT w.waits THEN $15::uuid END,
       r.traceparent
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::timestamptz[],
            $9::text[], $10::text[], $11::timestamptz[], $12::boolean[], $13::text[])
     AS r(workspace_id, message_id, event_id, digest, channel, channel_id, lane, not_after, request, provider,
          not_before, held, traceparent)
     {GATED_BY},
     LATERAL (SELECT r.held OR {GATED} OR r.not_after <= now() OR coalesce(r.not_before > now(), false) AS waits) w
ORDER BY r.workspace_id, r.message_id
ON CONFLICT (workspace_id, message_id) DO NOTHING
RETURNING workspace_id, message_id, state, since, attempt, transition, due_at, called_at,
          extract(epoch FROM not_after - now())::float8 AS seconds_left
"""
"""What is not returned was there before."""

FIND = f"""
SELECT {JOB}, extract(epoch FROM not_after - now())::float8 AS seconds_left, clock_timestamp() AS now
FROM dispatch.job
WHERE (workspace_id, message_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""

LOCK = f"{FIND} ORDER BY workspace_id, message_id FOR UPDATE"
"""Before an update of many rows, which would lock them in the order of its plan: two workers could deadlock."""

WRITE = """
UPDATE dispatch.job j
SET state = u.state, attempt = u.attempt, doubts = u.doubts::integer[], tries = u.tries, looks = u.looks,
    unclear = u.unclear, provider = coalesce(u.provider, j.provider), provider_message_id = u.provider_message_id,
    outcome = CASE WHEN u.outcome IS NULL AND u.state = j.state THEN j.outcome ELSE u.outcome END,
    result = CASE WHEN u.outcome IS NULL AND u.state = j.state THEN j.result ELSE u.result END,
    announced_at = CASE WHEN u.outcome IS NULL AND u.state = j.state THEN j.announced_at END,
    transition = j.transition + (u.outcome IS NOT NULL OR u.state <> j.state)::integer,
    since = CASE WHEN u.outcome IS NULL AND u.state = j.state THEN j.since ELSE clock_timestamp() END,
    due_at = CASE WHEN u.act <> 'nothing' THEN clock_timestamp() + $18 * interval '1 second'
                  WHEN u.due_at IS NULL AND u.outcome IS NOT NULL THEN now() + u.tell_in * interval '1 second'
                  ELSE u.due_at END,
    tell_at = CASE WHEN u.outcome IS NULL AND u.state = j.state THEN j.tell_at
                   WHEN u.outcome IS NOT NULL AND u.state IN ('waiting', 'resolving')
                   THEN now() + u.tell_in * interval '1 second' END,
    called_at = CASE WHEN u.act = 'call' THEN clock_timestamp() ELSE j.called_at END,
    claimed_by = CASE WHEN u.act <> 'nothing' THEN $19::uuid ELSE j.claimed_by END,
    stopped_by = coalesce(u.stopped_by, j.stopped_by)
FROM (
    SELECT u.*
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::integer[], $7::integer[],
                $8::jsonb[], $9::text[], $10::text[], $11::text[], $12::jsonb[], $13::timestamptz[], $14::text[],
                $15::float8[], $16::jsonb[], $17::integer[])
         AS u(workspace_id, message_id, state, attempt, doubts, tries, looks, unclear, provider, provider_message_id,
              outcome, result, due_at, act, tell_in, stopped_by, transition)
    JOIN dispatch.job held USING (workspace_id, message_id)
    WHERE u.transition IS NULL
          OR held.state = 'sending' AND held.attempt = u.attempt AND held.transition = u.transition
             AND held.stopped_by IS NULL
    ORDER BY u.workspace_id, u.message_id FOR UPDATE OF held) u
WHERE j.workspace_id = u.workspace_id AND j.message_id = u.message_id
RETURNING j.workspace_id, j.message_id, j.since, j.transition, j.due_at, j.provider, j.called_at, j.outcome,
          CASE WHEN u.result IS NULL THEN j.result END AS result
"""
"""
What was decided under the rows' locks. A result that is told, or another state, is a new transition.

Where a `transition` is given, it was decided without them: what is not being sent any more, as it was then, is left.
"""

TAKE_PLACE = f"""
INSERT INTO dispatch.job (workspace_id, message_id, event_id, digest, channel, channel_id, lane, state, attempt,
                          not_after, outcome, result, due_at, traceparent)
VALUES ($1, $2, $3, '', $4, $5, $6, 'cancelled', 0, now(), $7, $8, now() + $9 * interval '1 second', $10)
ON CONFLICT DO NOTHING
RETURNING {JOB}
"""
"""A cancelled row where no request came so far. Told again after $9 seconds; never where that is null."""

ANNOUNCED = """
WITH held AS (
    SELECT workspace_id, message_id FROM dispatch.job
    JOIN unnest($1::text[], $2::uuid[], $3::integer[]) AS u(workspace_id, message_id, transition)
         USING (workspace_id, message_id, transition)
    WHERE result IS NOT NULL ORDER BY workspace_id, message_id FOR UPDATE OF job)
UPDATE dispatch.job j
SET announced_at = now(), tell_at = NULL,
    due_at = CASE WHEN j.state IN ('waiting', 'sending', 'resolving') THEN j.due_at END
FROM held WHERE j.workspace_id = held.workspace_id AND j.message_id = held.message_id
"""

TELL_AGAIN = f"""
UPDATE dispatch.job SET tell_at = now() + $3 * interval '1 second'
WHERE (workspace_id, message_id) IN (
    SELECT workspace_id, message_id FROM dispatch.job
    WHERE channel = $1 AND tell_at IS NOT NULL AND tell_at <= now() ORDER BY tell_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING {JOB}
"""
"""Jobs that move on by themselves, and whose present result was not confirmed by the broker so far."""

LOST = f"""
SELECT {JOB}, extract(epoch FROM not_after - now())::float8 AS seconds_left, clock_timestamp() AS now
FROM dispatch.job
WHERE channel = $1 AND due_at IS NOT NULL AND state = 'sending' AND claimed_by = $2 FOR UPDATE SKIP LOCKED
"""
"""What this worker holds: some of it may have been committed without the worker hearing of it."""

RENEW = """
UPDATE dispatch.job SET due_at = now() + $3 * interval '1 second'
WHERE (workspace_id, message_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""
"""A lease from now on, or another moment to tell an untold result, for rows that this transaction has locked."""


def chain(workspace_id: str, message_id: str) -> str:
    """A WITH for `repeated`: the message so named, and those that it repeats, from one to the next."""
    return f"""
WITH RECURSIVE repeated AS (
    SELECT message_id, state, receipt, since, (request->>'resend_of')::uuid AS resend_of, 1 AS place
    FROM dispatch.job WHERE workspace_id = {workspace_id} AND message_id = {message_id}
    UNION ALL
    SELECT e.message_id, e.state, e.receipt, e.since, (e.request->>'resend_of')::uuid, place + 1
    FROM repeated JOIN dispatch.job e ON e.workspace_id = {workspace_id} AND e.message_id = repeated.resend_of
    WHERE place < 100)
"""


REPEATED = f"""{chain("$1", "$2")}
SELECT j.message_id, j.state, j.receipt, j.since, (SELECT count(DISTINCT message_id) FROM repeated) AS count
FROM (SELECT message_id, min(place) AS place FROM repeated GROUP BY message_id) r
JOIN dispatch.job j ON j.workspace_id = $1 AND j.message_id = r.message_id
ORDER BY r.place FOR UPDATE OF j SKIP LOCKED
"""
"""
What a re-send repeats, locked: no news of it, and no other re-send of it, gets in between the look and the call.

Nobody waits for these locks, since what they are held with may be locked here; fewer than `count`: look again later.
"""

BESIDE = """
WITH RECURSIVE family AS (
    SELECT message_id, state, receipt, since FROM dispatch.job WHERE workspace_id = $1 AND message_id = $2
    UNION
    SELECT e.message_id, e.state, e.receipt, e.since
    FROM family f JOIN dispatch.job e
         ON e.workspace_id = $1 AND e.request ? 'resend_of' AND e.request->>'resend_of' = f.message_id::text)
SELECT state, receipt, since FROM family WHERE message_id <> ALL($3::uuid[])
"""
"""Every re-send of a message, of its re-sends and so on, but those named last."""

RIVALS = """
SELECT provider_message_id FROM dispatch.job
WHERE channel = $1 AND request->>'recipient' = $2 AND (workspace_id, message_id) <> ($3, $4)
      AND (provider_message_id = ANY($5::text[])
           OR (provider_message_id IS NULL AND attempt > 0 AND request->'content' = $6
               AND state IN ('sending', 'resolving', 'unknown', 'not_sent', 'accepted')))
"""
"""Jobs that own one of the ids, and those of the same recipient and text that may turn out to own one."""

KNOWN = """
SELECT workspace_id, message_id, wanted.channel_id, state, provider_message_id FROM dispatch.job
JOIN unnest($1::text[], $2::uuid[], $3::uuid[]) AS wanted (workspace_id, message_id, channel_id)
    USING (workspace_id, message_id, channel_id)
"""
"""The jobs that receipts are about."""

RECEIPTS = """
WITH better AS (
    SELECT workspace_id, message_id, told.receipt FROM dispatch.job
    JOIN unnest($1::text[], $2::uuid[], $3::text[]) AS told (workspace_id, message_id, receipt)
        USING (workspace_id, message_id)
    WHERE coalesce(array_position($4::text[], job.receipt), 0) < array_position($4::text[], told.receipt)
    ORDER BY workspace_id, message_id FOR UPDATE OF job)
UPDATE dispatch.job SET receipt = better.receipt FROM better
WHERE job.workspace_id = better.workspace_id AND job.message_id = better.message_id
"""
"""Remembers those receipts that are better than what is remembered; $4: from the least to the best."""

PUT_OFF = """
UPDATE dispatch.job SET due_at = now() + interval '5 minutes' WHERE workspace_id = $1 AND message_id = $2
"""
