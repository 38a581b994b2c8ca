"""What Twilio refuses, which messages a look-up finds, and how the parts of an SMS are counted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sandbox.ledger import Submission

_LONGEST_BODY = 1600
_LONGEST_VALIDITY_SECONDS = 36_000
_E164 = re.compile(r"\+[1-9]\d{6,14}")

# GSM 03.38; the second alphabet costs two septets a character.
_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True)
class Refusal:
    """One of Twilio's error answers."""

    http_status: int
    code: int
    message: str


UNAUTHORIZED = Refusal(401, 20003, "Authentication Error - invalid username")
SERVER_ERROR = Refusal(500, 20500, "Internal Server Error")
RATE_LIMITED = Refusal(429, 20429, "Too Many Requests")
UNSUBSCRIBED = Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
INVALID_NUMBER = Refusal(400, 21211, "The 'To' number is not a valid phone number.")

MODE_REFUSALS = {
    "unauthorized": UNAUTHORIZED,
    "error": SERVER_ERROR,
    "rate_limited": RATE_LIMITED,
    "invalid_number": INVALID_NUMBER,
}


# Twilio's default words (https://help.twilio.com/articles/223134027).
_OPT_OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit"})
_OPT_IN = frozenset({"start", "yes", "unstop"})


def has_opted_out(replies: Sequence[str]) -> bool:
    """Whether the last of these words that a customer wrote to a number asks it to stop."""
    words = [word for reply in replies if (word := reply.strip().lower()) in _OPT_OUT | _OPT_IN]
    return bool(words) and words[-1] in _OPT_OUT


def check(form: Mapping[str, str], senders: tuple[str, ...]) -> Refusal | None:
    """Why Twilio would refuse to send this form, None when it would take it."""
    to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
    if not to:
        return Refusal(400, 21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(to):
        return Refusal(400, 21211, f"Invalid 'To' Phone Number: {to[:4]}XXXX")
    if not sender and not form.get("MessagingServiceSid"):
        return Refusal(400, 21603, "A 'From' phone number is required.")
    if sender and sender not in senders:
        return Refusal(400, 21606, f"The 'From' phone number {sender} is not a valid message-capable Twilio number.")
    if not body:
        return Refusal(400, 21602, "Message body is required.")
    if len(body) > _LONGEST_BODY:
        return Refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    if not _is_validity(form.get("ValidityPeriod", "1")):
        return Refusal(400, 21624, "Invalid validity period value")
    return None


def _is_validity(seconds: str) -> bool:
    return seconds.isdecimal() and 1 <= int(seconds) <= _LONGEST_VALIDITY_SECONDS


def segments(text: str) -> int:
    """
    How many SMS parts a text takes: 160 septets or 153 each in GSM 7-bit, 70 or 67 UTF-16 units otherwise.
    """
    if all(character in _GSM_BASIC or character in _GSM_EXTENDED for character in text):
        units, one, each = sum(2 if character in _GSM_EXTENDED else 1 for character in text), 160, 153
    else:
        units, one, each = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= one else -(-units // each)


def fits(row: Submission, query: Mapping[str, str]) -> bool:
    """Whether a message fits To, From, DateSent, DateSent< and DateSent> of a look-up (all optional)."""
    if query.get("To", row.to) != row.to or query.get("From", row.sender) != row.sender:
        return False
    for key, holds in (
        ("DateSent>", row.at >= _moment(query.get("DateSent>"), row.at)),
        ("DateSent<", row.at <= _moment(query.get("DateSent<"), row.at)),
        ("DateSent", row.at.date() == _moment(query.get("DateSent"), row.at).date()),
    ):
        if key in query and not holds:
            return False
    return True


def _moment(text: str | None, default: datetime) -> datetime:
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
