"""
Does scaling a channel work? Agents alone, then 5,000 bulk messages among theirs, with a provider that takes a second.

Meanwhile the channel's workers come and go as its ScaledObject says (tests.bench.autoscaled).
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import uuid4

import aiormq
import asyncpg

from devstack.channels import SMS, channels_file
from proactive_contracts.values import Lane
from runtime.lifecycle import loop_factory
from tests.bench.autoscaled import Autoscaled, Sample, scaled_object
from tests.bench.autoscaler import Rule, read_rule
from tests.bench.contestants import MOST_WORKERS, OURS, TEXT, with_workers
from tests.bench.filling import Say
from tests.bench.rows import Row, figure
from tests.bench.running import percentile
from tests.bench.world import World
from tests.support.bus import send_requested

MESSAGES = 5_000
"""Bulk messages, at once."""

FACTOR = 10
"""Every time of the rule is divided by it, so that the run takes minutes."""

SENDERS, PER_SECOND = 6, 20
"""The channel's senders, and the rate of each."""

AGENTS_PER_SECOND = 4
"""Agents' messages, through all senders in turn."""

QUIET_SECONDS = 60
"""Agents alone, with one worker."""

MOST_SECONDS = 600
"""What is not done by then is called lost."""

MOST_RATIO = 1.2
"""Agents' p95 among bulk messages, of theirs alone."""

SPAN_SECONDS = 5
"""What a line of the table stands for."""

AT_ONCE = 250
"""Publishes that wait for their confirms at the same time."""

_DEFAULT = {"PROACTIVE_CONCURRENCY": "40"}
"""The workers' own default, which the other benchmarks change."""

_senders = [
    replace(SMS, id=SMS.id[:-2] + f"{10 + number}", name=f"Line {number}", sender=f"{SMS.sender[:-1]}{number}")
    for number in range(1, SENDERS + 1)
]


@dataclass
class Scaled:
    """What came of it. `agents`: moment of the publish (time.monotonic) and seconds until the history said "Sent"."""

    rule: Rule
    began: float = 0.0
    """When the bulk messages came; moments are told as seconds from here."""
    samples: list[Sample] = field(default_factory=list)
    agents: list[tuple[float, float]] = field(default_factory=list)
    published: int = 0
    troubles: list[str] = field(default_factory=list)

    def p95(self, since: float, until: float) -> float | None:
        """Agents', in milliseconds, of what they sent between two moments."""
        taken = sorted(1000 * seconds for moment, seconds in self.agents if since <= moment < until)
        return percentile(taken, 0.95) if taken else None

    @property
    def quiet(self) -> float:
        """Agents' p95 alone."""
        return self.p95(0.0, self.began) or 0.0

    @property
    def busy(self) -> float:
        """Agents' p95 among bulk messages, until the workers were as few as before."""
        return self.p95(self.began, float("inf")) or 0.0

    def rows(self) -> list[Row]:
        """What must hold, and what is told beside it."""
        most = max(sample.wanted for sample in self.samples)
        return [
            Row(
                "agents' p95 among bulk messages / alone",
                figure([self.busy / self.quiet]),
                "×",
                MOST_RATIO,
                None,
                True,
                True,
            ),
            Row("agents' p95 alone", figure([self.quiet]), "ms"),
            Row("agents' p95 among bulk messages", figure([self.busy]), "ms"),
            Row("workers at most", figure([float(most)]), ""),
            Row("until all were sent and one worker was left", figure([self.samples[-1].second - self.began]), "s"),
        ]


