"""Other people's words, made safe to stand in our panel: one line, no markup, no characters that reorder the rest."""

import unicodedata

WORD_JOINER = "\u2060"
"""Invisible, without width, and no place to break the line at. Canvas Kit documents no escape character."""

_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"
_REORDERING = {*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
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


def one_line(text: str, at_most: int) -> str:
    """
    A name, a number or the start of a text as one line of `at_most` characters.

    Controls and direction marks are taken out; what holds right-to-left letters is isolated, so that it cannot
    reorder the words around it.
    """
    kept = "".join(letter for letter in " ".join(text.split()) if _may_stay(letter))
    line = clipped(" ".join(kept.split()), at_most)
    if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in line):
        return f"{_ISOLATE}{line}{_END_OF_ISOLATE}"
    return line


def clipped(text: str, at_most: int) -> str:
    """At most that many characters (code points), the last one an ellipsis where something was cut off."""
    return text if len(text) <= at_most else f"{text[: at_most - 1].rstrip()}…"


def _may_stay(letter: str) -> bool:
    return letter not in _REORDERING and unicodedata.category(letter) not in {"Cc", "Cs"}
