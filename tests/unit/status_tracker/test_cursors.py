"""Where a page goes on."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import UTC
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_tracker.domain.cursors import NoCursor, Position
from tests.unit.status_tracker.making import NOON


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_cursor_is_read_as_it_was_written(moment: object, message_id: UUID) -> None:
    position = Position(moment, message_id)  # type: ignore[arg-type]
    assert Position.read(str(position)) == position
    assert str(position).replace("-", "").replace("_", "").isalnum()


def _written(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


GENUINE = str(Position(NOON, UUID(int=1)))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "é",
        "AAAA",
        str(Position(NOON.replace(tzinfo=None), UUID(int=1))),
        GENUINE[:-1],
        GENUINE[:-4],
        f"{GENUINE}=",
        f"{GENUINE[:8]}!{GENUINE[8:]}",
        _written(f"2026-11-22T12:00:00+02:00 {UUID(int=1)}"),
        _written(f"0001-01-01T00:00:00+14:00 {UUID(int=1)}"),
        _written(f"2026-11-22 12:00:00+00:00 {UUID(int=1)}"),
        _written(f"infinity {UUID(int=1)}"),
        _written("2026-11-22T12:00:00+00:00 1"),
    ],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(NoCursor, match="not a cursor"):
        Position.read(cursor)


@given(st.text(max_size=120))
def test_any_text_is_a_cursor_of_ours_or_refused(cursor: str) -> None:
    with suppress(NoCursor):
        assert str(Position.read(cursor)) == cursor
