"""Publishes a request or a decision and waits for its answer, as long as an agent's patience lasts, and on after it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from canvas_gateway.domain import deciding
from canvas_gateway.domain.deciding import Decision
from canvas_gateway.domain.outcome import Published, Submission, is_answer
from canvas_gateway.ports import Bus, Results, Settles
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, traceparent_of
from runtime import clock, tracing
from runtime.logs import about, get_logger

SOURCE = "canvas_gateway"

_REMEMBERED = 10_000
"""Events whose publish may have reached the queue that one replica remembers, beside what the panels' states say."""

_LEAST_SECONDS = 0.1
_PUBLISH_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 15.0

log = get_logger()


@dataclass(frozen=True)
class Answered:
    """
    What the broker said of this publish, and the dispatcher's answer where one came in time.

    Where none did, `event` is the last that was heard of the message meanwhile.
    """

    published: Published
    event: Event[Any] | None


class Asking:
    """Any number of panels may ask the same at once: each gets the answer, the dispatcher takes the request once."""

    def __init__(self, bus: Bus, results: Results) -> None:
        self._bus = bus
        self._results = results
        self._running: dict[asyncio.Task[Published], UUID] = {}
        self._insisting: dict[UUID, asyncio.Task[None]] = {}
        self._may_be_queued: dict[UUID, None] = {}

    async def ask(self, submission: Submission, seconds: float, settles: Settles = is_answer) -> Answered:
        """Publish a request and wait for an event that settles it."""
        request = submission.request.model_copy(update={"result_route": self._results.route})
        trace = traceparent_of(request.workspace_id, request.message_id)
        event = make_event(request, id=submission.event_id, time=submission.asked_at, source=SOURCE, traceparent=trace)
        return await self._ask(event, submission.event_id, request.not_after, seconds, settles)

    async def ask_decision(self, decision: Decision, seconds: float) -> Answered:
        """Publish a decision and wait for what the dispatcher says to it, or what settled the message before."""
        payload = decision.payload(self._results.route)
        trace = traceparent_of(payload.workspace_id, payload.message_id)
        event = make_event(payload, id=decision.event_id, time=decision.asked_at, source=SOURCE, traceparent=trace)
        settles = partial(deciding.settles, decision.wish)
        return await self._ask(event, decision.answers, decision.until, seconds, settles)

    async def _ask(
        self, event: Event[Any], answers: UUID, until: datetime, seconds: float, settles: Settles
    ) -> Answered:
        """An answer may come before the broker's confirm, and proves as much."""
        ends = asyncio.get_running_loop().time() + max(_LEAST_SECONDS, seconds)
        heard: list[Event[Any]] = []

        def listen(told: Event[Any]) -> bool:
            heard.append(told)
            return settles(told)

        asked = event.data
        with (
            about(asked.workspace_id, asked.message_id, event.traceparent),
            tracing.span("submit", event.traceparent, asked),
            self._results.expecting(answers, listen) as answer,
        ):
            publishing = self._publish(event, until, max(_LEAST_SECONDS, seconds))
            await _first_of({answer, publishing}, ends)
            published = publishing.result() if publishing.done() else Published.UNCONFIRMED
            if published in {Published.CONFIRMED, Published.UNCONFIRMED}:
                await _first_of({answer}, ends)
            if answer.done():
                return Answered(Published.CONFIRMED, answer.result())
        published = publishing.result() if publishing.done() else Published.UNCONFIRMED
        return Answered(published, heard[-1] if heard else None)

    def may_be_queued(self, event_id: UUID) -> bool:
        """Whether another publish of this event, from this replica, has reached the queue or may still do so."""
        return event_id in self._may_be_queued or event_id in self._running.values()

    async def drain(self) -> None:
        """Let publishes end that outlived their panel's patience; each has a limit of its own."""
        for insisting in list(self._insisting.values()):
            insisting.cancel()
        if self._running:
            await asyncio.wait(set(self._running))

    def _publish(self, event: Event[Any], until: datetime, seconds: float) -> asyncio.Task[Published]:
        """In a task of its own: a publish is never broken off half-way because somebody's patience ended."""
        publishing = asyncio.create_task(self._bus.publish(event, seconds))
        self._running[publishing] = event.id
        publishing.add_done_callback(self._settle)
        publishing.add_done_callback(lambda done: self._keep_on(done, event, until))
        return publishing

    def _keep_on(self, publishing: "asyncio.Task[Published]", event: Event[Any], until: datetime) -> None:
        """What was not confirmed is published again by itself: the agent may have gone to another conversation."""
        if publishing.cancelled() or publishing.exception() is not None:
            return
        waiting = publishing.result() in {Published.UNCONFIRMED, Published.NOT_PUBLISHED}
        if waiting and event.id not in self._insisting and len(self._insisting) < _REMEMBERED:
            self._insisting[event.id] = asyncio.create_task(self._insist(event, until))
            self._insisting[event.id].add_done_callback(lambda _: self._insisting.pop(event.id, None))

    async def _insist(self, event: Event[Any], until: datetime) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while clock.now() < until:
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
            published = await self._bus.publish(event, _PUBLISH_SECONDS)
            if published is Published.CONFIRMED:
                self._may_be_queued[event.id] = None
                log.info("request_published_late", event_id=str(event.id))
                return
            if published is Published.UNROUTABLE:
                return
        log.error("request_never_published", event_id=str(event.id))

    def _settle(self, publishing: asyncio.Task[Published]) -> None:
        event_id = self._running.pop(publishing)
        failed = not publishing.cancelled() and publishing.exception() is not None
        if publishing.cancelled() or failed or publishing.result() in {Published.CONFIRMED, Published.UNCONFIRMED}:
            self._may_be_queued[event_id] = None
        while len(self._may_be_queued) > _REMEMBERED:
            del self._may_be_queued[next(iter(self._may_be_queued))]


async def _first_of(waited_for: "set[asyncio.Future[Any]]", ends: float) -> None:
    left = ends - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.wait(waited_for, timeout=left, return_when=asyncio.FIRST_COMPLETED)
