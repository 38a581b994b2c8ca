"""Where a page of the history goes on: opaque to callers."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID


@dataclass(frozen=True)
class Position:
    """The last message of a page."""

    requested_at: datetime
    message_id: UUID

    def __str__(self) -> str:
        """The cursor: letters, digits, minus and underscore."""
        written = f"{self.requested_at.isoformat()} {self.message_id}"
        return urlsafe_b64encode(written.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str) -> Self:
        """
        Read a cursor.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            moment, _, message_id = urlsafe_b64decode(cursor.encode() + b"==").decode().partition(" ")
            position = cls(datetime.fromisoformat(moment), UUID(message_id))
        except (binascii.Error, ValueError):
            raise ValueError("not a cursor of this API") from None
        if position.requested_at.tzinfo is None:
            raise ValueError("not a cursor of this API")
        return position
