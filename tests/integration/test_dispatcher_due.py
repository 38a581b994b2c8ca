"""Choosing what goes next, on a real PostgreSQL: sender by sender, people first, whatever waits elsewhere."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

import directory
from dispatcher.domain import gates
from dispatcher.domain.answers import Accepted, ErrorClass, Refused, Unclear
from dispatcher.domain.breakers import Cause
from dispatcher.domain.gates import Host, Sender
from dispatcher.ports import Room
from dispatcher.storage import SOURCE, due, gate_statements, telling
from dispatcher.storage.senders import Senders
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Lane, Service, TextContent
from runtime import clock
from runtime.migrations import migrate
from runtime.postgres import Pool, pool

A, B = UUID(int=0xA), UUID(int=0xB)
BAD_KEY = Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "Authenticate", "20003")
DOWN = Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "could not be reached")

_INSERT = """
INSERT INTO dispatch.job (workspace_id, message_id, event_id, digest, channel, channel_id, lane, not_after, request,
                          state, attempt, due_at)
SELECT 'w1', gen_random_uuid(), gen_random_uuid(), 'd', 'sms', $1, $2, now() + $5 * interval '1 second', $3, 'waiting',
       0, now() + $6 * interval '1 second' - interval '1 minute' + n * interval '1 ms'
