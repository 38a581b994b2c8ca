"""The one clock of a worker: everything that is due later, whoever began it."""

import asyncio
import random
import time
from typing import Self

from structlog.contextvars import bound_contextvars

from dispatcher.handlers import Dispatch
from dispatcher.ports import Claim, Jobs
from proactive_contracts.values import Channel
from runtime.amqp.consumer import DRAIN_SECONDS
from runtime.logs import get_logger
from runtime.postgres import TROUBLE

log = get_logger()


class Scheduler:
    """Every `seconds`, takes at most `slots` due jobs and goes on with them; any number of replicas may run."""

    def __init__(self, jobs: Jobs, dispatch: Dispatch, channel: Channel, *, seconds: float, slots: int) -> None:
        self._jobs = jobs
        self._dispatch = dispatch
        self._channel = channel
        self._seconds = seconds
        self._slots = slots
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.create_task(self._keep(), name="scheduler")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take nothing more, let what is in flight end; what is cut off after DRAIN_SECONDS lapses with its lease."""
        self._stopping.set()
        if self._loop is not None:
            await self._loop
        if self._running:
            _done, late = await asyncio.wait(self._running, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _keep(self) -> None:
        while not self._stopping.is_set():
            try:
                found = await self._once()
            except TROUBLE as error:
                log.warning("scheduler_waits_for_database", error=type(error).__name__)
                found = 0
            except Exception:  # without its scheduler a worker looks healthy and recovers nothing
                log.exception("scheduler_round_failed")
                found = 0
            if found < self._slots:
                await self._pause()

    async def _once(self) -> int:
        free = self._slots - len(self._running)
        began = time.monotonic()
        claims = await self._jobs.take_due(self._channel, free) if free else []
        for claim in claims:
            task = asyncio.create_task(self._go_on(claim, began))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(claims)

    async def _go_on(self, claim: Claim, began: float) -> None:
        with bound_contextvars(message_id=str(claim.job.message_id), workspace_id=claim.job.workspace_id):
            try:
                await self._dispatch.on_due(claim, began)
            except Exception:
                log.exception("due_job_failed")

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._seconds * random.uniform(0.8, 1.2)):
                await self._stopping.wait()
        except TimeoutError:
            pass
