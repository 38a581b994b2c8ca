"""A dispatcher's job for the tests of decisions: it answers requests, stops and verdicts as the real one does."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import CancelRequested, ResolveRequested, SendRequested
from proactive_contracts.results import (
    SendCancelled,
    SendDeferred,
    SendResolved,
    SendUnknown,
)
from proactive_contracts.values import Admin, Model
from tests.unit.canvas_gateway.builders import NOW, make_result
from tests.unit.canvas_gateway.fakes import Agent, World, at_compose
from tests.unit.canvas_gateway.test_sending import TEXT

TOM = Admin(id="814861", name="Tom Becker")
LATER = NOW + timedelta(minutes=15)
DEFERRED: dict[str, Any] = {
    "reason": FailureReason.PROVIDER_BUSY,
    "due_at": NOW + timedelta(minutes=5),
    "not_after": LATER,
}
ACCEPTED: dict[str, Any] = {"provider": "twilio", "provider_message_id": "SM1"}
STOPPED = "Stopped. Nothing was sent."
NOT_KNOWN = "It is not known yet whether it could be stopped."


class Job:
    """One job of a dispatcher, or none yet; it answers requests and decisions as the real one does."""

    def __init__(self, kind: type[Model] | None = None, **fields: Any) -> None:
        self.answers: UUID | None = None
        self.told: tuple[type[Model], dict[str, Any]] | None = None if kind is None else (kind, fields)
        self.changes: list[type[Model]] = []

    def __call__(self, event: Event[Any]) -> Sequence[Event[Any]]:
        asked = event.data
        match asked:
            case SendRequested():
                self.answers = event.id
            case CancelRequested():
                self.answers = self.answers or asked.answers
                self._cancel(asked)
            case ResolveRequested():
                self._resolve(asked)
        if self.told is None:
            return []
        kind, fields = self.told
        return [make_result(asked, kind, event_id=self.answers, **fields)]

    def become(self, kind: type[Model], **fields: Any) -> None:
        """Something else happened to it."""
        self.told = (kind, fields)

    def _cancel(self, asked: CancelRequested) -> None:
        if self.told is None or self.told[0] is SendDeferred:
            self.changes.append(SendCancelled)
            self.become(SendCancelled, requested_by=asked.requested_by)

    def _resolve(self, asked: ResolveRequested) -> None:
        assert self.told is not None
        kind, fields = self.told
        if kind is SendUnknown or (fields.get("verdict"), asked.verdict) == ("not_sent", "sent"):
            self.changes.append(SendResolved)
            self.become(SendResolved, verdict=asked.verdict, requested_by=asked.requested_by)


async def told(world: World, job: Job, **place: str) -> Agent:
    """An agent who sent a message and sees what its job told."""
    world.bus.answers = job
    return await (await at_compose(world, **place)).clicks("compose.send", TEXT)