FROM generate_series(1, $4::integer) n
"""


@dataclass
class Table:
    """The tables, and short ways to fill and read them."""

    pool: Pool
    senders: Senders
    database_url: str

    async def add(
        self,
        channel_id: UUID,
        count: int = 1,
        lane: Lane = Lane.BULK,
        *,
        text: str = "Hello",
        lifetime: float = 600,
        due_in: float = 0,
    ) -> None:
        request = SendRequested(
            message_id=uuid4(),
            workspace_id="w1",
            channel=Channel.SMS,
            channel_id=channel_id,
            recipient="+4915112345678",
            content=TextContent(text=text),
            requested_by=Service(name="test"),
            not_after=clock.now() + timedelta(seconds=600),
        ).model_dump(mode="json", exclude_none=True)
        await self.pool.execute(_INSERT, channel_id, lane.value, request, count, lifetime, due_in)

    async def know(self, *channel_ids: UUID, host: str = "twilio") -> None:
        for channel_id in channel_ids:
            await self.senders.know(channel_id, Channel.SMS, "w1", host)

    async def choose(self, slots: int = 100, **shares: int) -> due.Chosen:
        """One round; what is to be called is marked so, as the journal does. shares: by channel, in hexadecimal."""
        limits = {UUID(int=int(name, 16)): share for name, share in shares.items()}
        room = Room(slots, lambda channel_id, _lane: limits.get(channel_id, slots))
        async with self.pool.acquire() as connection, connection.transaction():
            chosen = await due.choose(connection, Channel.SMS, room)
            ids = [row["message_id"] for row in chosen.rows]
            sending = "UPDATE dispatch.job SET state = 'sending', due_at = now() + interval '1 minute' "
            await connection.execute(sending + "WHERE message_id = ANY($1)", ids)
            return chosen


@pytest.fixture
async def table(database_url: str) -> AsyncIterator[Table]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [directory.SOURCE, SOURCE])
    await connection.execute("TRUNCATE dispatch.job, dispatch.sender, dispatch.host, directory.channel")
    await connection.close()
    async with pool(database_url, application="test") as opened:
        yield Table(opened, Senders(opened), database_url)


def of(rows: Sequence[asyncpg.Record]) -> list[tuple[str, str]]:
    return [("A" if row["channel_id"] == A else "B", row["lane"]) for row in rows]


async def test_everything_of_unlimited_senders_goes(table: Table) -> None:
    await table.add(A, 3)
    await table.add(B, 2)
    chosen = await table.choose()
    assert sorted(of(chosen.rows)) == [("A", "bulk")] * 3 + [("B", "bulk")] * 2
    assert (chosen.next_seconds, chosen.hungry, chosen.unwell) == (None, frozenset(), frozenset())
    assert await table.pool.fetchval("SELECT count(*) FROM dispatch.job WHERE state = 'waiting'") == 0


async def test_ten_thousand_jobs_of_a_limited_sender_hide_nobody(table: Table) -> None:
    await table.know(A, B)
    await table.senders.limit(A, 10)
    await table.add(A, 10_000)
    await table.add(B, 1)
    assert sorted(of((await table.choose()).rows)) == [("A", "bulk"), ("B", "bulk")]


async def test_people_go_first_at_a_limited_sender(table: Table) -> None:
    await table.know(A)
    await table.senders.limit(A, 10)
    await table.add(A, 10_000)
    await table.add(A, 1, Lane.INTERACTIVE)
    chosen = await table.choose()
    assert of(chosen.rows) == [("A", "interactive")]
    assert chosen.next_seconds is not None
    assert 0.05 < chosen.next_seconds <= 0.1
    assert not chosen.hungry


async def test_oldest_goes_first_and_senders_take_turns(table: Table) -> None:
    await table.add(A, 5)
    await table.add(B, 5)
    rows = (await table.choose(slots=4)).rows
    assert of(rows) in ([("A", "bulk"), ("B", "bulk")] * 2, [("B", "bulk"), ("A", "bulk")] * 2)
    left = "SELECT min(due_at) FROM dispatch.job WHERE state = 'waiting' AND channel_id = $1"
    assert all([row["due_at"] <= await table.pool.fetchval(left, row["channel_id"]) for row in rows])


async def test_sender_that_cannot_be_judged_holds_up_nobody(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    await table.know(A, B)
    for channel_id in (A, B):
        await table.senders.limit(channel_id, 500)
        await table.add(channel_id, 3)
    await table.add(A, 1, lifetime=-1)
    spend = gates.spend

    def fails_for_a(sender: Sender, host: Host, cost: int, now: datetime) -> tuple[Sender, Host]:
        if sender.paused_by == "a":
            raise OverflowError("date value out of range")
        return spend(sender, host, cost, now)

    await table.pool.execute("UPDATE dispatch.sender SET paused_by = 'a' WHERE channel_id = $1", A)
    monkeypatch.setattr(gates, "spend", fails_for_a)
    rows = (await table.choose()).rows
    assert sorted(of(rows)) == [("A", "bulk"), *[("B", "bulk")] * 3]
    assert [row["seconds_left"] < 0 for row in rows if row["channel_id"] == A] == [True], "the one that expired"


async def test_what_needs_no_turn_goes_on_while_no_turn_can_be_chosen(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    await table.know(A)
    await table.add(A, 1)
    await table.add(A, 1, lifetime=-1)
    monkeypatch.setattr(gate_statements, "WAITING", "SELECT 1 / 0, $1::text")
    (late,) = (await table.choose()).rows
    assert late["seconds_left"] < 0


async def test_limit_keeps_what_is_owed(table: Table) -> None:
    await table.know(A)
    await table.senders.limit(A, 1)
    await table.pool.execute("UPDATE dispatch.sender SET tat = now() + interval '10 seconds'")

    async def owed() -> float:
        seconds = await table.pool.fetchval("SELECT extract(epoch FROM tat - now())::float8 FROM dispatch.sender")
        return round(float(seconds), 1)

    await table.senders.limit(A, 1)
    assert 9 < await owed() <= 10, "ten messages, one a second"
    await table.senders.limit(A, 10)
    assert 0.8 < await owed() <= 1
    await table.senders.limit(A, 0.001)
    assert 800 < await owed() <= 10_000
    await table.senders.limit(A, None)
    assert await table.pool.fetchval("SELECT tat FROM dispatch.sender") is None
    for wrong in (1e-12, 0.0, -1.0, 10_001.0):
        with pytest.raises(asyncpg.CheckViolationError):
            await table.senders.limit(A, wrong)


async def test_resume_of_a_healthy_channel_is_no_outage_and_ends_no_hold_of_the_provider(table: Table) -> None:
    await table.know(A)
    await table.add(A, 30)
    await table.senders.pause(A, "maria")
    assert not (await table.choose()).rows
    await table.senders.resume(A)
    assert len((await table.choose()).rows) == 30
    await table.senders.report(A, Refused(ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY, "wait", None, 60))
    await table.add(A, 1)
    await table.senders.pause(A, "maria")
    await table.senders.resume(A)
    assert not (await table.choose()).rows, "the pause has ended, the hold has not"
    await table.senders.resume(A)
    assert len((await table.choose()).rows) == 1


async def test_share_of_a_worker_bounds_a_channel(table: Table) -> None:
    await table.add(A, 10)
    await table.add(B, 1)
    chosen = await table.choose(slots=10, a=2)
    assert sorted(of(chosen.rows)) == [("A", "bulk")] * 2 + [("B", "bulk")]
    assert chosen.hungry == {A}


async def test_full_worker_is_hungry(table: Table) -> None:
    await table.add(A, 1)
    chosen = await table.choose(slots=0)
    assert list(chosen.rows) == []
    assert chosen.hungry == {A}


async def test_segments_are_what_a_rate_counts(table: Table) -> None:
    await table.know(A)
    await table.senders.limit(A, 10)
    await table.add(A, 2, text="a" * 300)
    chosen = await table.choose()
    assert len(chosen.rows) == 1
    assert chosen.next_seconds is not None
    assert 0.15 < chosen.next_seconds <= 0.2


async def test_two_replicas_spend_one_rate(table: Table) -> None:
    await table.know(A)
    await table.senders.limit(A, 20)
    await table.add(A, 100)
    count, began = 0, time.monotonic()
    while time.monotonic() < began + 2:
        count += len((await table.choose()).rows) + len((await table.choose()).rows)
    assert 20 <= count <= 44  # a busy machine looks more seldom; never more than the rate


async def test_sender_whose_row_is_locked_is_passed_by(table: Table) -> None:
    await table.know(A, B)
    for channel_id in (A, B):
        await table.senders.limit(channel_id, 1)
        await table.add(channel_id, 1)
    async with table.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM dispatch.sender WHERE channel_id = $1 FOR UPDATE", A)
        chosen = await table.choose()
    assert of(chosen.rows) == [("B", "bulk")]
    assert chosen.next_seconds == pytest.approx(due.TAKEN_SECONDS, abs=0.001)


async def test_frozen_replica_loses_the_sender_that_it_holds(table: Table) -> None:
    """PostgreSQL ends the transaction of a process that says nothing more; the message is not spent with it."""
    assert await table.pool.fetchval("SHOW idle_in_transaction_session_timeout") == "15s"
    await table.know(A, B)
    for channel_id in (A, B):
        await table.senders.limit(channel_id, 1)
    await table.add(A, 1)
    async with table.pool.acquire() as frozen:
        begun = frozen.transaction()
        await begun.start()
        await frozen.execute("SET LOCAL idle_in_transaction_session_timeout = '2s'")
        held = (await due.choose(frozen, Channel.SMS, Room(10))).rows
        assert of(held) == [("A", "bulk")]
        await table.add(B, 1)
        chosen = await table.choose()
        assert of(chosen.rows) == [("B", "bulk")]
        assert chosen.next_seconds == pytest.approx(due.TAKEN_SECONDS, abs=0.001)
        async with asyncio.timeout(5):
            while not (freed := (await table.choose()).rows):
                await asyncio.sleep(0.05)
        assert [row["message_id"] for row in freed] == [row["message_id"] for row in held]
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await begun.commit()


async def test_paused_sender_keeps_its_jobs_tells_people_once_and_resumes(table: Table) -> None:
    await table.know(A)
    await table.senders.pause(A, "maria")
    await table.add(A, 1, Lane.INTERACTIVE)
    chosen = await table.choose()
    assert list(chosen.rows) == []
    [(row, back)] = chosen.held
    assert back.why.reason is FailureReason.CHANNEL_PAUSED
    assert row["now"] < back.until < row["not_after"]
    assert list((await table.choose()).held) == []
    await table.senders.resume(A)
    assert of((await table.choose()).rows) == [("A", "interactive")]


async def test_everybody_who_waits_is_told_agents_first(table: Table) -> None:
    await table.know(A)
    await table.senders.pause(A, "maria")
    await table.add(A, 70)
    await table.add(A, 1, Lane.INTERACTIVE)
    first = await table.choose()
    assert first.held[0][0]["lane"] == "interactive"
    assert (len(first.held), first.next_seconds) == (telling.TELLINGS, 0.0)
    second = await table.choose()
    assert len(first.held) + len(second.held) == 71
    assert list((await table.choose()).held) == []


async def test_waiting_job_expires_behind_a_pause(table: Table) -> None:
    await table.know(A)
    await table.senders.pause(A, "maria")
    await table.add(A, 1, lifetime=-1)
    chosen = await table.choose()
    assert len(chosen.rows) == 1, "the journal sees that its time is over"
    assert list(chosen.held) == []


async def test_queueing_for_a_rate_is_told_after_a_while(table: Table) -> None:
    await table.know(A)
    await table.senders.limit(A, 0.1)
    await table.add(A, 1, due_in=60 - telling.QUEUE_SECONDS - 1)
    await table.add(A, 2, due_in=60 - telling.QUEUE_SECONDS + 2)
    assert len((await table.choose()).rows) == 1
    assert list((await table.choose()).held) == []
    await table.pool.execute("UPDATE dispatch.job SET due_at = due_at - interval '3 seconds'")
    chosen = await table.choose()
    assert [back.why.reason for _, back in chosen.held] == [FailureReason.CHANNEL_BUSY] * 2
    assert list((await table.choose()).held) == []


async def test_refused_channel_lets_one_probe_go_and_keeps_the_rest(table: Table) -> None:
    await table.know(A)
    await table.add(A, 3)
    await table.senders.report(A, BAD_KEY)
    chosen = await table.choose()
    assert list(chosen.rows) == []
    assert {back.why.error_class for _, back in chosen.held} == {ErrorClass.BLOCKED}
    await table.pool.execute("UPDATE dispatch.sender SET retry_at = now()")
    chosen = await table.choose()
    assert (len(chosen.rows), chosen.unwell) == (1, frozenset({A})), "its answer will be told, whoever lets it go"
    assert list((await table.choose()).rows) == []
    reported = await table.senders.report(A, Accepted("SM1", 1))
    assert reported is not None
    assert reported[1].sender.breaker.cause is None
    assert len((await table.choose()).rows) == 1, "the first of the ramp"
    chosen = await table.choose()
    assert list(chosen.rows) == []
    assert chosen.next_seconds is not None
    assert 0.5 < chosen.next_seconds <= 1


async def test_channel_that_was_connected_anew_probes_at_once(table: Table) -> None:
    await table.know(A)
    await table.add(A, 2)
    await table.senders.report(A, BAD_KEY)
    await table.pool.execute("UPDATE dispatch.sender SET opened_at = now() - interval '1 minute'")
    await table.pool.execute(
        "INSERT INTO directory.workspace (id, name, region, time_zone, open_new_read, open_new_assign, sealed_token) "
        "VALUES ('w1', 'w', 'us', 'UTC', false, false, '') ON CONFLICT DO NOTHING"
    )
    await table.pool.execute(
        "INSERT INTO directory.channel (id, workspace_id, name, channel, provider, sender, settings, enabled, "
        "sealed_credentials, updated_at) VALUES ($1, 'w1', 'a', 'sms', 'twilio', 'x', '{}', true, '', "
        "now() - interval '10 seconds')",
        A,
    )
    assert len((await table.choose()).rows) == 1
    assert len((await table.choose()).rows) == 0, "one probe at a time"


async def test_host_that_is_down_shuts_all_its_channels_and_no_other(table: Table) -> None:
    other = UUID(int=0xC)
    await table.know(A, B)
    await table.know(other, host="twilio https://elsewhere.example")
    for channel_id in (A, B, A, B, A):
        await table.senders.report(channel_id, DOWN)
    for channel_id in (A, B, other):
        await table.add(channel_id, 2)
    chosen = await table.choose()
    assert [row["channel_id"] for row in chosen.rows] == [other] * 2
    assert len(chosen.held) == 4
    await table.pool.execute("UPDATE dispatch.host SET retry_at = now() WHERE cause IS NOT NULL")
    assert len((await table.choose()).rows) == 1, "one probe for the host"


async def test_choosing_overwrites_nothing_that_it_has_not_locked(table: Table) -> None:
    await table.know(A)
    await table.add(A, 1)
    other = await table.pool.acquire()
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE dispatch.sender SET failures = 3 WHERE channel_id = $1", A)
    assert len((await table.choose()).rows) == 1, "nobody waits for a healthy sender's row"
    await transaction.commit()
    await table.pool.release(other)
    assert await table.pool.fetchval("SELECT failures FROM dispatch.sender") == 3


async def test_failures_are_counted_across_replicas(table: Table) -> None:
    await table.know(A)
    replicas = [Senders(table.pool) for _ in range(5)]
    for replica in replicas:
        await replica.report(A, Unclear("time-out"))
    standing = (await replicas[0].unwell(Channel.SMS))[A]
    assert (standing.sender.breaker.cause, standing.sender.breaker.failures) == (Cause.FAILING, 5)


async def _plan(table: Table, statement: str, *parameters: Any) -> dict[str, Any]:
    """The plan that was carried out, as the fifth execution and later ones of a prepared statement have it."""
    async with table.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *parameters)
        finally:
            await transaction.rollback()
    plan: dict[str, Any] = json.loads(found)[0]
    return plan


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


@pytest.mark.parametrize("analyzed", [False, True])
async def test_plans_read_what_they_return_however_much_waits(table: Table, analyzed: bool) -> None:
    await table.know(A, B)
    await table.senders.limit(A, 10)
    await table.add(A, 20_000)
    await table.add(A, 5_000, due_in=86_400)
    await table.add(B, 3)
    await table.pool.execute("UPDATE dispatch.job SET gate = 'paused' WHERE channel_id = $1", A)
    if analyzed:
        await table.pool.execute("ANALYZE dispatch.job")
    pick = await _plan(table, gate_statements.PICK, "sms", [A, B], [1, 10], [1, 10], [1, 10])
    waiting = await _plan(table, gate_statements.WAITING, "sms")
    untold = await _plan(table, gate_statements.UNTOLD, [A] * 2, ["", "held"], [0.0] * 2, 50)
    others = await _plan(table, gate_statements.OTHERS, "sms", 50)
    repeats = await _plan(table, gate_statements.REPEATS_SENT, "sms", 50, ["accepted"])
    plans = {"pick": pick, "waiting": waiting, "untold": untold, "others": others, "repeats": repeats}
    for name, plan in plans.items():
        scans = [node for node in _nodes(plan["Plan"]) if node.get("Relation Name") == "job"]
        assert scans, name
        read = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans
        )
        assert read < 100, (name, read, [(n["Node Type"], n.get("Index Name"), n["Actual Rows"]) for n in scans])
        assert not [node for node in scans if node["Node Type"] == "Seq Scan"], name
