"""Senders and the hosts behind them, as rows; every change is made under the row's lock, by the database's clock."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from dispatcher.domain import gates
from dispatcher.domain.answers import Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.breakers import Breaker, Cause
from dispatcher.domain.gates import Host, Meter, Sender, Standing
from dispatcher.storage import gate_statements as sql
from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import Channel
from runtime.postgres import Connection, Pool


@dataclass(frozen=True)
class ListedSender:
    """
    A connected channel as operators see it, and nothing but defaults where it was never used.

    Of its `waiting` jobs, the `due` ones are not to come later.
    """

    channel_id: UUID
    workspace_id: str
    name: str
    channel: str
    waiting: int
    due: int
    standing: Standing


class Senders:
    """What is known of senders, for all replicas."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def know(self, channel_id: UUID, channel: Channel, workspace_id: str, host: str) -> None:
        """Have a row for a sender, with the host that it uses now."""
        await self._pool.execute(sql.KNOW, channel_id, channel.value, workspace_id, host)

    async def report(self, channel_id: UUID, answer: Answer) -> tuple[Standing, Standing] | None:
        """Take an answer into account: how it stood before, and stands now. None where the sender is not known."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(sql.LOOK_AT_ONE, channel_id)
            if row is None:
                return None
            host_row = await connection.fetchrow(sql.LOOK_AT_HOST, row["host"])
            assert host_row is not None, "a foreign key holds it"
            before = Standing(sender_of(row), host_of(host_row["name"], host_row), row["now"])
            after = Standing(
                gates.sender_after(before.sender, answer, before.now),
                gates.host_after(before.host, channel_id, row["channels"], answer, before.now),
                before.now,
            )
            if after.sender != before.sender:
                await save_senders(connection, {channel_id: after.sender})
            if after.host != before.host:
                await save_hosts(connection, [after.host])
            return before, after

    async def unwell(self, channel: Channel) -> dict[UUID, Standing]:
        """Senders of this kind that are paused, held, failing or behind a host that fails; usually none."""
        rows = await self._pool.fetch(sql.UNWELL, channel.value)
        return {row["channel_id"]: standing_of(row) for row in rows}

    async def list(self, channel_id: UUID | None = None) -> list[ListedSender]:
        """Every connected channel, or one of them."""
        rows = await self._pool.fetch(sql.ALL, channel_id)
        names = ("channel_id", "workspace_id", "name", "channel", "waiting", "due")
        return [ListedSender(**{name: row[name] for name in names}, standing=standing_of(row)) for row in rows]

    async def pause(self, channel_id: UUID, by: str) -> None:
        """Let nothing leave through a known sender, on behalf of `by`."""
        await self._pool.execute(sql.PAUSE, channel_id, by)

    async def resume(self, channel_id: UUID) -> None:
        """Let it go on; where its breaker or its provider's is open, with a probe. A hold outlives a pause."""
        host = await self._pool.fetchval(sql.RESUME, channel_id)
        await self._pool.execute(sql.RETRY_HOST, host)

    async def limit(self, channel_id: UUID, per_second: float | None) -> None:
        """Let at most so many segments or messages leave each second; what was spent before stays owed."""
        await self._pool.execute(sql.LIMIT, channel_id, per_second)


async def save_senders(connection: Connection, senders: Mapping[UUID, Sender]) -> None:
    """Write what changed by itself, in rows that this transaction has locked; what operators set is left alone."""
    if senders:
        columns = [
            (channel_id, sender.meter.tat, sender.held_until, *_breaker_columns(sender.breaker))
            for channel_id, sender in senders.items()
        ]
        await connection.execute(sql.SAVE_SENDERS, *map(list, zip(*columns, strict=True)))


async def save_hosts(connection: Connection, hosts: Collection[Host]) -> None:
    """The same for hosts."""
    if hosts:
        columns = [
            (
                host.name,
                host.meter.tat,
                "{" + ",".join(sorted(map(str, host.failing))) + "}",
                *_breaker_columns(host.breaker),
            )
            for host in hosts
        ]
        await connection.execute(sql.SAVE_HOSTS, *map(list, zip(*columns, strict=True)))


def standing_of(row: asyncpg.Record) -> Standing:
    """A sender with its host; one without a row has no limits and no troubles."""
    if row["host"] is None:
        return Standing(Sender(), Host(), row["now"])
    return Standing(sender_of(row), host_of(row["host"], row), row["now"])


def sender_of(row: asyncpg.Record) -> Sender:
    """The columns of a sender."""
    return Sender(
        meter=Meter(row["s_per_second"], row["s_tat"]),
        breaker=_breaker(row, "s"),
        paused_at=row["s_paused_at"],
        paused_by=row["s_paused_by"],
        held_until=row["s_held_until"],
    )


def host_of(name: str, row: asyncpg.Record) -> Host:
    """The columns of a host."""
    return Host(name, Meter(None, row["h_tat"]), _breaker(row, "h"), frozenset(row["h_failing"]))


def _breaker(row: asyncpg.Record, alias: str) -> Breaker:
    cause = row[f"{alias}_cause"]
    return Breaker(
        failures=row[f"{alias}_failures"],
        openings=row[f"{alias}_openings"],
        cause=None if cause is None else Cause(cause),
        opened_at=row[f"{alias}_opened_at"],
        retry_at=row[f"{alias}_retry_at"],
        probing_since=row[f"{alias}_probing_since"],
        ramp_from=row[f"{alias}_ramp_from"],
        why=_why(row[f"{alias}_reason"], row[f"{alias}_detail"], row[f"{alias}_provider_code"], cause),
    )


def _why(reason: str | None, detail: str | None, code: str | None, cause: str | None) -> Refused | Unclear | None:
    if detail is None:
        return None
    if reason is None:
        return Unclear(detail, code)
    error_class = ErrorClass.BLOCKED if cause == Cause.BLOCKED else ErrorClass.NOT_SENT
    return Refused(error_class, FailureReason(reason), detail, code)


def _breaker_columns(breaker: Breaker) -> tuple[Any, ...]:
    why = breaker.why
    return (
        breaker.failures,
        breaker.openings,
        None if breaker.cause is None else breaker.cause.value,
        breaker.opened_at,
        breaker.retry_at,
        breaker.probing_since,
        breaker.ramp_from,
        why.reason.value if isinstance(why, Refused) else None,
        None if why is None else why.detail[:1000],
        None if why is None else why.provider_code,
    )
