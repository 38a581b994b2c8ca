"""The statements about senders and the hosts behind them."""

from dispatcher.storage.statements import JOB, chain

SENDER = (
    "per_second, tat, paused_at, paused_by, held_until, failures, openings, cause, opened_at, retry_at, probing_since, "
    "ramp_from, reason, detail, provider_code"
)
HOST = (
    "tat, failing, failures, openings, cause, opened_at, retry_at, probing_since, ramp_from, reason, detail, "
    "provider_code"
)


def _columns(names: str, alias: str) -> str:
    return ", ".join(f"{alias}.{name.strip()} AS {alias}_{name.strip()}" for name in names.split(","))


SENDER_COLUMNS, HOST_COLUMNS = _columns(SENDER, "s"), _columns(HOST, "h")

KNOW = """
WITH made AS (INSERT INTO dispatch.host (name) VALUES ($4) ON CONFLICT DO NOTHING)
INSERT INTO dispatch.sender AS s (channel_id, channel, workspace_id, host) VALUES ($1, $2, $3, $4)
ON CONFLICT (channel_id) DO UPDATE SET host = excluded.host, channel = excluded.channel WHERE s.host <> excluded.host
"""
"""A sender's row at its first use, or with another host."""

WAITING = f"""
WITH RECURSIVE waiting(channel_id) AS (
    (SELECT channel_id FROM dispatch.job WHERE channel = $1 AND state = 'waiting' ORDER BY channel_id LIMIT 1)
    UNION ALL
    SELECT (SELECT j.channel_id FROM dispatch.job j
            WHERE j.channel = $1 AND j.state = 'waiting' AND j.channel_id > w.channel_id
            ORDER BY j.channel_id LIMIT 1)
    FROM waiting w WHERE w.channel_id IS NOT NULL)
SELECT w.channel_id, s.host, clock_timestamp() AS now, {SENDER_COLUMNS}, {HOST_COLUMNS},
       (SELECT min(due_at) FROM dispatch.job j
        WHERE j.channel = $1 AND j.channel_id = w.channel_id AND j.state = 'waiting' AND j.lane = 'interactive'
       ) AS agents_due_at,
       (SELECT min(due_at) FROM dispatch.job j
        WHERE j.channel = $1 AND j.channel_id = w.channel_id AND j.state = 'waiting' AND j.lane = 'bulk'
       ) AS bulk_due_at,
       coalesce(c.updated_at > s.opened_at AND c.updated_at < now() - interval '6 seconds', false) AS mended
FROM waiting w
LEFT JOIN dispatch.sender s ON s.channel_id = w.channel_id
LEFT JOIN dispatch.host h ON h.name = s.host
LEFT JOIN directory.channel c ON c.id = w.channel_id
WHERE w.channel_id IS NOT NULL
"""
"""
Every channel that has waiting jobs, from one index entry to the next, however many jobs there are.

mended: the channel was connected anew after its breaker opened, and every process has seen it by now.
"""

LOCK_SENDERS = f"""
SELECT s.channel_id, clock_timestamp() AS now, {SENDER_COLUMNS} FROM dispatch.sender s
WHERE s.channel_id = ANY($1::uuid[]) FOR UPDATE SKIP LOCKED
"""
LOCK_HOSTS = f"""
SELECT h.name, {HOST_COLUMNS} FROM dispatch.host h WHERE h.name = ANY($1::text[]) FOR UPDATE SKIP LOCKED
"""
"""Nobody waits for these locks: who finds them taken looks again a moment later."""

_READ = (
    f"{JOB}, channel_id, gate, extract(epoch FROM not_after - now())::float8 AS seconds_left, clock_timestamp() AS now"
)
_NAMES = f"{JOB}, channel_id, gate, seconds_left, now"


def _waiting(lane: str, limit: str) -> str:
    return (
        "SELECT t.place, j.* FROM turn t, LATERAL ("
        f"SELECT {_READ} FROM dispatch.job j WHERE j.channel = $1 AND j.channel_id = t.channel_id "
        f"AND j.state = 'waiting' AND j.lane = '{lane}' AND j.due_at <= now() AND j.not_after > now() "
        f"ORDER BY j.due_at LIMIT {limit} FOR UPDATE SKIP LOCKED) j"
    )


