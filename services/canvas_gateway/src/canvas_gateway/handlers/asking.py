"""Publishes a request and waits for its answer, as long as an agent's patience lasts."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from canvas_gateway.domain.outcome import Published, Submission
from canvas_gateway.ports import Bus, Results
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event

SOURCE = "canvas_gateway"

_REMEMBERED = 10_000
"""Requests whose publish may have reached the queue that one replica remembers, beside what the panels' states say."""

_LEAST_SECONDS = 0.1


@dataclass(frozen=True)
class Answered:
    """What the broker said of this publish, and the dispatcher's answer where one came in time."""

    published: Published
    event: Event[Any] | None


class Asking:
    """Any number of panels may ask the same at once: each gets the answer, the dispatcher takes the request once."""

    def __init__(self, bus: Bus, results: Results) -> None:
        self._bus = bus
        self._results = results
        self._running: dict[asyncio.Task[Published], UUID] = {}
        self._may_be_queued: dict[UUID, None] = {}

    async def ask(self, submission: Submission, seconds: float) -> Answered:
        """Publish it and wait for an answer; one may come before the broker's confirm, and proves as much."""
        ends = asyncio.get_running_loop().time() + max(_LEAST_SECONDS, seconds)
        with self._results.expecting(submission.event_id) as answer:
            publishing = self._publish(submission, max(_LEAST_SECONDS, seconds))
            await _first_of({answer, publishing}, ends)
            published = publishing.result() if publishing.done() else Published.UNCONFIRMED
            if published in {Published.CONFIRMED, Published.UNCONFIRMED}:
                await _first_of({answer}, ends)
            if answer.done():
                return Answered(Published.CONFIRMED, answer.result())
        return Answered(publishing.result() if publishing.done() else Published.UNCONFIRMED, None)

    def may_be_queued(self, event_id: UUID) -> bool:
        """Whether another publish of this request, from this replica, has reached the queue or may still do so."""
        return event_id in self._may_be_queued or event_id in self._running.values()

    async def drain(self) -> None:
        """Let publishes end that outlived their panel's patience; each has a limit of its own."""
        if self._running:
            await asyncio.wait(set(self._running))

    def _publish(self, submission: Submission, seconds: float) -> asyncio.Task[Published]:
        """In a task of its own: a publish is never broken off half-way because somebody's patience ended."""
        request = submission.request.model_copy(update={"result_route": self._results.route})
        event = make_event(request, id=submission.event_id, time=submission.asked_at, source=SOURCE)
        publishing = asyncio.create_task(self._bus.publish(event, seconds))
        self._running[publishing] = submission.event_id
        publishing.add_done_callback(self._settle)
        return publishing

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
