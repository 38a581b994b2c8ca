"""The time and new ids: the two things that pure code takes as arguments."""

import os
import time
from datetime import UTC, datetime
from uuid import UUID


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562): random, and ordered by time, which keeps indexes compact."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value &= ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=value | (0x7 << 76) | (0x2 << 62))