PICK = f"""
WITH turn AS MATERIALIZED (
    SELECT * FROM unnest($2::uuid[], $3::integer[], $4::integer[], $5::integer[])
    WITH ORDINALITY AS t(channel_id, most, agents, bulk, place)),
agents AS MATERIALIZED ({_waiting("interactive", "least(t.most, t.agents)")}),
bulk AS MATERIALIZED (
    {_waiting("bulk", "greatest(0, least(t.bulk, t.most - (SELECT count(*) FROM agents a WHERE a.place = t.place)))")})
SELECT {_NAMES} FROM agents UNION ALL SELECT {_NAMES} FROM bulk
"""
"""At most so many jobs of each sender: agents' before services', the oldest first."""


def _not_so_told(lane: str) -> str:
    return (
        "SELECT j.* FROM turn t, LATERAL ("
        f"SELECT {_READ} FROM dispatch.job j WHERE j.channel_id = t.channel_id AND j.state = 'waiting' "
        f"AND j.lane = '{lane}' AND j.gate = t.told AND j.due_at <= now() - t.seconds * interval '1 second' "
        f"AND j.not_after > now() ORDER BY j.due_at LIMIT $4 FOR UPDATE SKIP LOCKED) j"
    )


UNTOLD = f"""
WITH turn AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::float8[]) AS t(channel_id, told, seconds)),
agents AS MATERIALIZED ({_not_so_told("interactive")}),
bulk AS MATERIALIZED ({_not_so_told("bulk")})
SELECT {_NAMES} FROM (SELECT 0 AS place, * FROM agents UNION ALL SELECT 1, * FROM bulk) u ORDER BY place LIMIT $4
"""
"""Jobs that have been due for `seconds`, and of which people were told `told` so far: each a row of its own."""

OTHERS = f"""
WITH late AS MATERIALIZED (
    SELECT {_READ} FROM dispatch.job WHERE channel = $1 AND state = 'waiting' AND not_after < 'infinity'
    AND not_after <= now() ORDER BY not_after LIMIT $2 FOR UPDATE SKIP LOCKED),
other AS MATERIALIZED (
    SELECT {_READ} FROM dispatch.job WHERE channel = $1 AND state <> 'waiting' AND due_at <= now()
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
SELECT {_NAMES} FROM late UNION ALL SELECT {_NAMES} FROM other
"""
"""
What needs no turn: waiting jobs that expired, lapsed leases, what is resolved, results that were not told.
"""

REPEATS_SENT = f"""
SELECT {_READ}, earlier_state, earlier_receipt, earlier_since
FROM dispatch.job j,
LATERAL ({chain("j.workspace_id", "(j.request->>'resend_of')::uuid")}
    SELECT state AS earlier_state, receipt AS earlier_receipt, since AS earlier_since
    FROM repeated WHERE coalesce(receipt, state) = ANY($3::text[]) ORDER BY place LIMIT 1) e
WHERE channel = $1 AND state = 'waiting' AND request ? 'resend_of' AND not_after > now()
LIMIT $2 FOR UPDATE OF j SKIP LOCKED
"""
"""Re-sends that wait, at whatever gate, though what they repeat was sent after all."""

TOLD = """
UPDATE dispatch.job j SET gate = u.gate
FROM unnest($1::text[], $2::uuid[], $3::text[]) AS u(workspace_id, message_id, gate)
WHERE j.workspace_id = u.workspace_id AND j.message_id = u.message_id
"""

SAVE_SENDERS = """
UPDATE dispatch.sender s
SET tat = u.tat, held_until = u.held_until, failures = u.failures, openings = u.openings, cause = u.cause,
    opened_at = u.opened_at, retry_at = u.retry_at, probing_since = u.probing_since, ramp_from = u.ramp_from,
    reason = u.reason, detail = u.detail, provider_code = u.provider_code
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::integer[], $5::integer[], $6::text[],
            $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[],
            $13::text[])
     AS u(channel_id, tat, held_until, failures, openings, cause, opened_at, retry_at, probing_since, ramp_from,
          reason, detail, provider_code)
WHERE s.channel_id = u.channel_id
"""

SAVE_HOSTS = """
UPDATE dispatch.host h
SET tat = u.tat, failing = u.failing::uuid[], failures = u.failures, openings = u.openings, cause = u.cause,
    opened_at = u.opened_at, retry_at = u.retry_at, probing_since = u.probing_since, ramp_from = u.ramp_from,
    reason = u.reason, detail = u.detail, provider_code = u.provider_code
FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::timestamptz[],
            $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::text[])
     AS u(name, tat, failing, failures, openings, cause, opened_at, retry_at, probing_since, ramp_from, reason, detail,
          provider_code)
WHERE h.name = u.name
"""

