"""What became of a message: from results and history to a screen that tells the truth."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from canvas_gateway.domain.history import Entry, Message
from canvas_gateway.domain.outcome import (
    Outcome,
    Published,
    Submission,
    Why,
    after_failed_lookup,
    after_lookup,
    is_answer_before,
    of_history,
    of_result,
    without_answer,
)
from canvas_gateway.domain.values import Screen
from proactive_contracts.reasons import FailureReason
from proactive_contracts.results import (
    Earlier,
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
from proactive_contracts.values import Admin, Model
from tests.unit.canvas_gateway.builders import NOW, make_message, make_request, make_result, make_submission

EARLIER = Earlier(status=Status.SENT, since=NOW - timedelta(minutes=5))
TOM = Admin(id="1", name="Tom")
LATER = NOW + timedelta(minutes=16)


@pytest.mark.parametrize(
    ("kind", "fields", "screen", "status"),
    [
        (SendAccepted, {"provider": "twilio", "provider_message_id": "SM1"}, Screen.SENT, Status.SENT),
        (SendFailed, {"reason": FailureReason.INVALID_NUMBER}, Screen.FAILED, Status.FAILED),
        (SendFailed, {"reason": FailureReason.CHANGED, "earlier": EARLIER}, Screen.CHANGED, Status.SENT),
        (SendFailed, {"reason": FailureReason.CHANGED}, Screen.FAILED, Status.FAILED),
        (SendFailed, {"reason": FailureReason.ALREADY_SENT, "earlier": EARLIER}, Screen.ALREADY_SENT, Status.SENT),
        (SendFailed, {"reason": FailureReason.ALREADY_SENT}, Screen.ALREADY_SENT, None),
        (SendUnknown, {}, Screen.UNKNOWN, Status.UNKNOWN),
        (SendExpired, {"not_after": NOW}, Screen.FAILED, Status.EXPIRED),
        (SendCancelled, {"requested_by": TOM}, Screen.STOPPED, Status.CANCELLED),
        (SendResolved, {"verdict": "sent", "requested_by": TOM}, Screen.SENT, Status.SENT),
        (SendResolved, {"verdict": "not_sent", "requested_by": TOM}, Screen.FAILED, Status.NOT_SENT),
        (
            SendDeferred,
            {"reason": FailureReason.PROVIDER_BUSY, "due_at": NOW, "not_after": LATER},
            Screen.DEFERRED,
            Status.WAITING,
        ),
    ],
)
def test_answer_leads_to_its_screen(
    kind: type[Model], fields: dict[str, Any], screen: Screen, status: Status | None
) -> None:
    known = of_result(make_result(make_request(), kind, **fields))
    assert known is not None
    assert (known.screen, known.status) == (screen, status)


def test_started_is_no_answer() -> None:
    assert of_result(make_result(make_request(), SendStarted)) is None


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_screen_that_claims_no_more_than_it(status: Status) -> None:
    screen = of_history(make_message(status=status)).screen
    expected = {
        Screen.SENT: {Status.SENT, Status.DELIVERED, Status.READ},
        Screen.FAILED: {Status.FAILED, Status.EXPIRED, Status.NOT_SENT},
        Screen.STOPPED: {Status.CANCELLED},
        Screen.UNKNOWN: {Status.UNKNOWN, Status.NOT_CONFIRMED},
        Screen.SENDING: {Status.QUEUED, Status.SENDING},
        Screen.DEFERRED: {Status.WAITING},
    }
    assert status in expected[screen]


OTHER = make_message(event_id=uuid4(), text="An older text")


@pytest.mark.parametrize(
    ("submission", "published", "found", "screen", "why"),
    [
        (make_submission(confirmed=True), Published.CONFIRMED, None, Screen.SENDING, Why.NOT_ANSWERED),
        (make_submission(unconfirmed=True), Published.UNCONFIRMED, None, Screen.SENDING, Why.NOT_QUEUED),
        (make_submission(), Published.NOT_PUBLISHED, None, Screen.SENDING, Why.NOT_QUEUED),
        (make_submission(), Published.UNROUTABLE, None, Screen.FAILED, Why.NO_SENDER),
        (make_submission(unconfirmed=True), Published.UNROUTABLE, None, Screen.SENDING, Why.NOT_QUEUED),
        (make_submission(confirmed=True), Published.UNROUTABLE, None, Screen.SENDING, Why.NOT_ANSWERED),
        (make_submission(), Published.UNROUTABLE, OTHER, Screen.SENDING, Why.NOT_QUEUED),
        (make_submission(), Published.UNROUTABLE, make_message(status=Status.QUEUED), Screen.SENDING, Why.NOT_QUEUED),
        (make_submission(), Published.CONFIRMED, make_message(status=Status.UNKNOWN), Screen.UNKNOWN, None),
        (make_submission(), Published.UNROUTABLE, make_message(status=Status.SENT), Screen.SENT, None),
    ],
)
def test_no_answer_in_time_claims_only_what_is_proved(
    submission: Submission, published: Published, found: Message | None, screen: Screen, why: Why | None
) -> None:
    known = without_answer(submission, published, found)
    assert (known.screen, known.why) == (screen, why)


ASK_AGAIN = None


@pytest.mark.parametrize(
    ("found", "now", "screen"),
    [
        (make_message(status=Status.SENT), NOW, Screen.SENT),
        (make_message(status=Status.DELIVERED), NOW, Screen.SENT),
        (make_message(status=Status.FAILED), NOW, Screen.FAILED),
        (make_message(status=Status.QUEUED), NOW, ASK_AGAIN),
        (make_message(status=Status.SENDING), NOW, ASK_AGAIN),
        (make_message(status=Status.UNKNOWN), NOW, ASK_AGAIN),
        (make_message(status=Status.FAILED, reason=FailureReason.ALREADY_SENT), NOW, ASK_AGAIN),
        (OTHER, NOW, ASK_AGAIN),
        (None, NOW, ASK_AGAIN),
        (make_message(status=Status.SENDING), LATER, Screen.SENDING),
        (make_message(status=Status.UNKNOWN), LATER, Screen.UNKNOWN),
        (make_message(status=Status.NOT_CONFIRMED), LATER, Screen.UNKNOWN),
        (make_message(status=Status.FAILED, reason=FailureReason.ALREADY_SENT), LATER, Screen.ALREADY_SENT),
        (OTHER, LATER, Screen.CHANGED),
        (None, LATER, Screen.UNKNOWN),
    ],
)
def test_refresh_believes_history_where_it_is_final_and_asks_otherwise(
    found: Message | None, now: Any, screen: Screen | None
) -> None:
    known = after_lookup(make_submission(), found, now)
    assert (known and known.screen) == screen


def test_refresh_without_history_asks_until_its_time_is_over() -> None:
    assert after_failed_lookup(make_submission(), NOW) is None
    assert after_failed_lookup(make_submission(), LATER) == Outcome(screen=Screen.UNKNOWN, why=Why.NOT_LOOKED_UP)


def test_unknown_stays_unknown_while_history_cannot_be_read() -> None:
    before = Outcome(screen=Screen.UNKNOWN, status=Status.UNKNOWN)
    known = after_failed_lookup(make_submission(), LATER, before)
    assert known == Outcome(screen=Screen.UNKNOWN, status=Status.UNKNOWN, why=Why.NOT_LOOKED_UP)


def test_deferral_tells_why_and_until_when() -> None:
    deferred = make_result(
        make_request(),
        SendDeferred,
        reason=FailureReason.PROVIDER_BUSY,
        provider="twilio",
        provider_code="20429",
        due_at=NOW,
        not_after=LATER,
    )
    told = of_result(deferred)
    waiting = {"status": Status.WAITING, "reason": FailureReason.PROVIDER_BUSY, "provider_code": "20429"}
    assert told == of_history(make_message(make_request(not_after=LATER), **waiting))
    assert told is not None
    assert (told.until, told.reason, told.provider_code) == (LATER, FailureReason.PROVIDER_BUSY, "20429")


@pytest.mark.parametrize(("due_in", "ends"), [(0, False), (2, False), (3.5, True), (60, True)])
def test_what_is_tried_again_soon_is_waited_for(due_in: float, ends: bool) -> None:
    due_at = NOW + timedelta(seconds=due_in)
    deferred = make_result(
        make_request(), SendDeferred, reason=FailureReason.PROVIDER_BUSY, due_at=due_at, not_after=LATER
    )
    assert is_answer_before(deferred, NOW + timedelta(seconds=4)) is ends
    assert is_answer_before(make_result(make_request(), SendUnknown), NOW)
    assert not is_answer_before(make_result(make_request(), SendStarted), NOW)


@pytest.mark.parametrize(
    ("sources", "marked"),
    [
        (["person"], True),
        (["dispatcher", "person"], False),
        (["person", "receipt"], False),
        (["dispatcher"], False),
        ([], False),
    ],
)
def test_only_a_teammates_word_is_told_as_such(sources: list[str], marked: bool) -> None:
    timeline = tuple(Entry(at=NOW, event="told", source=source, status=Status.SENT) for source in sources)
    assert of_history(make_message(timeline=timeline)).marked is marked
