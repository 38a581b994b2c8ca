"""Where a page goes on."""

from datetime import UTC
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_tracker.domain.cursors import Position
from tests.unit.status_tracker.making import NOON


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_cursor_is_read_as_it_was_written(moment: object, message_id: UUID) -> None:
    position = Position(moment, message_id)  # type: ignore[arg-type]
    assert Position.read(str(position)) == position
    assert str(position).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "é", "AAAA", str(Position(NOON.replace(tzinfo=None), UUID(int=1)))])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        Position.read(cursor)
