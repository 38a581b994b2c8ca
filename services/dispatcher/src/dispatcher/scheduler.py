"""The one clock of a worker: everything that is due later, whoever began it."""

import asyncio
import random
import time
from typing import Self

from dispatcher.domain.states import Act
from dispatcher.gates import WorkerGates
from dispatcher.handlers import Dispatch
from dispatcher.ports import Claim, Jobs, Taken
from proactive_contracts.values import Channel
from runtime import tracing
from runtime.amqp.consumer import DRAIN_SECONDS
from runtime.logs import about, get_logger
from runtime.postgres import TROUBLE

SHORTEST_PAUSE = 0.02
"""Between two looks, however often something asks for one."""

OTHERS_SECONDS = 0.2
"""How often, at most, it looks for what needs no turn: looks on behalf of waiting messages are many, and short."""

NEWS_SECONDS = 1.0
"""How often it is looked at what other replicas found out, and who has waited long for a turn."""

MOST_RUNNING = 200
"""Beyond its calls, what is told at the same time: a broker that takes nothing must not fill the memory."""

log = get_logger()


class Scheduler:
    """
    Takes what is due, as far as the gates have room, and goes on with it; any number of replicas may run.

    It looks every `seconds`, sooner where something says so: a claim that has to wait, a slot that is free again, or
    the moment at which a sender's rate allows the next message.
    """

    def __init__(self, jobs: Jobs, dispatch: Dispatch, gates: WorkerGates, channel: Channel, *, seconds: float) -> None:
        self._jobs = jobs
        self._dispatch = dispatch
        self.gates = gates
        self._channel = channel
        self._seconds = seconds
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._news_at = self._others_at = 0.0
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.create_task(self._keep(), name="scheduler")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take nothing more, let what is in flight end; what is cut off after DRAIN_SECONDS lapses with its lease."""
        self._stopping = True
        self.gates.due.set()
        if self._loop is not None:
            await self._loop
        if self._running:
            _done, late = await asyncio.wait(self._running, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _keep(self) -> None:
        while not self._stopping:
            pause = self._seconds * random.uniform(0.8, 1.2)
            self.gates.due.clear()
            try:
                taken = await self._once()
                if taken.next_seconds is not None:
                    pause = min(pause, taken.next_seconds)
                self.gates.hungry = taken.hungry
            except TROUBLE as error:
                log.warning("scheduler_waits_for_database", error=type(error).__name__)
                await self._sleep(pause)
            except Exception:  # without its scheduler a worker looks healthy and recovers nothing
                log.exception("scheduler_round_failed")
                await self._sleep(pause)
            await self._pause(pause)

    async def _once(self) -> Taken:
        if len(self._running) >= MOST_RUNNING:
            return Taken([])
        began = time.monotonic()
        news = began >= self._news_at
        if news:
            self._news_at = began + NEWS_SECONDS
            await self.gates.refresh()
        others = began >= self._others_at
        if others:
            self._others_at = began + min(OTHERS_SECONDS, self._seconds / 2)
        taken = await self._jobs.take_due(self._channel, self.gates.room(others=others, tell_queued=news))
        if taken.next_seconds == 0:
            self._others_at = 0.0  # there were more than could be taken at a time
        self.gates.probe(taken.unwell)
        for claim in taken.claims:
            task = asyncio.create_task(self._go_on(claim, began))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return taken

    async def _go_on(self, claim: Claim, began: float) -> None:
        job = claim.job
        with (
            about(job.workspace_id, job.message_id, job.trace),
            tracing.span(f"resume dispatcher.{self._channel}", job.trace, job.request),
        ):
            try:
                if claim.act is Act.NOTHING or claim.job.request is None:
                    await self._dispatch.on_due(claim, began)
                    return
                with self.gates.occupied(claim.job.request.channel_id, claim.job.lane):
                    await self._dispatch.on_due(claim, began)
            except Exception:
                log.exception("due_job_failed")

    async def _pause(self, seconds: float) -> None:
        """Until something is due, for `seconds` at most, and a moment at least."""
        await self._sleep(SHORTEST_PAUSE)
        try:
            async with asyncio.timeout(seconds - SHORTEST_PAUSE):
                await self.gates.due.wait()
        except TimeoutError:
            pass

    async def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.1))
