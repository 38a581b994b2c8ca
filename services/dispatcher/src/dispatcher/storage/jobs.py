"""The journal of claims and outcomes, written in micro-batches. The database's clock is the only clock."""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg

from dispatcher.domain import resends
from dispatcher.domain.job import REFUSED_FOR_GOOD
from dispatcher.domain.states import (
    Act,
    Answered,
    CancelAsked,
    Capabilities,
    Happening,
    Job,
    ReceiptCame,
    State,
)
from dispatcher.ports import Claim, Rivals, Room, Settled, Taken
from dispatcher.storage import due
from dispatcher.storage import statements as sql
from dispatcher.storage.rows import (
    Key,
    Request,
    claimed,
    columns_of_keys,
    columns_of_requests,
    key_of,
    key_of_row,
    read,
)
from dispatcher.storage.steps import SHARED, Happened, Steps, renew
from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.envelope import Event, content_digest
from proactive_contracts.receipts import DeliveryReported
from proactive_contracts.requests import CancelRequested, SendRequested
from proactive_contracts.results import SendCancelled
from proactive_contracts.values import Channel, Lane
from runtime.batching import Batcher
from runtime.postgres import Connection, Pool

_Receipt: TypeAlias = tuple[Key, DeliveryReported]


class PostgresJobs:
    """
    dispatcher.ports.Jobs on schema `dispatch`. A lease lasts `lease_seconds` from the claim.

    `capabilities`: what each provider offers, by its name. `chance` gives numbers in [0, 1).
    `collects`: batches grow while it is busy (runtime.batching).
    """

    def __init__(
        self,
        pool: Pool,
        lease_seconds: float,
        capabilities: Mapping[str, Capabilities] | None = None,
        chance: Callable[[], float] = random.random,
        *,
        collects: bool = False,
    ) -> None:
        self._pool = pool
        self._lease = lease_seconds
        self._worker = uuid4()
        self._steps = Steps(lease_seconds, self._worker, capabilities or {}, chance)
        self._called_again = frozenset(name for name, can in (capabilities or {}).items() if can.same_id_again)
        self._handed_out: set[tuple[Key, int]] = set()
        self._unsure_until = 0.0
        self._claims = Batcher(self._claim_batch, shared=SHARED, collects=collects)
        self._events = Batcher(self._settle_batch, shared=SHARED, collects=collects)
        self._receipts = Batcher(self._receipts_batch, shared=SHARED)
        self._announcements = Batcher(self._announced_batch, shared=SHARED, collects=collects)

    async def claim(
        self, event: Event[SendRequested], lane: Lane, provider: str | None = None, *, held: bool = False
    ) -> Claim:
        """Commit to sending this, or to its waiting where `held`; or find what was committed before."""
        request = Request(event, lane, content_digest(event.data), provider, held)
        return await (self._claims.add(request) if event.data.resend_of is None else self._claim_resend(request))

    async def settle(
        self,
        workspace_id: str,
        message_id: UUID,
        happening: Happening,
        provider: str | None = None,
        *,
        known: Job | None = None,
        tell_in: float = sql.ANNOUNCE_SECONDS,
    ) -> Settled | None:
        """
        Record what happened; None where no such job is there.

        `known`: the job as it was handed out, to whoever says what came of it. `tell_in`: seconds after which a worker
        tells it, if nobody did.
        """
        return await self._events.add(Happened((workspace_id, message_id), happening, provider, tell_in, known))

    async def cancel(self, event: Event[CancelRequested], lane: Lane) -> Settled:
        """Stop a job that has not left; one that never came gets a cancelled row, which its request will meet."""
        asked = event.data
        stopped = resends.stopped_before(asked, asked.requested_by)
        while True:
            settled = await self.settle(asked.workspace_id, asked.message_id, CancelAsked(asked.requested_by))
            if settled is not None:
                return settled
            answers = asked.answers or event.id
            row = await _take_place(self._pool, stopped, lane, answers, sql.ANNOUNCE_SECONDS, event.traceparent)
            if row is not None:
                return Settled(read(row), changed=True)

    async def announced(self, job: Job) -> None:
        """The job's present result was confirmed by the broker."""
        await self._announcements.add(job)

    async def take_due(self, channel: Channel, room: Room) -> Taken:
        """
        Jobs whose time has come, each handed to one caller only.

        Untold results are put off, so that no other replica tells them at the same time. Where a commit's answer was
        lost a moment ago, what this worker holds without knowing it is handed out as well.
        """
        with self._handing_out() as hand_out:
            async with self._pool.acquire() as connection, connection.transaction():
                lost = await self._lost(connection, channel) if time.monotonic() < self._unsure_until else []
                chosen = await due.choose(connection, channel, room, self._called_again)
                going = [*((row, None) for row in chosen.rows), *chosen.held, *chosen.repeating]
                moved = await self._steps.move_on(connection, going)
                told = await self._steps.tell_again(connection, channel) if room.others else []
                return Taken(hand_out([*lost, *moved, *told]), chosen.next_seconds, chosen.hungry, chosen.unwell)

    async def find(self, workspace_id: str, message_id: UUID) -> Job | None:
        """One job."""
        row = await self._pool.fetchrow(sql.FIND, [workspace_id], [message_id])
        return None if row is None else read(row)

    async def rivals(self, job: Job, provider_message_ids: Collection[str]) -> Rivals:
        """Which of these ids other jobs own, and whether another unresolved job reads like this one."""
        request = job.request
        assert request is not None, "only what was called is looked up"
        content = request.content.model_dump(mode="json", exclude_none=True)
        about = (request.channel.value, request.recipient, *key_of(job), list(provider_message_ids), content)
        ids = [row["provider_message_id"] for row in await self._pool.fetch(sql.RIVALS, *about)]
        return Rivals(frozenset(one for one in ids if one is not None), alike=None in ids)

    async def record_receipt(self, receipt: DeliveryReported) -> None:
        """Remember the best receipt, and that the provider has the message; the worker's scheduler tells that."""
        if receipt.message_id is None:
            return
        await self._receipts.add(((receipt.workspace_id, receipt.message_id), receipt))

    @contextmanager
    def _handing_out(self) -> Iterator[Callable[[list[Claim]], list[Claim]]]:
        """
        Remember what is handed out before it is committed, and forget it where the commit fails.

        Its answer may be all that was lost: for a while, take_due looks for rows of ours that nobody was handed.
        """
        handed: set[tuple[Key, int]] = set()

        def hand_out(claims: list[Claim]) -> list[Claim]:
            handed.update((key_of(claim.job), claim.job.attempt) for claim in claims if claim.act is Act.CALL)
            self._handed_out |= handed
            return claims

        try:
            yield hand_out
        except BaseException:
            self._handed_out -= handed
            self._unsure_until = time.monotonic() + self._lease
            raise

    async def _claim_batch(self, requests: list[Request]) -> list[Claim]:
        """In one statement, which commits by itself: see _handing_out for why it is remembered before."""
        perhaps = {(request.key, 1) for request in requests} - self._handed_out
        self._handed_out |= perhaps
        called: set[tuple[Key, int]] = set()
        try:
            claims = await self._claim_on(self._pool, requests)
            called = {(key_of(claim.job), 1) for claim in claims if claim.act is Act.CALL}
        except BaseException:
            self._unsure_until = time.monotonic() + self._lease
            raise
        finally:
            self._handed_out -= perhaps - called
        return claims

    async def _claim_resend(self, request: Request) -> Claim:
        """
        A re-send always waits for the scheduler, which looks at the message that it repeats.

        Where that one never came, its place is taken by a cancelled row, so that it cannot be sent later as well.
        """
        resend = request.event.data
        assert resend.resend_of is not None
        async with self._pool.acquire() as connection, connection.transaction():
            await _take_place(connection, resends.replaced_by(resend), request.lane, resend.resend_of, None, None)
            return (await self._claim_on(connection, [replace(request, held=True)]))[0]

    async def _claim_on(self, connection: Connection | Pool, requests: list[Request]) -> list[Claim]:
        """A batch may hold one message twice: the first one claims, the others find its row."""
        first: dict[Key, Request] = {}
        for request in requests:
            first.setdefault(request.key, request)
        in_order = [first[key] for key in sorted(first)]  # all replicas lock in one order: no deadlocks
        rows = await connection.fetch(sql.CLAIM, *columns_of_requests(in_order), self._lease, self._worker)
        made = {key_of_row(row): row for row in rows}
        fresh = [request.key in made and first[request.key] is request for request in requests]
        known = [request.key for request, is_fresh in zip(requests, fresh, strict=True) if not is_fresh]
        rows = await connection.fetch(sql.FIND, *columns_of_keys(known)) if known else []
        found = {key_of_row(row): Claim(read(row), Act.NOTHING, row["seconds_left"]) for row in rows}
        return [
            _claimed(request, made[request.key]) if is_fresh else found[request.key]
            for request, is_fresh in zip(requests, fresh, strict=True)
        ]

    async def _settle_batch(self, events: list[Happened]) -> list[Settled | None]:
        settled: dict[int, Settled | None] = {}
        for one_each in _rounds(events):
            settled |= await self._settle_different(one_each)
        for event in events:
            if isinstance(event.happening, Answered):
                self._handed_out.discard((event.key, event.happening.attempt))
        return [settled[place] for place in range(len(events))]

    async def _settle_different(self, events: dict[int, Happened]) -> dict[int, Settled | None]:
        accepted = await self._steps.accept(self._pool, list(events.values()))
        settled: dict[int, Settled | None] = {
            place: accepted[event.key] for place, event in events.items() if event.key in accepted
        }
        others = {place: event for place, event in events.items() if place not in settled}
        if others:
            async with self._pool.acquire() as connection, connection.transaction():
                settled |= zip(others, await self._steps.settle(connection, list(others.values())), strict=True)
        return settled

    async def _receipts_batch(self, receipts: list[_Receipt]) -> list[None]:
        about = [(*key, receipt.channel_id) for key, receipt in receipts]
        rows = await self._pool.fetch(sql.KNOWN, *map(list, zip(*about, strict=True)))
        known = {(*key_of_row(row), row["channel_id"]): row for row in rows}
        unheard: list[Happened] = []
        best: dict[Key, str] = {}
        for (key, receipt), its_job in zip(receipts, about, strict=True):
            row = known.get(its_job)
            if row is None:
                continue
            if row["provider_message_id"] is None and State(row["state"]) not in REFUSED_FOR_GOOD:
                came = ReceiptCame(receipt.provider, receipt.provider_message_id)
                unheard.append(Happened(key, came, receipt.provider, tell_in=0))
            word = resends.receipt_word(receipt)
            best[key] = max(best.get(key, word), word, key=resends.RECEIPT_ORDER.index)
        await asyncio.gather(*map(self._events.add, unheard))
        if best:
            await self._pool.execute(sql.RECEIPTS, *columns_of_keys([*best]), [*best.values()], resends.RECEIPT_ORDER)
        return [None] * len(receipts)

    async def _announced_batch(self, jobs: list[Job]) -> list[None]:
        keys = columns_of_keys([key_of(job) for job in jobs])
        await self._pool.execute(sql.ANNOUNCED, *keys, [job.transition for job in jobs])
        return [None] * len(jobs)

    async def _lost(self, connection: Connection, channel: Channel) -> list[Claim]:
        """Claims of this worker whose commit was not answered, with a new lease: nobody else may call them."""
        rows = await connection.fetch(sql.LOST, channel.value, self._worker)
        jobs = [(read(row), row["seconds_left"]) for row in rows]
        lost = [(job, left) for job, left in jobs if (key_of(job), job.attempt) not in self._handed_out]
        await renew(connection, [job for job, _ in lost], self._lease)
        return [Claim(job, Act.CALL, left) for job, left in lost]


def _claimed(request: Request, row: asyncpg.Record) -> Claim:
    act = Act.CALL if row["state"] == State.SENDING else Act.NOTHING
    return Claim(claimed(request, row), act, row["seconds_left"], fresh=True)


def _rounds(events: Sequence[Happened]) -> Iterator[dict[int, Happened]]:
    """By their places, and no job twice in a round: what happens to it happens in order."""
    rest = dict(enumerate(events))
    while rest:
        first: dict[Key, int] = {}
        for place, event in rest.items():
            first.setdefault(event.key, place)
        yield {place: rest.pop(place) for place in first.values()}


async def _take_place(
    connection: Connection | Pool,
    stopped: SendCancelled,
    lane: Lane,
    event_id: UUID,
    tell_in: float | None,
    traceparent: str | None,
) -> asyncpg.Record | None:
    """Put a cancelled row where a message never came; None where there is one."""
    return await connection.fetchrow(
        sql.TAKE_PLACE,
        stopped.workspace_id,
        stopped.message_id,
        event_id,
        stopped.channel.value,
        stopped.channel_id,
        lane.value,
        EVENT_TYPES[type(stopped)],
        stopped.model_dump(mode="json", exclude_none=True),
        tell_in,
        traceparent,
    )
