"""The judge of the fault matrix: what keeps the promise passes, and each way of breaking it is found."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from tests.chaos import judge
from tests.chaos.judge import Evidence
from tests.chaos.run import Run
from tests.chaos.traffic import Message

MESSAGE_ID = UUID("01a207ae-a738-7d2e-9a41-6c0f5e1b7a20")
NUMBER = "+4915112345678"
TEXT = "Your parcel is here."


@dataclass
class FakeRun:
    """What the judge reads of a run."""

    messages: list[Message] = field(default_factory=list)
    parked: Counter[str] = field(default_factory=Counter)
    heard_everything: bool = True


def message(**changes: Any) -> Message:
    return replace(Message(NUMBER, TEXT, frozenset({"delivered"}), MESSAGE_ID), **changes)


def submission(**changes: Any) -> dict[str, Any]:
    return {
        "to": NUMBER,
        "text": TEXT,
        "accepted": True,
        "reaches_phone": True,
        "status": "delivered",
        "status_callback": f"http://127.0.0.1/webhooks?mid={MESSAGE_ID}",
        "reference": None,
        "provider_message_id": "SM1",
        **changes,
    }


def told(status: str, previous: str | None) -> dict[str, Any]:
    return {"data": {"message_id": str(MESSAGE_ID), "status": status, "previous": previous}}


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "message_id": MESSAGE_ID,
        "event": "send_accepted",
        "event_id": UUID(int=1),
        "source": "dispatcher",
        "status": "sent",
        "provider_message_id": "SM1",
        "provider_code": None,
        **changes,
    }


def evidence(**changes: Any) -> Evidence:
    whole = Evidence(
        ledger=[submission()],
        history=[{"message_id": MESSAGE_ID, "recipient": NUMBER, "status": "delivered", "revision": 3}],
        timeline=[entry()],
        jobs={MESSAGE_ID: {"attempt": 1}},
        events=[told("queued", None), told("sent", "queued"), told("delivered", "sent")],
        left={},
        parked={},
        untold=0,
        leaks=[],
    )
    return replace(whole, **changes)


def broken(seen: Evidence, run: FakeRun | None = None) -> dict[str, list[str]]:
    """What each invariant says, by its name; those that hold are left out."""
    run = run or FakeRun([message()])
    said = {one.__name__: list(one(cast(Run, run), seen)) for one in judge.INVARIANTS}
    return {name: words for name, words in said.items() if words}


def test_kept_promise_passes() -> None:
    assert broken(evidence()) == {}


def test_two_accepted_copies_are_found() -> None:
    assert "one_copy" in broken(evidence(ledger=[submission(), submission()]))


def test_second_copy_under_another_id_is_found() -> None:
    other = submission(status_callback=f"http://127.0.0.1/?mid={uuid4()}")
    assert "one_copy" in broken(evidence(ledger=[submission(), other]))


def test_copy_that_nobody_asked_for_is_found() -> None:
    stranger = submission(to="+4915199999999", status_callback=None)
    assert "one_copy" in broken(evidence(ledger=[submission(), stranger]))


def test_copies_that_people_asked_for_are_none() -> None:
    run = FakeRun([message(copies=2)])
    assert "one_copy" not in broken(evidence(ledger=[submission(), submission()]), run)


@pytest.mark.parametrize(
    ("status", "ledger"),
    [
        ("delivered", []),
        ("failed", [submission()]),
        ("expired", [submission()]),
        ("cancelled", [submission()]),
        ("queued", []),
    ],
)
def test_untrue_status_is_found(status: str, ledger: list[dict[str, Any]]) -> None:
    history = [{"message_id": MESSAGE_ID, "recipient": NUMBER, "status": status, "revision": 1}]
    assert "visible_and_true" in broken(evidence(history=history, ledger=ledger))


def test_confirmed_message_that_is_nowhere_is_found() -> None:
    assert "visible_and_true" in broken(evidence(history=[], ledger=[], events=[]))


def test_unconfirmed_message_may_be_nowhere() -> None:
    run = FakeRun([message(confirmed=False)])
    assert broken(evidence(history=[], ledger=[], events=[], timeline=[]), run) == {}


def test_receipt_that_does_not_count_is_found() -> None:
    history = [{"message_id": MESSAGE_ID, "recipient": NUMBER, "status": "sent", "revision": 2}]
    assert "receipts_count" in broken(evidence(history=history))


@pytest.mark.parametrize(
    "events",
    [
        [told("queued", None), told("delivered", "queued"), told("sent", "delivered")],
        [told("queued", None), told("delivered", "sent")],
        [told("queued", None), told("sent", "queued")],
        [],
    ],
)
def test_status_that_goes_down_or_leaves_something_out_is_found(events: list[dict[str, Any]]) -> None:
    assert "never_down" in broken(evidence(events=events))


def test_leak_is_found() -> None:
    assert "no_leak" in broken(evidence(leaks=["dispatcher-sms: 4915112345678 in …"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"timeline": [entry(), entry()]},
        {"timeline": [entry(source="receipt"), entry(source="receipt", event_id=UUID(int=2))]},
        {"events": [told("queued", None), told("sent", "queued"), told("sent", "sent"), told("delivered", "sent")]},
        {"ledger": [submission(), submission(accepted=False)]},
    ],
)
def test_event_that_is_applied_twice_is_found(changes: dict[str, Any]) -> None:
    assert "applied_once" in broken(evidence(**changes))


@pytest.mark.parametrize("changes", [{"left": {"a": 1}}, {"untold": 1}, {"parked": {"dispatcher.sms.bulk": 1}}])
def test_what_is_left_is_found(changes: dict[str, Any]) -> None:
    assert "queues_as_expected" in broken(evidence(**changes))


def test_what_should_be_parked_and_is_not_is_found() -> None:
    run = FakeRun([message()], Counter({"dispatcher.sms.bulk": 1}))
    assert "queues_as_expected" in broken(evidence(), run)
    assert broken(evidence(parked={"dispatcher.sms.bulk": 1}), run) == {}


def test_every_invariant_has_a_place() -> None:
    invariants: Iterable[Callable[..., object]] = judge.INVARIANTS
    assert len(list(invariants)) == 7
