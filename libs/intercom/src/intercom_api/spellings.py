"""
The ways in which one phone number is found written in Intercom.

Intercom keeps a contact's phone as it was typed and compares texts, so a search asks for all usual spellings.
"""

import re

import phonenumbers
from phonenumbers import PhoneNumberFormat

MAX_SPELLINGS = 15
"""Filters that one group of a search may hold (Intercom's API reference, "Search contacts")."""


def spellings(typed: str) -> list[str]:
    """
    What `typed` may look like in Intercom, the likeliest first, at most MAX_SPELLINGS.

    A text that is no number in international format yields itself, with and without its punctuation.
    """
    typed = " ".join(typed.split())
    number = _international(typed)
    found = _of_number(number) if number else [_digits(typed)]
    return list(dict.fromkeys(text for text in (typed, *found) if text))[:MAX_SPELLINGS]


def _international(typed: str) -> phonenumbers.PhoneNumber | None:
    """The number, where a plus sign, 00 or, where both were forgotten, its first digits tell the country."""
    if not typed.startswith(("+", *"0123456789")):
        return None  # "(201) 555-0123" is a national spelling
    told = typed if typed.startswith("+") else f"+{_digits(typed).removeprefix('00')}"
    try:
        number = phonenumbers.parse(told)
    except phonenumbers.NumberParseException:
        return None
    return number if typed.startswith("+") or phonenumbers.is_valid_number(number) else None


def _of_number(number: phonenumbers.PhoneNumber) -> list[str]:
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    spaced = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    dashed = phonenumbers.format_number(number, PhoneNumberFormat.RFC3966).removeprefix("tel:")
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    country = str(number.country_code)
    subscriber = e164.removeprefix(f"+{country}")
    return [
        e164,
        e164.removeprefix("+"),
        f"00{e164.removeprefix('+')}",
        spaced,
        dashed,
        f"+{country} {subscriber}",
        national,
        _digits(national),
        f"00{spaced.removeprefix('+')}",
        f"+{country} {national}",
        _spaced(spaced),
        f"+{country}-{subscriber}",
        re.sub(r"\D+", "-", national).strip("-"),
        _spaced(national),
    ]


def _spaced(text: str) -> str:
    """The same groups of digits with blanks between them, a leading plus kept."""
    return ("+" if text.startswith("+") else "") + re.sub(r"\D+", " ", text).strip()


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