def scaling(world: World, say: Say) -> Scaled:
    """
    Play it in a watched world.

    Raises:
        DevstackError: something did not start, or a worker did not end in good order.
    """
    rule = read_rule(scaled_object()).faster(FACTOR)
    all_workers = with_workers(MOST_WORKERS)
    world.start(OURS, {SMS.worker: _DEFAULT, "status_tracker": {"PROACTIVE_CONCURRENCY": "50"}})
    try:
        world.start_service("dispatcher-webhooks")
        _connect_senders(world)
        world.counters.mode = "slow"
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_Play(world, Scaled(rule), say).play())
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
        self._agents: dict[str, tuple[float, float]] = {}
        self._bulk: set[str] = set()

    async def play(self) -> Scaled:
        """From the first agent's message to what the history says of the last one."""
        scaled, stopping = self._scaled, asyncio.Event()
        bulk = [_letter(number) for number in range(MESSAGES)]
        async with _connections(self._world) as (connection, database):
            agents = asyncio.create_task(self._keep_sending(await connection.channel(), stopping))
            self._say(f"agents alone: {AGENTS_PER_SECOND} messages/s for {QUIET_SECONDS} s, one worker")
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
            await self._settle(database)
        return scaled

    async def _keep_sending(self, channel: aiormq.abc.AbstractChannel, stopping: asyncio.Event) -> None:
        due = time.monotonic()
        for number in itertools.count(MESSAGES):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if stopping.is_set():
                return
            due += 1 / AGENTS_PER_SECOND
            message_id, body = _letter(number)
            self._agents[message_id] = time.monotonic(), time.time()
            await _publish(channel, message_id, body, Lane.INTERACTIVE)

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
            self._tell(autoscaled.samples)
            if autoscaled.workers == self._scaled.rule.least:
                left -= await _sent(database, left)
                if not left:
                    return

    def _tell(self, samples: Sequence[Sample]) -> None:
        if samples and int(samples[-1].second - self._scaled.began) % SPAN_SECONDS == 0:
            last = samples[-1]
            self._say(f"{last.second - self._scaled.began:4.0f} s: {_waiting(last)} wait, {last.workers} worker(s)")

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
        self._scaled.troubles += _accounts(published, sent, calls)
        for row in await database.fetch(OURS.committed, list(self._agents)):
            moment, published_at = self._agents[row[0]]
            self._scaled.agents.append((moment, row[1].timestamp() - published_at))
        self._scaled.agents.sort()


def _accounts(published: set[str], sent: set[str], calls: Counter[str]) -> Iterator[str]:
    """What does not add up, a sentence each."""
    never, twice = published - calls.keys(), [one for one, count in calls.items() if count > 1]
    if never:
        yield f"{len(never)} of {len(published):,} messages never reached the provider."
    if twice:
        yield f"{len(twice)} messages reached the provider more than once."
    if unknown := calls.keys() - published:
        yield f"The provider was called for {len(unknown)} messages that nobody asked for."
    if unsent := published - sent:
        yield f'The history does not say "Sent" of {len(unsent)} of {len(published):,} messages.'


def _letter(number: int) -> tuple[str, bytes]:
    """The id and the body of a message, through the senders in turn, each to somebody else."""
    sender = _senders[number % SENDERS]
    event = send_requested(f"+49151{number:08d}", TEXT, message_id=uuid4(), seconds=3600, channel_id=sender.id)
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


# What is told


def verdicts(scaled: Scaled) -> list[str]:
    """What did not go as it has to, a sentence each."""
    rule, seen = scaled.rule, [sample.workers for sample in scaled.samples]
    found = list(scaled.troubles)
    if max(seen) < rule.most:
        found.append(f"There were never more than {max(seen)} workers, of {rule.most}.")
    if (seen[0], seen[-1]) != (rule.least, rule.least):
        found.append(f"It began with {seen[0]} worker(s) and ended with {seen[-1]}, not with {rule.least}.")
    if scaled.busy > MOST_RATIO * scaled.quiet:
        ratio = scaled.busy / scaled.quiet
        found.append(
            f"Agents' p95 among bulk messages was {ratio:.2f} × what it is alone; at most {MOST_RATIO} × may be."
        )
    return found


def over_time(scaled: Scaled) -> Iterator[str]:
    """The table: a line for each span, agents alone first."""
    yield _line("s", "queued", "waiting", "workers", "wanted", "messages/s", "agents' p95, ms")
    yield _line("alone", "", "", str(scaled.rule.least), "", str(AGENTS_PER_SECOND), f"{scaled.quiet:,.0f}")
    for first, last in _spans(scaled.samples):
        rate = (last.answered - first.answered) / (last.second - first.second)
        taken = scaled.p95(first.second, last.second)
        yield _line(
            f"{last.second - scaled.began:.0f}",
            _depth(last, 0),
            _depth(last, 1),
            str(last.workers),
            str(last.wanted),
            f"{rate:.0f}",
            "–" if taken is None else f"{taken:,.0f}",
        )


def _line(*cells: str) -> str:
    widths = (5, 7, 8, 8, 7, 11, 16)
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def _spans(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
    first = samples[0]
    for sample in samples[1:]:
        if sample.second - first.second >= SPAN_SECONDS or sample is samples[-1]:
            yield first, sample
            first = sample


def _depth(sample: Sample, number: int) -> str:
    depth = sample.depths[number] if number < len(sample.depths) else None
    return "–" if depth is None else f"{depth:,.0f}"


def _waiting(sample: Sample) -> str:
    return f"{sum(depth or 0 for depth in sample.depths):,.0f}"
