"""What became of a submitted message: from results and from history to the one screen that tells the truth."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from canvas_gateway.domain.history import MAY_BE_SENT, NOT_SENT, SENT, SETTLED, Message
from canvas_gateway.domain.values import Frozen, Screen, Wish
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import (
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendResolved,
    SendUnknown,
)
from proactive_contracts.status import Status
from proactive_contracts.values import Channel

CALL_TAKES = timedelta(seconds=1)
"""What a next try needs before its answer may be there."""


class Published(StrEnum):
    """What the broker said of one publish."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    """It may have been taken."""
    NOT_PUBLISHED = "not_published"
    """There was no connection: it never left us."""
    UNROUTABLE = "unroutable"
    """It came back: this publish reached nobody."""


class Why(StrEnum):
    """Why a message has no final outcome, where that is known to us and not to the dispatcher."""

    NOT_ANSWERED = "not_answered"
    NOT_QUEUED = "not_queued"
    NO_SENDER = "no_sender"
    NOBODY_TOOK_IT = "nobody_took_it"
    NO_TRACE = "no_trace"
    NOT_LOOKED_UP = "not_looked_up"


class Outcome(Frozen):
    """
    What is known of a submitted message; `screen` is the one that tells it.

    For `changed` and `already_sent`, status, at, text and recipient are those of the earlier version or message;
    `channel` is the earlier version's where it went through another one.
    `opened` are the ids of the Intercom conversations that were opened for it, `open_failure` says why none could be.
    `marked`: a teammate says that it was sent, and nobody else. `too_late_to` is what a teammate asked for and what
    cannot be any more, or not now.
    """

    screen: Screen
    status: Status | None = None
    at: datetime | None = None
    why: Why | None = None
    reason: FailureReason | None = None
    provider: str | None = None
    provider_code: str | None = None
    until: datetime | None = None
    text: str | None = None
    recipient: str | None = None
    channel: Channel | None = None
    opened: tuple[str, ...] = ()
    open_failure: str | None = None
    marked: bool = False
    too_late_to: Wish | None = None


class Submission(Frozen):
    """A request that was submitted in this panel, and what the broker said of publishing it."""

    request: SendRequested
    asked_at: datetime
    confirmed: bool = False
    unconfirmed: bool = False
    """Some publish of it may have reached the queue, or not."""
    both_buttons: bool = False
    """Compose's other button was pressed for the same message as well; it was taken as this request says."""

    @property
    def event_id(self) -> UUID:
        """The id that the request has on the bus, and that its results name."""
        return request_id(self.request)

    @property
    def by_other_button(self) -> "Submission":
        """The same message, as Compose's other button asks for it: with a new conversation, or without."""
        thread = self.request.thread.model_copy(update={"open_new": not self.request.thread.open_new})
        request = self.request.model_copy(update={"thread": thread})
        return self.model_copy(update={"request": request, "both_buttons": True})

    def after(self, published: Published) -> "Submission":
        """With what the broker said of one more publish."""
        return self.model_copy(
            update={
                "confirmed": self.confirmed or published is Published.CONFIRMED,
                "unconfirmed": self.unconfirmed or published is Published.UNCONFIRMED,
            }
        )


def of_result(result: Event[Any]) -> Outcome | None:
    """What a dispatcher's answer means; None where it is no answer yet."""
    match result.data:
        case SendAccepted():
            return Outcome(screen=Screen.SENT, status=Status.SENT, at=result.time)
        case SendFailed() as failed:
            return _of_failure(failed, result.time)
        case SendUnknown():
            return Outcome(screen=Screen.UNKNOWN, status=Status.UNKNOWN, at=result.time)
        case SendExpired():
            return Outcome(screen=Screen.FAILED, status=Status.EXPIRED, at=result.time)
        case SendCancelled():
            return Outcome(screen=Screen.STOPPED, status=Status.CANCELLED, at=result.time)
        case SendDeferred() as deferred:
            return _of_deferral(deferred, result.time)
        case SendResolved(verdict="sent"):
            return Outcome(screen=Screen.SENT, status=Status.SENT, at=result.time, marked=True)
        case SendResolved():
            return Outcome(screen=Screen.FAILED, status=Status.NOT_SENT, at=result.time)
        case _:
            return None


def is_answer(result: Event[Any]) -> bool:
    """Whether a dispatcher's event answers a request."""
    return of_result(result) is not None


def is_answer_before(result: Event[Any], ends_at: datetime) -> bool:
    """The same for who waits until `ends_at`: what is tried again before that is waited for."""
    again_soon = isinstance(result.data, SendDeferred) and result.data.due_at < ends_at - CALL_TAKES
    return is_answer(result) and not again_soon


def of_history(message: Message) -> Outcome:
    """What the history of this very request means."""
    status, at = message.status, message.status_at
    if status in SENT:
        opened, failure = message.opened_conversation_ids, message.open_failure
        marked = message.marked_sent
        return Outcome(screen=Screen.SENT, status=status, at=at, opened=opened, open_failure=failure, marked=marked)
    if status is Status.CANCELLED:
        return Outcome(screen=Screen.STOPPED, status=status, at=at)
    if status in NOT_SENT and message.reason is FailureReason.ALREADY_SENT:
        return Outcome(screen=Screen.ALREADY_SENT)
    if status in MAY_BE_SENT:
        why = Why.NOBODY_TOOK_IT if status is Status.NOT_CONFIRMED else None
        return Outcome(screen=Screen.UNKNOWN, status=status, at=at, why=why)
    if status in NOT_SENT or status is Status.WAITING:
        return Outcome(
            screen=Screen.FAILED if status in NOT_SENT else Screen.DEFERRED,
            status=status,
            at=at,
            until=None if status in NOT_SENT else message.not_after,
            reason=message.reason,
            provider=message.provider,
            provider_code=message.provider_code,
        )
    return Outcome(screen=Screen.SENDING, status=status, at=at)


