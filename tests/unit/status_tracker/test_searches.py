"""What one search field is read as."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_tracker.domain.searches import Ending, Search, Unclear, read

ID = UUID("01970000-0000-7000-8000-0000000000aa")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (str(ID), ID),
        (f"  {str(ID).upper()} ", ID),
        (ID.hex, ID),
        ("+4915112345678", "+4915112345678"),
        ("+49 151 / 123-456.78", "+4915112345678"),
        ("+49 (0)151 12345678", "+4915112345678"),
        ("\u202a+49\u00a0151\u201112345678\u202c", "+4915112345678"),
        ("0049 151 12345678", "+4915112345678"),
        ("0049 (0) 151 12345678", "+4915112345678"),
        ("US.13491208655302741918", "US.13491208655302741918"),
        ("0151 12345678", Ending("15112345678")),
        ("(0151) 12345678", Ending("15112345678")),
        ("4915112345678", Ending("4915112345678")),
        ("345 678", Ending("345678")),
        ("012345", Ending("012345")),
        ("001234", Ending("001234")),
    ],
)
def test_search_is_read_as_it_was_meant(typed: str, meant: Search) -> None:
    assert read(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["", "x", "12345", "+", "+49151", "++4915112345678", "Anna", "%", "１２３４５６", "1" * 16, "+49151x345678"],
)
def test_what_cannot_be_looked_for_is_refused_with_what_can(typed: str) -> None:
    with pytest.raises(Unclear, match="give a message's id, a number such as"):
        read(typed)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(typed: str) -> None:
    with suppress(Unclear):
        read(typed)
