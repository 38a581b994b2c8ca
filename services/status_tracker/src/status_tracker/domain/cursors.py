"""Where a page of the history goes on: opaque to callers."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID


class NoCursor(ValueError):
    """It is not one that `str` of a position wrote."""

    def __init__(self) -> None:
        super().__init__("not a cursor of this API; pass on `next_cursor` as it was given, or begin without one")


@dataclass(frozen=True)
class Position:
    """The last message of a page; its moment is in UTC."""

    requested_at: datetime
    message_id: UUID

    def __str__(self) -> str:
        """The cursor: letters, digits, minus and underscore."""
        written = f"{self.requested_at.isoformat()} {self.message_id}"
        return urlsafe_b64encode(written.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str) -> Self:
        """
        Read a cursor: only what is written exactly as ours are, so that one that was cut or changed is noticed.

        Raises:
            NoCursor: it is none of ours.
        """
        try:
            moment, _, message_id = urlsafe_b64decode(cursor.encode() + b"==").decode().partition(" ")
            position = cls(datetime.fromisoformat(moment), UUID(message_id))
            genuine = position.requested_at.utcoffset() == timedelta(0) and str(position) == cursor
        except ValueError:
            raise NoCursor from None
        if not genuine:
            raise NoCursor
        return position
