"""Careful reading of what providers write, and the few words that every adapter classifies with."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import ValidationError

from dispatcher.domain.answers import ErrorClass, Refused
from dispatcher.ports import ChannelInUse, OutboundMessage, Report, Unreadable
from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import TextContent
from runtime import clock

Kind: TypeAlias = tuple[ErrorClass, FailureReason]
"""What a provider's error code means."""

BLOCKED: Kind = (ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED)
NOT_SET_UP: Kind = (ErrorClass.BLOCKED, FailureReason.CHANNEL_SETUP)
BUSY: Kind = (ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY)

CLEAR_WITHOUT_CODE: Mapping[int, Kind] = {401: BLOCKED, 403: BLOCKED, 404: BLOCKED, 429: BUSY}
"""HTTP refusals that need no error code of the provider's to be believed; any other may be a proxy's on the way."""


def rejected(reason: FailureReason) -> Kind:
    """This message will never be taken, and why."""
    return ErrorClass.REJECTED, reason


def text_of(message: OutboundMessage, most: int, label: str) -> str | Refused:
    """The message's text, where the channel takes it: no template, and at most `most` characters."""
    if not isinstance(message.content, TextContent):
        detail = f"Templates cannot be sent through {label} here. Send it as a text."
        return Refused(*rejected(FailureReason.TEMPLATE), detail)
    text = message.content.text
    if len(text) > most:
        detail = f"The text has {len(text)} characters; {label} takes at most {most}."
        return Refused(*rejected(FailureReason.CONTENT), detail)
    return text


def unreadable(names: str) -> Refused:
    """A channel whose credentials are missing or cannot be opened, which is our set-up's fault."""
    return Refused(*NOT_SET_UP, f"The channel's {names} is missing here or cannot be read. Connect the channel again.")


def base_url(channel: ChannelInUse, default: str) -> str:
    """Where the provider is called, without a slash at its end."""
    return (channel.settings.get("base_url") or default).rstrip("/")


def json_object(body: bytes) -> Mapping[str, Any]:
    """The body's object; an empty one where it is something else."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def as_object(value: object) -> Mapping[str, Any]:
    """`value` where it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; what else it holds becomes an empty one, so that nothing goes uncounted."""
    return [as_object(item) for item in value] if isinstance(value, list) else []


def word(value: object) -> str:
    """`value` where it is a text, otherwise an empty one."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """Providers write numbers as such or as texts; at most nine digits, which is what our events can hold."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def uuid(value: object) -> UUID | None:
    """An id of ours that a provider echoes."""
    try:
        return UUID(word(value))
    except ValueError:
        return None


def unix_moment(value: object, otherwise: datetime) -> datetime:
    """Seconds since 1970, as a number or a text; `otherwise` where it is no such thing."""
    text = str(value)
    return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() and len(text) <= 11 else otherwise


def http_moment(value: object) -> datetime | None:
    """A date as RFC 2822 and HTTP write it; None where it is no such thing."""
    try:
        moment = parsedate_to_datetime(word(value))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def iso_moment(value: object, otherwise: datetime) -> datetime:
    """ISO 8601 with an offset, with or without a colon in it; `otherwise` where it is no such thing."""
    try:
        moment = datetime.fromisoformat(word(value))
        return moment.astimezone(UTC) if moment.tzinfo else otherwise
    except (ValueError, OverflowError):
        return otherwise


def header(headers: Mapping[str, str], name: str) -> str | None:
    """One header, its name in any case."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """
    Seconds from delta seconds or an HTTP date (RFC 9110, 10.2.3), never negative; None where it is neither.

    How much of it is believed is not decided here.
    """
    given = (header(headers, "Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", given):
        return float(given)
    moment = http_moment(given)
    return None if moment is None else max(0.0, (moment - (now or clock.now())).total_seconds())


def what_is_wrong(error: ValidationError) -> str:
    """The fields that our events cannot hold, by name."""
    names = ", ".join(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
    return f"{names}: too long, empty, or with a NUL character"


class Missing(Exception):
    """An item of a callback lacks what it cannot be understood without; the text says what."""


def read_each(
    items: Iterable[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Report | None]
) -> Iterator[Report | Unreadable]:
    """Every item of a callback; one that cannot be read does not keep the others from being read."""
    for item in items:
        try:
            report = read(item)
        except ValidationError as error:
            yield Unreadable(what_is_wrong(error))
        except Missing as error:
            yield Unreadable(str(error))
        else:
            if report is not None:
                yield report
