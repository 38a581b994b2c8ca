"""Phone numbers as they are typed, in E.164 format."""

import re

import phonenumbers
from phonenumbers import PhoneNumberFormat


def e164(typed: str) -> str:
    """
    The number in E.164 format; it may be typed with blanks, dashes or 00 instead of the plus sign.

    Raises:
        ValueError: it is not in international format, or no number of its country looks like it.
    """
    told = re.sub(r"^\s*00", "+", typed)
    try:
        number = phonenumbers.parse(told)
    except phonenumbers.NumberParseException:
        raise ValueError(
            f"{typed!r} is no phone number in international format; write it like +4915112345678"
        ) from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError(f"{typed!r} is no valid phone number of its country; compare its digits")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def sender(typed: str) -> str:
    """
    A channel's sender: a number in E.164 format, or what providers take instead (a name, a short code, an id).

    Raises:
        ValueError: it looks like a phone number and is none in international format.
    """
    typed = typed.strip()
    digits = re.sub(r"[\s().+-]", "", typed)
    is_number = digits.isdigit() and (typed.startswith(("+", "00")) or len(digits) > 8)
    return e164(typed) if is_number else typed
