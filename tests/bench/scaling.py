"""
Does scaling a channel work? Agents alone, then 5,000 bulk messages among theirs, with a provider that takes a second.

Meanwhile the channel's workers come and go as its ScaledObject says (tests.bench.autoscaled).
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import aiormq
import asyncpg

from devstack.channels import SMS, channels_file
from proactive_contracts.topology import EVENTS
from proactive_contracts.values import Lane
from runtime.lifecycle import loop_factory
from tests.bench.autoscaled import Autoscaled, Sample, scaled_object
from tests.bench.autoscaler import read_rule
from tests.bench.contestants import MOST_WORKERS, OURS, TEXT, with_workers
from tests.bench.filling import Say
from tests.bench.scaled import SPAN_SECONDS, Asked, Scaled, accounts, told
from tests.bench.world import World
from tests.support.bus import send_requested

AGENTS_PER_SECOND = 4
"""Agents' messages, through all senders in turn."""

MESSAGES = 5_000
"""Bulk messages, at once."""

SENDERS, PER_SECOND = 6, 20
"""The channel's senders, and the rate of each."""

WARM_UP_SECONDS, QUIET_SECONDS = 5, 60
"""Agents alone, with one worker; what they send in the former does not count."""

MOST_SECONDS = 900
"""What is not done by then is called lost."""

AT_ONCE = 250
"""Publishes that wait for their confirms at the same time."""

_DEFAULT = {"PROACTIVE_CONCURRENCY": "40"}
"""The workers' own default, which the other benchmarks change."""

_senders = [
    replace(SMS, id=SMS.id[:-2] + f"{10 + number}", name=f"Line {number}", sender=f"{SMS.sender[:-2]}1{number}")
    for number in range(1, SENDERS + 1)
]


def scaling(world: World, say: Say, factor: float) -> Scaled:
    """
    Play it in a watched world, with every time of the rule divided by the factor.

    Raises:
        DevstackError: something did not start, or a worker did not end in good order.
    """
    rule = read_rule(scaled_object()).faster(factor)
    all_workers = with_workers(MOST_WORKERS)
    world.start(OURS, {SMS.worker: _DEFAULT, "status_tracker": {"PROACTIVE_CONCURRENCY": "50"}})
    try:
        world.start_service("dispatcher-webhooks")
        _connect_senders(world)
        world.counters.mode = "slow"
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_Play(world, Scaled(rule, factor), say).play())
    finally:
        world.counters.mode = "constant"
        world.stop(all_workers)
        world.stop_service("dispatcher-webhooks")


def _connect_senders(world: World) -> None:
    """By proactivectl, as an operator does."""
    file = world.stack.state.folder / "senders.yaml"
    file.write_text(channels_file(world.stack.surroundings, _senders))
    world.stack.proactivectl("apply", "-f", str(file))
    for sender in _senders:
        world.stack.proactivectl("channel", "limit", sender.id, str(PER_SECOND))


