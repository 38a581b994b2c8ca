"""Which parked messages are a person's."""

import json
from typing import Any

import pytest

from proactivectl.erasing import names

NUMBER = "+4915112345678"


@pytest.mark.parametrize(
    ("body", "theirs"),
    [
        ({"data": {"recipient": NUMBER}}, True),
        ({"data": {"recipient": NUMBER, "workspace_id": "w1"}}, True),
        ({"data": {"recipient": NUMBER, "workspace_id": "w2"}}, False),
        ({"data": {"sender": "4915112345678"}}, True),
        ({"data": {"detail": "The number 4915112345678 is not valid."}}, True),
        ({"data": {"recipient": "+4915187654321", "content": {"text": f"Call {NUMBER}"}}}, False),
        ({"data": {"recipient": "+49151123456789"}}, False),
        ([{"recipient": NUMBER}], True),
        ({"data": None}, False),
        ("text", False),
    ],
)
def test_event_is_theirs_where_it_is_to_or_from_them(body: Any, theirs: bool) -> None:
    assert names(json.dumps(body).encode(), "w1", NUMBER) is theirs


@pytest.mark.parametrize(
    ("body", "theirs"),
    [(b'{"recipient": "+4915112345678"', True), (b"\xff4915112345678 ", True), (b"{049151123456789", False)],
)
def test_what_cannot_be_read_is_theirs_where_it_holds_the_number(body: bytes, theirs: bool) -> None:
    assert names(body, "w1", NUMBER) is theirs
