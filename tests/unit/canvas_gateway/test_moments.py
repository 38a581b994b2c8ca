"""Moments as agents read them."""

from datetime import UTC, datetime

import pytest

from canvas_gateway.domain.moments import Calendar
from tests.unit.canvas_gateway.builders import ATHENS, CALENDAR


@pytest.mark.parametrize(
    ("at", "full"),
    [
        (datetime(2026, 11, 22, 11, 5, tzinfo=UTC), "Nov 22, 2026 at 1:05PM"),
        (datetime(2026, 11, 22, 22, 0, tzinfo=UTC), "Nov 23, 2026 at 12:00AM"),
        (datetime(2026, 7, 1, 9, 30, tzinfo=UTC), "Jul 1, 2026 at 12:30PM"),
    ],
)
def test_full_is_local_and_absolute(at: datetime, full: str) -> None:
    assert CALENDAR.full(at) == full


def test_short_is_a_time_today_and_has_the_day_otherwise() -> None:
    calendar = Calendar(ATHENS, datetime(2026, 11, 22, 22, 30, tzinfo=UTC))
    assert calendar.short(datetime(2026, 11, 22, 22, 5, tzinfo=UTC)) == "12:05AM"
    assert calendar.short(datetime(2026, 11, 22, 21, 5, tzinfo=UTC)) == "Nov 22, 2026 at 11:05PM"
