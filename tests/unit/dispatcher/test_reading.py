"""What every adapter reads with the same care."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.providers.reading import http_moment, retry_after
from tests.unit.dispatcher.builders import NOW


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        (" 2 ", 2.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("1000000000", 1e9),
        ("9" * 5000, None),
        ("-5", None),
        ("+5", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        ("Mon, 02 Nov 2026 14:06:30 GMT", 90.0),
        ("Mon, 02 Nov 2026 14:06:30 -0000", 90.0),
        ("Mon, 02 Nov 2026 15:06:30 +0100", 90.0),
        ("Mon, 02 Nov 2026 14:04:00 GMT", 0.0),
        ("Mon, 99 Nov 2026 14:04:00 GMT", None),
    ],
)
def test_retry_after_is_read(header: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": header}, NOW) == seconds


def test_no_retry_after_says_nothing() -> None:
    assert retry_after({}) is None


@given(st.text(max_size=60))
def test_garbage_in_retry_after_is_harmless(header: str) -> None:
    seconds = retry_after({"Retry-After": header}, NOW)
    assert seconds is None or seconds >= 0


@given(st.text(max_size=60) | st.none() | st.integers())
def test_garbage_in_place_of_a_date_is_none(value: object) -> None:
    moment = http_moment(value)
    assert moment is None or moment.tzinfo is UTC


def test_date_is_read_in_utc() -> None:
    assert http_moment("Mon, 02 Nov 2026 15:05:00 +0100") == NOW
    assert datetime(2026, 11, 2, tzinfo=UTC) - NOW < timedelta(0)
