"""Rows that this release cannot read, such as one that a newer release wrote, must not hide or stop the others."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from proactive_contracts.requests import SendRequested
from runtime.logs import get_logger
from status_tracker import metrics
from status_tracker.domain.entries import NO_NUMBER, Request
from status_tracker.storage.database import Record

Read = TypeVar("Read")

UNREADABLE: tuple[type[Exception], ...] = (ValueError, TypeError, KeyError)
"""What reading a row raises; pydantic's ValidationError is a ValueError."""

_INSTEAD: Final[dict[str, Any]] = {
    "text": {"kind": "text", "text": "(removed)"},
    "template": {"kind": "template", "name": "(removed)", "language": "en"},
}

log = get_logger()


class Unreadable(Exception):
    """The one row that was asked for cannot be read by this release."""


def request_of(event_id: UUID, at: datetime, stored: dict[str, Any], traceparent: str | None = None) -> Request:
    """A request as it is stored; something that nobody is shown stands for what was removed of it."""
    instead = {"recipient": NO_NUMBER, "content": _INSTEAD.get(stored.get("kind") or "text")}
    asked = SendRequested.model_validate(instead | stored)
    return Request(event_id, at, asked, text_removed="content" not in stored, traceparent=traceparent)


def readable(rows: Iterable[Record], read: Callable[[Record], Read], what: str) -> Sequence[Read]:
    """What can be read of `rows`; each that cannot is logged as an error, counted, and left out."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except UNREADABLE as error:
            tell(what, error, **_ids(row))
    return found


def tell(what: str, error: Exception, **ids: object) -> None:
    """Log and count something that cannot be read; the error's words may quote what it holds: only its name is told."""
    metrics.UNREADABLE.labels(what).inc()
    log.error("row_unreadable", what=what, error=type(error).__name__, **ids)


def _ids(row: Record) -> dict[str, str]:
    return {name: str(row[name]) for name in ("seq", "entry_id", "event_id", "message_id") if name in row}
