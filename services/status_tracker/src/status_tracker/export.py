"""The history as CSV (RFC 4180): every message that fits, newest first, read a page at a time while it is sent."""

import csv
import io
import re
from collections.abc import AsyncGenerator
from typing import Any

from status_tracker.answers import Message, as_message
from status_tracker.domain.cursors import Position
from status_tracker.storage import history
from status_tracker.storage.database import Pool
from status_tracker.storage.filters import Filters

COLUMNS = (
    "message_id",
    "requested_at",
    "status",
    "status_at",
    "reason",
    "detail",
    "channel",
    "channel_id",
    "recipient",
    "contact_id",
    "contact_name",
    "requested_by_kind",
    "requested_by_id",
    "requested_by_name",
    "conversation_id",
    "opened_conversation_ids",
    "resend_of",
    "not_after",
    "provider",
    "provider_message_id",
    "provider_code",
    "text",
    "text_removed_at",
    "erased_at",
)

_PAGE = 500
"""Messages that are held in memory at a time."""

_FORMULA = re.compile(r"[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet would compute instead of showing it (OWASP, "CSV injection")."""

_NUMBER = re.compile(r"\+[0-9]+")


async def rows(pool: Pool, workspace_id: str, filters: Filters) -> AsyncGenerator[bytes]:
    """
    The header, then the messages, each part some whole lines in UTF-8.

    Whatever is asked for afterwards is newer and not in it. No transaction is open between two parts.

    Raises:
        TooManyNumbers: before the first part.
    """
    after: Position | None = None
    header: list[tuple[str, ...]] = [COLUMNS]
    while True:
        found = await history.page(pool, workspace_id, filters, after, _PAGE)
        yield _lines(header + [_row(as_message(remembered)) for remembered in found.messages])
        header = []
        if found.next_position is None:
            return
        after = found.next_position


def _lines(lines: list[tuple[str, ...]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(lines)
    return written.getvalue().encode()


def _row(message: Message) -> tuple[str, ...]:
    fields = message.model_dump(mode="json")
    for whole in ("contact", "requested_by"):
        fields |= {f"{whole}_{part}": value for part, value in (fields[whole] or {}).items()}
    fields["opened_conversation_ids"] = " ".join(message.opened_conversation_ids)
    return tuple(_cell(fields.get(name)) for name in COLUMNS)


def _cell(value: Any) -> str:
    """Nothing that a spreadsheet computes; a number in E.164 stays as it is, for its value is itself."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
