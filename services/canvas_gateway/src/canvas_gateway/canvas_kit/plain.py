"""Other people's words, made safe to stand in our panel: one line, no markup, no characters that reorder the rest."""

import re
import unicodedata
from itertools import accumulate, takewhile

_UNFIT = re.compile("[\x00\ud800-\udfff\ufffd]")
"""What a text cannot hold, and what stands where such a character was."""

WORD_JOINER = "\u2060"
"""Invisible, without width, and no place to break the line at. Canvas Kit documents no escape character."""

_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"
_REORDERING = {*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
_BROAD = {*"MWmw@%&—"}
_WIDTHS = (
    ("\u024f", 1, 1.5),  # Latin
    ("\u08ff", 1.6, 2),  # Greek, Cyrillic, Armenian, Hebrew, Arabic
    ("\u0b7f", 2, 2),  # Indic
    ("\u109f", 4, 4),  # Tamil to Burmese: some letters are as wide as four of ours
    ("\u2e39", 2.4, 2.4),
    ("\u2e3b", 6, 6),  # dashes of two and three ems
    ("\ua97f", 2.4, 2.4),
    ("\ua9df", 4, 4),  # Javanese
    ("\ufdcf", 2.4, 2.4),
    ("\ufdff", 14, 14),  # words and sentences in one letter
    ("\U00011fff", 2.4, 2.4),
    ("\U0001254f", 9, 9),  # cuneiform
    ("\U0010ffff", 2.4, 2.4),
)
"""Up to which letter: the width, and that of a capital."""

_RIGHT_TO_LEFT = {"R", "AL", "AN"}


def without_markup(text: str) -> str:
    """
    The same text to the eye, which Canvas Kit can no longer read as a link or as bold.

    Its only markup is `[label](url)` and `**bold**`: a word joiner parts each `](` and each `**`. Twice is once.
    """
    parted = text.replace("](", f"]{WORD_JOINER}(")
    while "**" in parted:
        parted = parted.replace("**", f"*{WORD_JOINER}*")
    return parted


def without_unfit(text: str) -> str:
    """The text without the characters that no database of ours takes; nobody's name needs them."""
    return _UNFIT.sub("", text)


def one_line(text: str, at_most: int) -> str:
    """
    A name, a number or the start of a text as one line of `at_most` characters.

    Controls and direction marks are taken out; what holds right-to-left letters is isolated, so that it cannot
    reorder the words around it.
    """
    return _isolated(clipped(_unbroken(text), at_most))


def fitting(text: str, columns: int) -> str:
    """The same, cut so that it also takes no more room than so many Latin letters do: emoji and capitals are wider."""
    line = _unbroken(text)
    if len(line) <= columns and sum(map(_width, line)) <= columns:
        return _isolated(line)
    ends = accumulate(map(_width, line), initial=1)
    fits = sum(1 for _ in takewhile(lambda end: end <= columns, ends)) - 1
    return _isolated(f"{line[: min(fits, columns - 1)].rstrip()}…")


def _unbroken(text: str) -> str:
    kept = "".join(letter for letter in " ".join(text.split()) if _may_stay(letter))
    return " ".join(kept.split())


def _isolated(line: str) -> str:
    if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in line):
        return f"{_ISOLATE}{line}{_END_OF_ISOLATE}"
    return line


def clipped(text: str, at_most: int) -> str:
    """At most that many characters (code points), the last one an ellipsis where something was cut off."""
    return text if len(text) <= at_most else f"{text[: at_most - 1].rstrip()}…"


def _width(letter: str) -> float:
    """The room that a letter takes, in Latin letters of usual width; estimated generously, for fonts differ."""
    if unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0
    if unicodedata.east_asian_width(letter) in {"W", "F"}:
        return 2.4
    if letter in _BROAD:
        return 1.8
    for last, width, capital in _WIDTHS:
        if letter <= last:
            return capital if letter.isupper() else width
    return 1


def _may_stay(letter: str) -> bool:
    return letter not in _REORDERING and unicodedata.category(letter) not in {"Cc", "Cs"}
