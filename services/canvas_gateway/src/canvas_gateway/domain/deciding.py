"""What a teammate decides about a message that is not settled: stop trying, or say what became of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from canvas_gateway.domain.history import MAY_BE_SENT, PERSON, SENT, SETTLED, Entry, Message
from canvas_gateway.domain.outcome import Outcome, Published, Why, of_history, of_result
from canvas_gateway.domain.values import Frozen, Screen, Wish
from proactive_contracts.envelope import Event
from proactive_contracts.requests import CancelRequested, ResolveRequested, SendRequested
from proactive_contracts.results import (
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendResolved,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, Channel

INSISTED_ON = timedelta(minutes=15)
"""How long a decision that was not confirmed is published again at least; a stop as long as the message may leave."""

STOPPABLE = frozenset({Status.WAITING, Status.NOT_CONFIRMED})
"""Where "Stop trying" has an effect: a dispatcher that has no job notes the stop and says so."""

_MARKS = (Wish.MARK_SENT, Wish.MARK_NOT_SENT)
_VERDICTS: Mapping[Wish, Literal["sent", "not_sent"]] = {Wish.MARK_SENT: "sent", Wish.MARK_NOT_SENT: "not_sent"}


class Decision(Frozen):
    """
    A teammate's decision on one message, and whether the queue has it.

    `answers` is the request event that it is about: whatever the dispatcher says to it names that event. It is
    published again until `until` where it was not confirmed.
    """

    wish: Wish
    message_id: UUID
    workspace_id: str
    channel: Channel
    channel_id: UUID
    answers: UUID
    by: Admin
    asked_at: datetime
    until: datetime
    confirmed: bool = False

    @property
    def event_id(self) -> UUID:
        """The same however often it is published; another for the next click."""
        return uuid5(self.answers, f"{self.wish}:{self.by.id}:{self.asked_at.isoformat()}")

    def payload(self, result_route: str) -> CancelRequested | ResolveRequested:
        """What dispatchers are asked for."""
        about: dict[str, Any] = {
            "message_id": self.message_id,
            "workspace_id": self.workspace_id,
            "channel": self.channel,
            "channel_id": self.channel_id,
            "requested_by": self.by,
            "result_route": result_route,
        }
        if self.wish is Wish.STOP:
            return CancelRequested(**about, answers=self.answers)
        return ResolveRequested(**about, verdict=_VERDICTS[self.wish])

    def after(self, published: Published) -> "Decision":
        """With what the broker said of one more publish."""
        return self.model_copy(update={"confirmed": self.confirmed or published is Published.CONFIRMED})


def decide(wish: Wish, about: SendRequested | Message, answers: UUID, by: Admin, now: datetime) -> Decision:
    """A decision on the message that was asked for by the event `answers`."""
    until = now + INSISTED_ON
    if wish is Wish.STOP and about.not_after is not None:
        until = max(until, about.not_after)
    return Decision(
        wish=wish,
        message_id=about.message_id,
        workspace_id=about.workspace_id,
        channel=about.channel,
        channel_id=about.channel_id,
        answers=answers,
        by=by,
        asked_at=now,
        until=until,
    )


def offered(known: Outcome) -> tuple[Wish, ...]:
    """
    What may be decided about a submitted message.

    A verdict needs a dispatcher's job that is unknown; where no dispatcher is known to have taken the message, only
    stopping it leads to an answer.
    """
    if known.screen is Screen.DEFERRED:
        return (Wish.STOP,)
    if known.screen is Screen.UNKNOWN:
        return _MARKS if known.status is Status.UNKNOWN else (Wish.STOP,)
    return ()


def offered_on(status: Status) -> tuple[Wish, ...]:
    """The same for a message of the history."""
    if status is Status.UNKNOWN:
        return _MARKS
    return (Wish.STOP,) if status in STOPPABLE else ()


def settles(wish: Wish, result: Event[Any]) -> bool:
    """
    Whether a dispatcher's event can be the answer to a decision.

    A job that waits is stopped, so "waiting" was said before that; a job that is unknown takes a verdict, so
    "unknown" was said before that; and another teammate's verdict may come right before this one's.
    """
    match result.data:
        case SendDeferred():
            return wish is not Wish.STOP
        case SendUnknown():
            return wish is Wish.STOP
        case SendResolved(verdict=verdict):
            return wish is Wish.STOP or verdict == _VERDICTS[wish]
        case SendAccepted() | SendFailed() | SendExpired() | SendCancelled() | SendStarted():
            return True
        case _:
            return False


def after_answer(wish: Wish, result: Event[Any]) -> Outcome | None:
    """What an event tells who waits for the answer to a decision; None: nothing about it."""
    if isinstance(result.data, SendStarted):
        known: Outcome | None = Outcome(screen=Screen.SENDING, status=Status.SENDING, at=result.time)
    elif settles(wish, result) or isinstance(result.data, SendResolved):
        known = of_result(result)
    else:
        known = None
    return None if known is None else _told(wish, known)


def after_history(decision: Decision, found: Message | None) -> Outcome | None:
    """
    What history alone tells of a decision; None: the dispatchers have to be asked.

    "Sent" corrects another teammate's "not sent", so history does not settle that.
    """
    if found is None or found.event_id != decision.answers:
        return None
    beyond_stopping = decision.wish is Wish.STOP and found.status is Status.UNKNOWN
    corrects = decision.wish is Wish.MARK_SENT and found.status is Status.NOT_SENT
    if corrects or (found.status not in SETTLED and not beyond_stopping):
        return None
    return _told(decision.wish, of_history(found))


def pending(decision: Decision, published: Published) -> Outcome:
    """Nobody has answered the decision yet."""
    if decision.confirmed:
        why = Why.NOT_ANSWERED
    else:
        why = Why.NO_SENDER if published is Published.UNROUTABLE else Why.NOT_QUEUED
    return Outcome(screen=Screen.DECIDING, why=why)


def as_told(message: Message, known: Outcome) -> Message:
    """A message of the history with what a dispatcher has just told, which the history may not know yet."""
    if known.status is None or known.at is None or message.status in {known.status, *SENT}:
        return message
    person = known.marked or known.status is Status.NOT_SENT
    entry = Entry(
        at=known.at,
        event="told",
        status=known.status,
        source=PERSON if person else "dispatcher",
        provider_code=known.provider_code,
    )
    told = {
        "status": known.status,
        "status_at": known.at,
        "reason": known.reason,
        "provider_code": known.provider_code,
        "timeline": (*message.timeline, entry),
    }
    return message.model_copy(update=told)


def _told(wish: Wish, known: Outcome) -> Outcome:
    """With a word on what was asked for, where something else came of it."""
    beyond = {Status.SENDING, *SENT, *(MAY_BE_SENT if wish is Wish.STOP else ())}
    return known.model_copy(update={"too_late_to": wish}) if known.status in beyond and not known.marked else known
