"""The live feed: closed loop, so many messages under way all the time; or open loop, so many per second."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import cast
from uuid import uuid4

import aiormq
import asyncpg

from devstack.errors import DevstackError
from tests.bench.contestants import Contestant
from tests.bench.world import World

DEPTH = 300
"""Messages under way up to the provider's answer: more than anybody's prefetch, so that nobody waits for the feed."""

MOST_UNFINISHED = 1_200
"""Under way up to the last row: a process that remembers more slowly than the other one calls slows the feed."""

LOOK_SECONDS = 0.005
COUNT_SECONDS = 0.25

DRAIN_SECONDS = 60.0
_numbers = itertools.count(1)


class Feed:
    """Publishes for one contestant, without confirms: what is lost on the way is missing at the end."""

    def __init__(
        self,
        world: World,
        contestant: Contestant,
        channel: aiormq.Channel,
        database: "asyncpg.Connection[asyncpg.Record]",
    ) -> None:
        self._world = world
        self._contestant = contestant
        self._channel = channel
        self._database = database
        self._answered_before = world.counters.answered
        self.received_before = world.counters.received
        self._counting = asyncio.Lock()
        self._unfinished: set[str] = set()
        self.published = 0
        self.ears = database.get_server_pid()
        """The server's process that serves us alone."""

    async def publish(self) -> str:
        """One more message; its id."""
        id = str(uuid4())  # noqa: A001  as the others call it
        letter = self._contestant.letter(id, f"+49151{next(_numbers):08d}")
        properties = aiormq.spec.Basic.Properties(
            content_type=letter.content_type,
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=id,
            headers=dict(letter.headers),
        )
        self.published += 1
        self._unfinished.add(id)
        await self._channel.basic_publish(
            letter.body, exchange=letter.exchange, routing_key=letter.key, properties=properties, wait=False
        )
        return id

    @property
    def finished(self) -> int:
        """How many were done when they were last counted."""
        return self.published - len(self._unfinished)

    async def count(self) -> int:
        """How many are done; only the others are asked for, so that a long run costs no more than a short one."""
        async with self._counting:
            rows = await self._database.fetch(self._contestant.done, list(self._unfinished))
            self._unfinished.difference_update(row[0] for row in rows)
        return self.finished

    @asynccontextmanager
    async def closed_loop(self, depth: int = DEPTH) -> AsyncIterator[None]:
        """Keep so many under way while the context lasts."""
        stopping = asyncio.Event()  # a task that is cancelled in a publish would not know what it published
        tasks = [asyncio.create_task(one) for one in (self._keep(depth, stopping), self._keep_counting(stopping))]
        try:
            yield
        finally:
            stopping.set()
            await asyncio.gather(*tasks)

    async def open_loop(self, per_second: float, seconds: float) -> dict[str, float]:
        """Publish at this rate; the moment (Unix time) of each."""
        began = time.monotonic()
        at = {}
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            moment = time.time()
            at[await self.publish()] = moment
        return at

    async def settle(self, seconds: float = DRAIN_SECONDS) -> None:
        """
        Wait until all is done.

        Raises:
            DevstackError: it never is, or more calls came to the provider than messages were published.
        """
        ends = time.monotonic() + seconds
        while await self.count() < self.published:
            self._world.check(self._contestant)
            if time.monotonic() > ends:
                raise DevstackError(
                    f"{self._contestant.name}: {self.finished} of {self.published} are done after {seconds:.0f} s; "
                    f"the provider was called {self._world.counters.received - self.received_before} times."
                )
            await asyncio.sleep(0.1)
        called = self._world.counters.received - self.received_before
        if called != self.published:
            raise DevstackError(f"{self._contestant.name}: {called} calls for {self.published} messages.")

    async def latencies(self, at: dict[str, float]) -> Iterator[float]:
        """Seconds from the publish to the commit of the last change, of each."""
        rows = await self._database.fetch(self._contestant.committed, list(at))
        return (row[1].timestamp() - at[row[0]] for row in rows)

    async def _keep(self, depth: int, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            answered = self._world.counters.answered - self._answered_before
            room = min(depth - self.published + answered, MOST_UNFINISHED - self.published + self.finished)
            for _ in range(room):
                await self.publish()
            await asyncio.sleep(LOOK_SECONDS)

    async def _keep_counting(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await asyncio.sleep(COUNT_SECONDS)
            await self.count()


@asynccontextmanager
async def feeding(world: World, contestant: Contestant) -> AsyncIterator[Feed]:
    """A feed for this contestant; what it wrote before is forgotten."""
    world.forget(contestant)
    connection = await aiormq.connect(world.broker.amqp_url)
    settings = {"enable_seqscan": "off"}  # a plan that was made for empty tables is kept
    database = await asyncpg.connect(world.database_of(contestant), server_settings=settings)
    try:
        channel = cast(aiormq.Channel, await connection.channel(publisher_confirms=False))  # its `wait` is not abstract
        yield Feed(world, contestant, channel, database)
    finally:
        await database.close()
        await connection.close()