LOOK_AT_ONE = f"""
SELECT s.host, clock_timestamp() AS now, {SENDER_COLUMNS},
       (SELECT count(*) FROM (SELECT FROM dispatch.sender o WHERE o.host = s.host LIMIT 2) two) AS channels
FROM dispatch.sender s WHERE s.channel_id = $1 FOR UPDATE OF s
"""
LOOK_AT_HOST = f"SELECT h.name, {HOST_COLUMNS} FROM dispatch.host h WHERE h.name = $1 FOR UPDATE"

FAILURES_BACK = """
WITH held AS (
    SELECT channel_id FROM dispatch.sender WHERE channel_id = ANY($1::uuid[]) AND cause IS NULL AND failures > 0
    ORDER BY channel_id FOR UPDATE)
UPDATE dispatch.sender s
SET failures = greatest(0, s.failures - (SELECT count(*) FROM unnest($1::uuid[]) one WHERE one = s.channel_id))
FROM held WHERE s.channel_id = held.channel_id
"""
"""Failures that were none, one for each time that a channel is named."""

LOCK_IN_ORDER = f"""
SELECT s.channel_id, s.host, clock_timestamp() AS now, {SENDER_COLUMNS} FROM dispatch.sender s
WHERE s.channel_id = ANY($1::uuid[]) ORDER BY s.channel_id FOR UPDATE
"""
LOCK_HOSTS_IN_ORDER = f"""
SELECT h.name, {HOST_COLUMNS} FROM dispatch.host h WHERE h.name = ANY($1::text[]) ORDER BY h.name FOR UPDATE
"""
"""The same two, waited for: senders before hosts, as everybody does who waits."""

UNWELL = f"""
SELECT s.channel_id, s.host, clock_timestamp() AS now, {SENDER_COLUMNS}, {HOST_COLUMNS}
FROM dispatch.sender s JOIN dispatch.host h ON h.name = s.host
WHERE s.channel = $1
      AND (s.failures > 0 OR s.openings > 0 OR s.paused_at IS NOT NULL OR s.held_until > now()
           OR h.failures > 0 OR h.openings > 0)
"""

ALL = f"""
SELECT c.id AS channel_id, c.channel, c.workspace_id, c.name, s.host, clock_timestamp() AS now,
       {SENDER_COLUMNS}, {HOST_COLUMNS}, coalesce(w.waiting, 0) AS waiting, coalesce(w.due, 0) AS due
FROM directory.channel c
LEFT JOIN dispatch.sender s ON s.channel_id = c.id
LEFT JOIN dispatch.host h ON h.name = s.host
LEFT JOIN (SELECT channel_id, count(*) AS waiting, count(*) FILTER (WHERE due_at <= now()) AS due
           FROM dispatch.job WHERE state = 'waiting' GROUP BY channel_id) w ON w.channel_id = c.id
WHERE $1::uuid IS NULL OR c.id = $1
ORDER BY c.workspace_id, c.name
"""

PAUSE = """
UPDATE dispatch.sender SET paused_at = coalesce(paused_at, now()), paused_by = coalesce(paused_by, $2)
WHERE channel_id = $1
"""

RESUME = """
UPDATE dispatch.sender
SET paused_at = NULL, paused_by = NULL, held_until = CASE WHEN paused_at IS NOT NULL THEN held_until END,
    retry_at = CASE WHEN cause IS NOT NULL THEN now() END, probing_since = NULL
WHERE channel_id = $1 RETURNING host
"""
RETRY_HOST = """
UPDATE dispatch.host SET retry_at = now(), probing_since = NULL WHERE name = $1 AND cause IS NOT NULL
"""
"""An open breaker, the channel's or its provider's, lets a probe go. A hold ends only where nothing else does."""

LIMIT = """
UPDATE dispatch.sender
SET per_second = $2::float8,
    tat = CASE WHEN $2 IS NULL THEN NULL WHEN per_second IS NULL THEN tat
               ELSE now() + least(interval '1 day', greatest(tat - now(), interval '0') * (per_second / $2)) END
WHERE channel_id = $1
"""
"""What was spent before and is not paid for yet is paid at the new rate; NULL, no limit, forgives it."""
