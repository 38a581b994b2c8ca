"""Events in: what the history queue brings is recorded, and then acknowledged."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from proactive_contracts.codec import decode
from proactive_contracts.envelope import Event, trace_of
from proactive_contracts.receipts import ReplyReceived, TeammateReplied
from proactive_contracts.requests import SendRequested
from proactive_contracts.topology import lane_of
from runtime.amqp.consumer import Delivery, Park
from runtime.logs import about
from runtime.tracing import processing
from status_tracker import metrics
from status_tracker.domain.entries import KEPT, Request, entry_of
from status_tracker.handlers import Fact, Outcome, Recorder
from status_tracker.ports import Erased
from status_tracker.storage import replies
from status_tracker.storage.database import UNSTORABLE, Pool

_counter = cache(metrics.EVENTS.labels)


class Worker:
    """
    Handles deliveries; how one ends is how its call ends (see runtime.amqp.consumer). `now`: the database's.

    `erased` knows whom an operator erased.
    """

    def __init__(self, pool: Pool, recorder: Recorder, now: Callable[[], datetime], erased: Erased) -> None:
        self._pool = pool
        self._recorder = recorder
        self._now = now
        self._erased = erased

    async def handle(self, delivery: Delivery) -> None:
        """
        Record the event that a delivery holds.

        Raises:
            ContractError: it cannot be read.
            Park: it can be read, and does not belong here or cannot be stored.
        """
        event = decode(delivery.body, self._now())
        trace, message_id = trace_of(event), getattr(event.data, "message_id", None)
        with about(event.data.workspace_id, message_id, trace), processing(event, delivery.queue) as span:
            try:
                outcome = await self._keep(event, delivery, span.traceparent(trace))
            except UNSTORABLE as error:
                raise Park("unstorable", f"the database cannot hold a value of it: {type(error).__name__}") from error
        _counter(_kind(event), outcome).inc()

    async def _keep(self, event: Event[Any], delivery: Delivery, trace: str | None) -> Outcome:
        match event.data:
            case SendRequested() as asked:
                erased = await self._erased.covers(asked.workspace_id, asked.recipient, event.time)
                lane = lane_of(delivery.routing_key)
                request = Request(event.id, event.time, asked, lane, traceparent=event.traceparent)
                return await self._recorder.record(Fact(entry_of(event, trace), request, erased))
            case ReplyReceived() as reply if await self._erased.covers(
                reply.workspace_id, replies.address(reply.sender), min(reply.received_at, event.time)
            ):
                return Outcome.ERASED
            case ReplyReceived() | TeammateReplied():
                kept = await replies.keep(self._pool, event)
                return Outcome.RECORDED if kept else Outcome.DUPLICATE
            case payload if isinstance(payload, KEPT):
                return await self._recorder.record(Fact(entry_of(event, trace)))
        raise Park("unexpected", f"{event.type} is not for the history")


def _kind(event: Event[Any]) -> str:
    return event.type.split(".")[1]
