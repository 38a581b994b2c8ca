"""
Does scaling a channel work? Agents alone, then 5,000 bulk messages among theirs, with a provider that takes a second.

Meanwhile the channel's workers come and go as its ScaledObject says (tests.bench.autoscaled).
"""

import asyncio
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from uuid import uuid4

import aiormq
import asyncpg

from devstack.channels import SMS, channels_file
from proactive_contracts.topology import EVENTS
from proactive_contracts.values import Lane
from runtime.amqp.private_queue import PrivateQueue
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

WARM_UP_SECONDS, QUIET_SECONDS = 5, 60
"""Agents alone, with one worker; what they send in the former does not count."""

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
class Asked:
    """An agent's message: when it was published, and the seconds until its panel and the history knew that it was sent."""

    moment: float
    at: float
    """The same moment as Unix time."""
    answered: float | None = None
    recorded: float | None = None


@dataclass
class Scaled:
    """What came of it. Moments are of time.monotonic."""

    rule: Rule
    warm: float = 0.0
    """From when on agents' messages count."""
    began: float = 0.0
    """When the bulk messages came; told are the seconds from here."""
    all_sent: float = 0.0
    """Seconds until the history said so of all bulk messages, seen once a second."""
    samples: list[Sample] = field(default_factory=list)
    agents: list[Asked] = field(default_factory=list)
    published: int = 0
    troubles: list[str] = field(default_factory=list)

    def p95(self, since: float, until: float = math.inf, what: str = "answered") -> float:
        """Agents', in milliseconds, of what they sent between two moments; not a number where they sent nothing."""
        seconds = [getattr(one, what) for one in self.agents if since <= one.moment < until]
        return percentile(sorted(1000 * one for one in seconds if one is not None), 0.95) if seconds else math.nan

    @property
    def quiet(self) -> float:
        """Agents' p95 alone."""
        return self.p95(self.warm, self.began)

    @property
    def busy(self) -> float:
        """Agents' p95 among bulk messages, until the workers were as few as before."""
        return self.p95(self.began)

    def rows(self) -> list[Row]:
        """What must hold, and what is told beside it."""
        ratio = figure([self.busy / self.quiet])
        return [
            Row("agents' p95 among bulk messages / alone", ratio, "×", MOST_RATIO, None, True, judged=True),
            Row("agents' p95 alone", figure([self.quiet]), "ms"),
            Row("agents' p95 among bulk messages", figure([self.busy]), "ms"),
            Row(
                "the same until the history has it, alone", figure([self.p95(self.warm, self.began, "recorded")]), "ms"
            ),
            Row("the same, among bulk messages", figure([self.p95(self.began, what="recorded")]), "ms"),
            Row("until all were sent", figure([self.all_sent]), "s"),
            Row("until one worker was left", figure([self.samples[-1].second - self.began]), "s"),
        ]

    def failed(self) -> list[str]:
        """What did not go as it has to, a sentence each."""
        rule, seen = self.rule, [sample.workers for sample in self.samples]
        found = list(self.troubles)
        if max(seen) < rule.most:
            found.append(f"There were never more than {max(seen)} workers, of {rule.most}.")
        if (seen[0], seen[-1]) != (rule.least, rule.least):
            found.append(f"It began with {seen[0]} and ended with {seen[-1]} worker(s), instead of {rule.least}.")
        if self.busy > MOST_RATIO * self.quiet:
            ratio = self.busy / self.quiet
            found.append(f"Agents' p95 among bulk messages was {ratio:.2f} × that without; {MOST_RATIO} × is allowed.")
        return found

    def success(self) -> str:
        """What went as it has to, where nothing failed."""
        numbers = [sample.workers for sample in self.samples]
        steps = " → ".join(str(number) for number, _ in itertools.groupby(numbers))
        return f"Workers: {steps}. Each of {self.published:,} messages was called once, and the history says “Sent” of all."

    def document(self) -> dict[str, object]:
        """Everything, for programs; moments in seconds from the bulk messages."""
        return {
            "factor": FACTOR,
            "rule": asdict(self.rule),
            "published": self.published,
            "samples": [asdict(one) | {"second": one.second - self.began} for one in self.samples],
            "agents": [asdict(one) | {"moment": one.moment - self.began} for one in self.agents],
            "failed": self.failed(),
        }


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
        self._agents: dict[str, Asked] = {}
        self._panel = f"panel.{uuid4()}"
        self._bulk: set[str] = set()

    async def play(self) -> Scaled:
        """From the first agent's message to what the history says of the last one."""
        scaled, stopping = self._scaled, asyncio.Event()
        bulk = [_letter(number) for number in range(MESSAGES)]
        async with (
            PrivateQueue(self._world.broker.amqp_url, EVENTS, self._panel, self._on_result, "scaling") as answers,
            _connections(self._world) as (connection, database),
        ):
            while not answers.connected:
                await asyncio.sleep(0.05)
            agents = asyncio.create_task(self._keep_sending(await connection.channel(), stopping))
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

    def _on_result(self, body: bytes) -> None:
        """What a panel waits for, "Message sent!"."""
        event = json.loads(body)
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
            self._tell(autoscaled.samples)
            if left and not any(autoscaled.samples[-1].depths):
                left -= await _sent(database, left)
                self._scaled.all_sent = time.monotonic() - self._scaled.began
            if not left and autoscaled.workers == self._scaled.rule.least:
                return

    def _tell(self, samples: Sequence[Sample]) -> None:
        if int(samples[-1].second - self._scaled.began) % SPAN_SECONDS == 0:
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
            asked = self._agents[row[0]]
            asked.recorded = row[1].timestamp() - asked.at
        self._scaled.agents = list(self._agents.values())
        if silent := sum(asked.answered is None for asked in self._scaled.agents):
            self._scaled.troubles.append(f"{silent} of {len(self._agents)} agents were never told that it was sent.")


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


def _letter(number: int, **more: str) -> tuple[str, bytes]:
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


# What is told


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
            "–" if math.isnan(taken) else f"{taken:,.0f}",
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
