"""Other people's words in our panel."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_gateway.canvas_kit.plain import WORD_JOINER, clipped, fitting, one_line, without_markup

LINK = re.compile(r"\[[^\]]*\]\([^)]*\)")


@pytest.mark.parametrize(
    "text",
    ["[free](https://evil.example)", "**urgent**", "****", "*****", "[a]([b](c))", "]]((", "x**", "**[a](b)**"],
)
def test_markup_becomes_plain_to_the_kit_and_stays_the_same_to_the_eye(text: str) -> None:
    plain = without_markup(text)
    assert "](" not in plain
    assert "**" not in plain
    assert plain.replace(WORD_JOINER, "") == text


@given(st.text(alphabet="[]()*ab "))
def test_no_text_keeps_markup(text: str) -> None:
    plain = without_markup(text)
    assert "](" not in plain
    assert "**" not in plain
    assert not LINK.search(plain)
    assert without_markup(plain) == plain


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Anna\n\tSchmidt ", "Anna Schmidt"),
        ("\u202eevil\u202c", "evil"),
        ("a\x00b\x07c", "abc"),
        ("👩‍👩‍👧 Family", "👩‍👩‍👧 Family"),
        ("שרה", "\u2068שרה\u2069"),
        ("", ""),
        (" \u200e ", ""),
    ],
)
def test_name_is_one_line_that_cannot_reorder_the_rest(text: str, line: str) -> None:
    assert one_line(text, 60) == line


def test_long_name_ends_with_an_ellipsis() -> None:
    assert one_line("x" * 80, 60) == "x" * 59 + "…"
    assert clipped("x" * 60, 60) == "x" * 60


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("🌸" * 25, "🌸" * 25),
        ("🌸" * 26, "🌸" * 24 + "…"),
        ("W" * 80, "W" * 32 + "…"),
        ("\ufdfd" * 80, "\ufdfd" * 4 + "…"),
        ("e\u0301" * 20, "e\u0301" * 20),
        ("Anna\n\u202e Schmidt", "Anna Schmidt"),
        ("", ""),
    ],
)
def test_wide_letters_take_the_room_of_more(text: str, line: str) -> None:
    assert fitting(text, 60) == line


@given(st.text())
def test_whatever_is_cut_ends_with_an_ellipsis_and_never_grows(text: str) -> None:
    whole, cut = one_line(text, 1_000), fitting(text, 20).strip("\u2068\u2069")
    assert len(cut) <= 20
    assert cut == whole.strip("\u2068\u2069") or cut.endswith("…")