def without_answer(
    submission: Submission, published: Published, found: Message | None, before: Outcome | None = None
) -> Outcome:
    """
    What is known when no dispatcher answered in time; `before` is what was known of this very request.

    A returned publish is a failure only if no earlier one may have reached the queue; one that never left us may be
    published again. What history knows better is believed, and an unknown outcome stays unknown until then.
    """
    if found is not None and found.event_id == submission.event_id and found.status not in {Status.QUEUED}:
        return of_history(found)
    if before is not None and before.screen is Screen.UNKNOWN:
        return before
    lost = published is Published.UNROUTABLE and not (submission.unconfirmed or submission.confirmed)
    if lost and found is None:
        return Outcome(screen=Screen.FAILED, status=Status.FAILED, why=Why.NO_SENDER)
    why = Why.NOT_ANSWERED if submission.confirmed else Why.NOT_QUEUED
    return Outcome(screen=Screen.SENDING, why=why)


def after_lookup(submission: Submission, found: Message | None, now: datetime) -> Outcome | None:
    """What "Refresh status" can tell from history alone; None: ask the dispatchers by publishing it again."""
    ours = found is not None and found.event_id == submission.event_id
    if found is not None and ours and found.status in SETTLED and found.reason is not FailureReason.ALREADY_SENT:
        return of_history(found)
    if now < submission.request.not_after:
        return None
    if found is None:
        return Outcome(screen=Screen.UNKNOWN, why=Why.NO_TRACE)
    if ours:
        return of_history(found)
    if found.status in {Status.QUEUED, Status.NOT_CONFIRMED}:  # no dispatcher spoke: either version may be the one
        return Outcome(screen=Screen.UNKNOWN, why=Why.NO_TRACE)
    return Outcome(
        screen=Screen.CHANGED,
        status=found.status,
        at=found.status_at,
        text=found.text,
        recipient=found.recipient or None,
    )


def beside_earlier(submission: Submission, known: Outcome, found: Message | None) -> tuple[Submission, Outcome]:
    """
    What was taken before, as the history has it.

    Where only the button was another, that is this very message: it is told as what became of it, and nothing of it is
    left that could be sent as a new one.
    """
    if found is None or known.screen not in {Screen.CHANGED, Screen.ALREADY_SENT}:
        return submission, known
    taken = submission.by_other_button
    if known.screen is Screen.CHANGED and found.event_id == taken.event_id:
        first = taken.request.model_copy(update={"not_after": found.not_after or taken.request.not_after})
        return taken.model_copy(update={"request": first}), _as_far_as_known(found, known)
    elsewhere = found.channel if found.channel_id != submission.request.channel_id else None
    return submission, known.model_copy(
        update={"text": found.text, "recipient": found.recipient or None, "channel": elsewhere}
    )


def _as_far_as_known(found: Message, told: Outcome) -> Outcome:
    """The history, or the dispatcher where it was ahead; why something failed only the history says."""
    if found.status in SETTLED or told.status in {None, Status.FAILED}:
        return of_history(found)
    return of_history(found.model_copy(update={"status": told.status, "status_at": told.at}))


def may_repeat(submission: Submission, known: Outcome) -> bool:
    """Whether a version that was refused may bring the customer the same words a second time."""
    content = submission.request.content
    if known.status in NOT_SENT or content.kind != "text":
        return False
    return known.text is None or known.text.split() == content.text.split()


def after_opening(submission: Submission, found: Message | None, before: Outcome) -> Outcome:
    """What a sent message is by now; what history does not know of this very request changes nothing."""
    if found is None or found.event_id != submission.event_id or found.status not in SETTLED:
        return before
    return of_history(found)


def is_opening(submission: Submission, known: Outcome) -> bool:
    """Whether the new conversation is still to come."""
    wanted = submission.request.thread.open_new and known.screen is Screen.SENT
    return wanted and not known.opened and known.open_failure is None


def after_failed_lookup(submission: Submission, now: datetime, before: Outcome | None = None) -> Outcome | None:
    """The same where history cannot be read; what a dispatcher called unknown `before` stays so."""
    if now < submission.request.not_after:
        return None
    status = Status.UNKNOWN if before is not None and before.status is Status.UNKNOWN else None
    return Outcome(screen=Screen.UNKNOWN, status=status, why=Why.NOT_LOOKED_UP)


def _of_deferral(deferred: SendDeferred, at: datetime) -> Outcome:
    return Outcome(
        screen=Screen.DEFERRED,
        status=Status.WAITING,
        at=at,
        until=deferred.not_after,
        reason=deferred.reason,
        provider=deferred.provider,
        provider_code=deferred.provider_code,
    )


def _of_failure(failed: SendFailed, at: datetime) -> Outcome:
    screens = {FailureReason.CHANGED: Screen.CHANGED, FailureReason.ALREADY_SENT: Screen.ALREADY_SENT}
    if failed.reason is FailureReason.ALREADY_SENT and failed.earlier is None:
        return Outcome(screen=Screen.ALREADY_SENT)
    if failed.reason in screens and failed.earlier is not None:
        earlier = failed.earlier
        return Outcome(screen=screens[failed.reason], status=earlier.status, at=earlier.since, reason=failed.reason)
    return Outcome(
        screen=Screen.FAILED,
        status=Status.FAILED,
        at=at,
        reason=failed.reason,
        provider=failed.provider,
        provider_code=failed.provider_code,
    )
