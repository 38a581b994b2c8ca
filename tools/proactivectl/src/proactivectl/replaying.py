"""Going through what is parked: counting it, publishing it again, throwing it away. Nothing is lost on the way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from proactivectl.auditing import audited
from proactivectl.environment import amqp_url, broker_failures
from proactivectl.failures import Failure
from proactivectl.output import count
from proactivectl.parking import Held, Parked, Wanted, holding
from runtime import failpoints
from runtime.amqp.connection import connect
from runtime.amqp.publisher import Publisher, PublishFailed, Unroutable
from runtime.logs import without_numbers

NAME = "proactivectl"
EXAMPLES = 3
CONFIRM_SECONDS = 10.0
AFTER_PUBLISH = "proactivectl.after_replay"
"""A failpoint: published and confirmed, and still parked."""


@dataclass
class Group:
    """What is parked in one queue for one reason; `examples` are ids, `detail` is that of the first which has one."""

    queue: str
    reason: str
    count: int = 0
    oldest: datetime | None = None
    examples: list[str] = field(default_factory=list)
    detail: str | None = None

    def add(self, one: Parked) -> None:
        """Count one in."""
        self.count += 1
        self.oldest = min((at for at in (self.oldest, one.at) if at), default=None)
        self.detail = self.detail or (without_numbers(one.detail) if one.detail else None)
        if len(self.examples) < EXAMPLES:
            self.examples.append(one.id)


@dataclass
class Done:
    """What became of the parked messages that were meant."""

    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    matched: int = 0
    done: int = 0

    def see(self, one: Parked) -> None:
        """Count one that is meant."""
        self.matched += 1
        self.groups.setdefault((one.queue, one.reason), Group(one.queue, one.reason)).add(one)


Act = Callable[[Held], Awaitable[bool]]
"""Does it to one message; False where it was left alone."""


async def _leave(_held: Held) -> bool:
    return False


async def go_through(wanted: Wanted, limit: int | None = None, act: Act = _leave) -> Done:
    """
    Look at what is meant, queue by queue, and `act` on each. What is not taken away stays parked.

    Raises:
        Failure: the broker does not answer, or lacks a queue; or what `act` raises.
    """
    done, url = Done(), amqp_url()
    with broker_failures(url):
        connection = await connect(url, NAME)
        try:
            for queue in wanted.queues:
                if limit is not None and done.matched >= limit:
                    break
                async with holding(connection, queue) as messages:
                    await _act_on(messages, wanted, limit, act, done)
        finally:
            await connection.close()
    return done


async def _act_on(messages: AsyncIterator[Held], wanted: Wanted, limit: int | None, act: Act, done: Done) -> None:
    async for held in messages:
        if wanted.takes(held.parked):
            done.see(held.parked)
            done.done += await act(held)
            if limit is not None and done.matched >= limit:
                return


async def find(wanted: Wanted) -> Parked:
    """The first that is meant. Raises Failure where there is none."""
    found: list[Parked] = []

    async def keep(held: Held) -> bool:
        found.append(held.parked)
        return True

    await go_through(wanted, 1, keep)
    if not found:
        raise Failure(f"{', '.join(wanted.ids)} is not parked", "See: proactivectl parked list")
    return found[0]


async def replay(wanted: Wanted, limit: int | None, per_second: int) -> Done:
    """
    Put each back into the queue that could not handle it, as it was, and only then take it out of the parked one.

    Into that queue alone: whoever else got a copy has handled or parked it by itself. Cut short or done twice, one may
    be there twice; whoever handles it takes it once. Raises Failure where a reason or an id names nothing.
    """
    url = amqp_url()
    await _look_for(wanted)
    async with audited("parked.replay", _subject(wanted), _detail(wanted, limit)) as outcome:
        async with Publisher(url, NAME) as publisher:
            replaying = _Replaying(publisher, 1 / per_second)
            done = await go_through(wanted, limit, replaying.act)
        outcome.words = f"{done.done} replayed, {done.matched - done.done} left"
    return done


async def drop(wanted: Wanted, limit: int | None) -> Done:
    """Take each out of the parked queue for good. Raises Failure where a reason or an id names nothing."""

    async def take_away(held: Held) -> bool:
        await held.take_away()
        return True

    await _look_for(wanted)
    async with audited("parked.drop", _subject(wanted), _detail(wanted, limit)) as outcome:
        done = await go_through(wanted, limit, take_away)
        outcome.words = f"{done.done} dropped"
    return done


class _Replaying:
    """One after the other, at least `gap` seconds apart."""

    def __init__(self, publisher: Publisher, gap: float) -> None:
        self._publisher = publisher
        self._gap = gap
        self._next = 0.0
        self._replayed = 0

    async def act(self, held: Held) -> bool:
        one = held.parked
        await self._wait()
        try:
            await self._publisher.publish("", one.origin, one.body, one.properties, timeout=CONFIRM_SECONDS)
        except Unroutable:
            what = f"there is no queue {one.origin}, so {one.id} stays parked"
            raise Failure(self._so_far(what), "Run: proactivectl topology apply, and then this again.") from None
        except PublishFailed:
            what = f"the broker did not confirm {one.id}, so it stays parked"
            raise Failure(self._so_far(what), "Run this again: what it took all the same counts once.") from None
        await failpoints.reach(AFTER_PUBLISH)
        await held.take_away()
        self._replayed += 1
        return True

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self._next - now))
        self._next = max(now, self._next) + self._gap

    def _so_far(self, what: str) -> str:
        return f"{what}; replayed before it: {count(self._replayed, 'message')}"


async def _look_for(wanted: Wanted) -> None:
    """A reason or an id that names nothing is a slip of the pen, and no act."""
    if (wanted.reason or wanted.ids) and not (await go_through(wanted, 1)).matched:
        raise Failure("nothing of this is parked", "See: proactivectl parked list")


def _subject(wanted: Wanted) -> str:
    return wanted.queues[0] if len(wanted.queues) == 1 else "every parked queue"


def _detail(wanted: Wanted, limit: int | None) -> dict[str, str | int | None]:
    given = {"reason": wanted.reason, "ids": " ".join(sorted(wanted.ids)) or None, "limit": limit}
    return {name: value for name, value in given.items() if value is not None}
