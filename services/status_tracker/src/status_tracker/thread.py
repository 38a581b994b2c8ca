"""Effects in Intercom: notes written, conversations opened, each tried until it is done or refused for good."""

import asyncio
import random
from datetime import timedelta
from functools import partial

from runtime import clock, tracing
from runtime.logs import about, get_logger
from runtime.postgres import TROUBLE, UNPREPARED
from status_tracker import metrics
from status_tracker.domain.conversations import LOOK, OPEN
from status_tracker.loop import Loop
from status_tracker.noting import Noting
from status_tracker.opening import LOOK_SECONDS, Opening
from status_tracker.ports import Conversations, Impossible, MaybeDone, NotDone, NotYet, ThreadError, Threads
from status_tracker.storage import effects
from status_tracker.storage.database import Pool
from status_tracker.storage.effects import Effect

LEASE_SECONDS = 60.0
"""Longer than looking for a note and writing it may take, each of which has its time limit in clients.connection."""

WRITE_SECONDS = 20.0
"""A write is begun only when the lease lasts this long still."""

GIVE_UP = timedelta(hours=24)
NOT_YET = timedelta(minutes=10)
"""How long Intercom may not know a contact that was just made ("a short delay", its reference says)."""

PATIENCE_SECONDS = 60.0
"""How long the note about a message waits for the conversation that it shall link to."""

MAX_FAILURES = 12
"""Attempts that may end in a way that nobody foresaw, within about 20 minutes; then it is given up."""

CONCURRENCY = 10

_FIRST_PAUSE = 2.0
"""Seconds; also what Intercom gets to finish a write that it did not answer, before we look for it."""

_LONGEST_PAUSE = 300.0

_SPANS = {OPEN: "open conversation", LOOK: "look for conversation"}

log = get_logger()


class ThreadWriter(Loop):
    """Any number of them may run: an effect is one writer's while its lease lasts."""

    def __init__(
        self,
        pool: Pool,
        threads: Threads,
        conversations: Conversations,
        *,
        poll_seconds: float = 0.5,
        first_pause: float = _FIRST_PAUSE,
        patience_seconds: float = PATIENCE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        super().__init__("thread", self.turn, poll_seconds=poll_seconds, drain_seconds=5)
        self._pool = pool
        self._noting = Noting(pool, threads, conversations)
        self._opening = Opening(pool, conversations, look_seconds)
        self._first_pause = first_pause
        self._patience_seconds = patience_seconds
        self._running: set[asyncio.Task[None]] = set()

    async def __aexit__(self, *error: object) -> None:
        """Take no more, and let what is under way end."""
        await super().__aexit__(*error)
        if self._running:
            await asyncio.wait(self._running, timeout=WRITE_SECONDS + 5)

    async def turn(self) -> bool:
        """Begin what is due, as far as there is room; the end of each wakes the loop for its successor."""
        room = CONCURRENCY - len(self._running)
        claimed = await effects.claim(self._pool, room, LEASE_SECONDS, self._patience_seconds) if room else []
        for effect in claimed:
            task = asyncio.create_task(self._traced(effect, asyncio.get_running_loop().time() + LEASE_SECONDS))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return False

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self.wake()

    async def _traced(self, effect: Effect, lease_until: float) -> None:
        with about(*effect.key, effect.trace):
            try:
                with tracing.span(_SPANS.get(effect.kind, "write note"), effect.trace, effect):
                    await self._execute(effect, lease_until)
            except Exception as error:
                log.warning("effect_interrupted", error=type(error).__name__, detail=str(error)[:300])

    async def _execute(self, effect: Effect, lease_until: float) -> None:
        """Do it, or plan its next attempt. Trouble with the database leaves it to the end of its lease."""
        counted = metrics.OPENINGS if effect.kind in (OPEN, LOOK) else metrics.NOTES
        execute = {OPEN: self._opening.execute, LOOK: self._opening.look_again}.get(effect.kind, self._noting.execute)
        try:
            outcome, detail = await execute(effect, partial(_check_time, lease_until)), None
        except Impossible as error:
            outcome, detail = "refused", str(error)
        except ThreadError as error:
            outcome, detail = ("refused" if isinstance(error, NotYet) else "given_up"), str(error)
            if clock.now() - effect.recorded_at < (NOT_YET if isinstance(error, NotYet) else GIVE_UP):
                counted.labels("maybe_done" if isinstance(error, MaybeDone) else "not_done").inc()
                await self._again(effect, error)
                return
        except (*TROUBLE, *UNPREPARED):
            raise
        except Exception as error:
            log.exception("effect_failed", kind=effect.kind)
            outcome, detail = "given_up", f"Something unexpected went wrong ({type(error).__name__})."
            if await effects.failed(self._pool, effect) < MAX_FAILURES:
                counted.labels("failed").inc()
                await self._again(effect, MaybeDone(detail))
                return
        counted.labels(outcome).inc()
        if detail is not None:
            log.warning("effect_closed", kind=effect.kind, outcome=outcome, detail=detail)
        await effects.close(self._pool, effect, outcome, detail)

    async def _again(self, effect: Effect, error: ThreadError) -> None:
        asked_pause = error.pause_seconds if isinstance(error, NotDone) else None
        seconds = asked_pause or self._pause(effect.attempts)
        log.info("effect_delayed", kind=effect.kind, seconds=seconds, detail=str(error))
        may_exist = effect.may_exist or isinstance(error, MaybeDone)
        await effects.again(self._pool, effect, seconds, str(error)[:500], may_exist=may_exist)
        if asked_pause:
            await effects.hold(self._pool, effect.key[0], seconds)

    def _pause(self, attempts: int) -> float:
        longest = min(_LONGEST_PAUSE, self._first_pause * 2.0 ** min(attempts - 1, 20))
        return longest * random.uniform(0.75, 1.25)


def _check_time(lease_until: float) -> None:
    if lease_until - asyncio.get_running_loop().time() < WRITE_SECONDS:
        raise NotDone("there was too little time left to write it")
