"""When a cancel or a verdict came true, and when it cannot any more."""

import pytest

from proactive_contracts.status import Status
from proactivectl.wishes import Cancel, Resolve, Wish

SENT, NOT_SENT = Resolve("sent"), Resolve("not_sent")


@pytest.mark.parametrize(
    ("wish", "status", "reached", "hopeless"),
    [
        (Cancel(), Status.CANCELLED, True, False),
        (Cancel(), Status.QUEUED, False, False),
        (Cancel(), Status.WAITING, False, False),
        (Cancel(), Status.SENDING, False, False),
        (Cancel(), Status.NOT_CONFIRMED, False, False),
        (Cancel(), Status.UNKNOWN, False, True),
        (Cancel(), Status.SENT, False, True),
        (Cancel(), Status.EXPIRED, False, True),
        (SENT, Status.UNKNOWN, False, False),
        (SENT, Status.NOT_SENT, False, False),
        (SENT, Status.SENT, True, False),
        (SENT, Status.READ, True, False),
        (SENT, Status.FAILED, False, True),
        (NOT_SENT, Status.NOT_SENT, True, False),
        (NOT_SENT, Status.UNKNOWN, False, False),
        (NOT_SENT, Status.DELIVERED, False, True),
        (NOT_SENT, Status.WAITING, False, False),
        (NOT_SENT, Status.NOT_CONFIRMED, False, True),
        (SENT, Status.NOT_CONFIRMED, False, True),
    ],
)
def test_wish_knows_when_to_stop_waiting(wish: Wish, status: Status, reached: bool, hopeless: bool) -> None:
    assert (wish.reached(status), wish.hopeless(status)) == (reached, hopeless)


@pytest.mark.parametrize("wish", [Cancel(), SENT, NOT_SENT])
@pytest.mark.parametrize("status", Status)
def test_what_came_of_it_names_the_status_or_says_what_to_do(wish: Wish, status: Status) -> None:
    words = wish.words(status, status.meaning)
    assert (
        status.label in words or "message resolve" in words or "message cancel" in words or "Nothing was sent" in words
    )


def test_verdict_on_what_nobody_took_points_to_stopping_it() -> None:
    assert "message cancel" in NOT_SENT.words(Status.NOT_CONFIRMED, Status.NOT_CONFIRMED.meaning)
