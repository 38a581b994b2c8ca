"""What one search field is read as: a message's id, a whole recipient, or the last digits of a number."""

import re
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from proactive_contracts.values import Recipient

MIN_ENDING = 6
"""Digits: fewer end too many numbers."""

MAX_ENDING = 15
"""Digits of the longest number."""

_NATIONAL = 8
"""Digits from which a leading 0 is the one that is dialled within a country, rather than part of an ending."""

_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)
_UNSEEN = {"Cc", "Cf", "Pd", "Zs"}
_RECIPIENT: TypeAdapter[str] = TypeAdapter(Recipient)


@dataclass(frozen=True)
class Ending:
    """The last digits of recipients' numbers."""

    digits: str


Search: TypeAlias = UUID | str | Ending
"""A message's id, a recipient as it is kept, or how its number ends."""


class Unclear(ValueError):
    """It is none of these; the text says what is."""

    def __init__(self) -> None:
        super().__init__(
            f"give a message's id, a number such as +4915112345678, or its last {MIN_ENDING} digits or more"
        )


def read(typed: str) -> Search:
    """
    Read what somebody typed, blanks and the usual punctuation anywhere in it.

    00 stands for the plus sign. A number without either is looked for by its end, for its country is not known: so is
    one with the 0 that is dialled within a country.

    Raises:
        Unclear: it is nothing that can be looked for.
    """
    text = typed.strip()
    if _UUID.fullmatch(text):
        return UUID(text)
    if (whole := _recipient(text)) is not None:
        return whole
    number = _unpunctuated(text.replace("(0)", "") if text.startswith(("+", "00")) else text)
    if number.startswith("00") and (whole := _recipient(f"+{number[2:]}")) is not None:
        return whole
    if (whole := _recipient(number)) is not None:
        return whole
    if len(number) >= _NATIONAL:
        number = number.removeprefix("0")
    if number.isascii() and number.isdigit() and MIN_ENDING <= len(number) <= MAX_ENDING:
        return Ending(number)
    raise Unclear


def _recipient(text: str) -> str | None:
    try:
        return _RECIPIENT.validate_python(text)
    except ValidationError:
        return None


def _unpunctuated(text: str) -> str:
    return "".join(letter for letter in text if letter not in "()./" and unicodedata.category(letter) not in _UNSEEN)
