"""Phone numbers as people type them, and what is known of one before anything is sent."""

import re
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

INVALID = "Your phone number is invalid. Make sure the number is in an international phone format. See E.164"
MISSING = "Phone number is missing."

_LONGEST = 40
_TYPED = re.compile(r"(?:\+|00)[0-9 ().\-/]+")


class NumberKind(StrEnum):
    """What a number is good for, as far as its digits tell."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    OTHER = "other"
    INVALID = "invalid"
    MISSING = "missing"


_KINDS = {
    PhoneNumberType.MOBILE: NumberKind.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberKind.MOBILE,
    PhoneNumberType.PERSONAL_NUMBER: NumberKind.MOBILE,
    PhoneNumberType.UNKNOWN: NumberKind.MOBILE,
    PhoneNumberType.FIXED_LINE: NumberKind.LANDLINE,
}


def to_e164(typed: str | None) -> str | None:
    """
    The number in E.164, or None where it is not valid.

    It has to be international: a plus sign or 00, then ASCII digits with the usual punctuation, nothing else:
    phonenumbers by itself would also read letters, extensions and digits of other scripts.
    """
    number = _parsed(typed)
    return None if number is None else phonenumbers.format_number(number, PhoneNumberFormat.E164)


def kind_of(typed: str | None) -> NumberKind:
    """Whether there is a number, whether it is valid, and which kind it is; where it may be a mobile one, it is."""
    if not (typed or "").strip():
        return NumberKind.MISSING
    number = _parsed(typed)
    if number is None:
        return NumberKind.INVALID
    return _KINDS.get(phonenumbers.number_type(number), NumberKind.OTHER)


def _parsed(typed: str | None) -> phonenumbers.PhoneNumber | None:
    text = " ".join((typed or "").split())
    if len(text) > _LONGEST or not _TYPED.fullmatch(text):
        return None
    international = f"+{text[2:].lstrip()}" if text.startswith("00") else text
    try:
        number = phonenumbers.parse(international, None)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