class _Play:
    """Publishes, and looks what became of it."""

    def __init__(self, world: World, scaled: Scaled, say: Say) -> None:
        self._world = world
        self._scaled = scaled
        self._say = say
        self._agents: dict[str, Asked] = {}
        self._panel = f"panel.{uuid4()}"
        self._bulk: set[str] = set()
        self._told_at = 0.0

    async def play(self) -> Scaled:
        """From the first agent's message to what the history says of the last one."""
        scaled, stopping = self._scaled, asyncio.Event()
        bulk = [_letter(number) for number in range(MESSAGES)]
        async with _connections(self._world) as (connection, database):
            await self._listen(await connection.channel())
            agents = asyncio.create_task(self._keep_sending(await connection.channel(), stopping))
            self._say(f"The ScaledObject, with its times divided by {scaled.factor:g}: {scaled.rule}.")
            self._say(f"agents alone: {AGENTS_PER_SECOND} messages/s for {QUIET_SECONDS} s, one worker")
            await asyncio.sleep(WARM_UP_SECONDS)
            scaled.warm = time.monotonic()
            await asyncio.sleep(QUIET_SECONDS)
            self._say(f"{MESSAGES:,} bulk messages")
            scaled.began = time.monotonic()
            autoscaled = Autoscaled(self._world, scaled.rule, _DEFAULT)
            scaled.samples = autoscaled.samples
            looking = asyncio.create_task(autoscaled.keep(stopping))
            await self._publish_bulk(await connection.channel(), bulk)
            await self._until_done(database, autoscaled, [agents, looking])
            stopping.set()
            await asyncio.gather(agents, looking)
            autoscaled.check()
            await self._settle(database)
        return scaled

    async def _keep_sending(self, channel: aiormq.abc.AbstractChannel, stopping: asyncio.Event) -> None:
        due = time.monotonic()
        for number in itertools.count(MESSAGES):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if stopping.is_set():
                return
            due += 1 / AGENTS_PER_SECOND
            message_id, body = _letter(number, result_route=self._panel)
            self._agents[message_id] = Asked(time.monotonic(), time.time())
            await _publish(channel, message_id, body, Lane.INTERACTIVE)

    async def _listen(self, channel: aiormq.abc.AbstractChannel) -> None:
        """Hear what a panel would be told."""
        queue = (await channel.queue_declare(exclusive=True)).queue or ""
        await channel.queue_bind(queue, EVENTS, self._panel)
        await channel.basic_consume(queue, self._on_result, no_ack=True)

    async def _on_result(self, message: aiormq.abc.DeliveredMessage) -> None:
        event = json.loads(message.body)
        asked = self._agents[event["data"]["message_id"]]
        if event["type"] == "proactive.send_accepted.v1":
            asked.answered = time.monotonic() - asked.moment

    async def _publish_bulk(self, channel: aiormq.abc.AbstractChannel, letters: Sequence[tuple[str, bytes]]) -> None:
        for start in range(0, len(letters), AT_ONCE):
            some = letters[start : start + AT_ONCE]
            await asyncio.gather(*(_publish(channel, *letter, Lane.BULK) for letter in some))
        self._bulk.update(message_id for message_id, _ in letters)

    async def _until_done(
        self,
        database: "asyncpg.Connection[asyncpg.Record]",
        autoscaled: Autoscaled,
        tasks: Sequence[asyncio.Task[None]],
    ) -> None:
        """Until all bulk messages are sent and the workers are as few as at first; a task that failed ends it."""
        left = set(self._bulk)
        while time.monotonic() < self._scaled.began + MOST_SECONDS:
            done, _ = await asyncio.wait(tasks, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if not autoscaled.samples:
                continue
            self._tell(autoscaled.samples[-1])
            if left and not any(autoscaled.samples[-1].depths):
                left -= await _sent(database, left)
                self._scaled.all_sent = time.monotonic() - self._scaled.began
            if not left and autoscaled.workers == self._scaled.rule.least:
                return

    def _tell(self, last: Sample) -> None:
        if last.second >= self._told_at + SPAN_SECONDS:
            self._told_at = last.second
            self._say(told(last, self._scaled.began))

    async def _settle(self, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        """See that each message was called once, and that the history says "Sent" of all; and how long agents' took."""
        published = {*self._bulk, *self._agents}
        sent = set[str]()
        ends = time.monotonic() + 30
        while sent < published and time.monotonic() < ends:
            sent |= await _sent(database, published - sent)
            await asyncio.sleep(0.2)
        calls = Counter(self._world.ledger.read_text().split())
        self._scaled.published = len(published)
        self._scaled.troubles += accounts(published, sent, calls)
        for row in await database.fetch(OURS.committed, list(self._agents)):
            asked = self._agents[row[0]]
            asked.recorded = row[1].timestamp() - asked.at
        self._scaled.agents = list(self._agents.values())
        if silent := sum(asked.answered is None for asked in self._scaled.agents):
            self._scaled.troubles.append(f"{silent} of {len(self._agents)} agents were never told that it was sent.")


def _letter(number: int, **more: Any) -> tuple[str, bytes]:
    """The id and the body of a message, through the senders in turn, each to somebody else."""
    sender = _senders[number % SENDERS]
    event = send_requested(f"+49151{number:08d}", TEXT, seconds=3600, channel_id=sender.id, **more)
    return event["data"]["message_id"], json.dumps(event).encode()


async def _publish(channel: aiormq.abc.AbstractChannel, message_id: str, body: bytes, lane: Lane) -> None:
    """Until the broker has it."""
    properties = aiormq.spec.Basic.Properties(
        content_type="application/cloudevents+json", delivery_mode=2, message_id=message_id
    )
    await channel.basic_publish(
        body, exchange="proactive.requests", routing_key=f"send.sms.{lane}", properties=properties, mandatory=True
    )


async def _sent(database: "asyncpg.Connection[asyncpg.Record]", ids: set[str]) -> set[str]:
    """Those of which the history says so."""
    return {row[0] for row in await database.fetch(OURS.done, list(ids))}


@asynccontextmanager
async def _connections(
    world: World,
) -> AsyncIterator[tuple[aiormq.abc.AbstractConnection, "asyncpg.Connection[asyncpg.Record]"]]:
    connection = await aiormq.connect(world.broker.amqp_url)
    settings = {"enable_seqscan": "off"}  # a plan that was made for empty tables is kept
    database = await asyncpg.connect(world.database_of(OURS), server_settings=settings)
    try:
        yield connection, database
    finally:
        await database.close()
        await connection.close()
