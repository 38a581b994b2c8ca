"""One cell of the CSV."""

import pytest

from status_tracker.export import _cell


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", " =1", "\r=1", "\n\n@x", "＝1", "\u00a0=1", "+49151x"],
)
def test_formula_becomes_text(text: str) -> None:
    assert _cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["+4915112345678", "Hello", "1-2", "a=b", "", "'=1", "2026-11-22T12:00:00Z"])
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert _cell(text) == text


def test_nothing_is_an_empty_cell() -> None:
    assert _cell(None) == ""
