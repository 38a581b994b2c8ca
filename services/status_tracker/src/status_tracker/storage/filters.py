"""The statement behind a page of the history: whatever is asked for, an index leads to it in the order of the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

from proactive_contracts.status import Status
from proactive_contracts.values import Channel
from status_tracker.domain.cursors import Position
from status_tracker.domain.searches import Ending, Search

BACKWARDS = 'reverse(message.recipient) COLLATE "C"'
"""The expression of the index message_by_number."""


@dataclass(frozen=True)
class Filters:
    """Which messages of a workspace are wanted; None, and an empty list, are all."""

    conversation_id: str | None = None
    requested_by_id: str | None = None
    channels: Sequence[Channel] = ()
    statuses: Sequence[Status] = ()
    search: Search | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass
class Statement:
    """SQL and its values."""

    values: list[Any] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    ranges: str = ""

    def value(self, given: Any) -> str:
        """The placeholder for one more value."""
        self.values.append(given)
        return f"${len(self.values)}"

    def where(self, condition: str, given: Any) -> None:
        """One more condition; `{}` in it is the value's placeholder."""
        self.conditions.append(condition.format(self.value(given)))

    def places(self, limit: int) -> str:
        """The newest of what is wanted, as requested_at and message_id, newest first."""
        newest_first = f"ORDER BY requested_at DESC, message_id DESC LIMIT {int(limit)}"
        newest = (
            "SELECT message.requested_at, message.message_id FROM tracker.message "
            f"WHERE {' AND '.join(self.conditions)} {newest_first}"
        )
        if not self.ranges:
            return newest
        return f"SELECT place.* FROM {self.ranges} CROSS JOIN LATERAL ({newest}) AS place {newest_first}"


def wanted(workspace_id: str, filters: Filters, numbers: Sequence[str], after: Position | None) -> Statement:
    """
    What leads to the messages; `numbers` are the recipients that the search stands for.

    What narrows most leads: a message, a number, a conversation, else the teammate and the kind. What else is asked for
    is then compared in a way that no index serves, so that no plan is led by it, whatever is known of the table.
    """
    made = Statement()
    made.where("message.workspace_id = {}", workspace_id)
    made.conditions.append("message.requested_at IS NOT NULL")
    if filters.since is not None:
        made.where("message.requested_at >= {}", filters.since)
    if filters.until is not None:
        made.where("message.requested_at < {}", filters.until)
    if after is not None:
        moment, message_id = made.value(after.requested_at), made.value(after.message_id)
        made.conditions.append(f"(message.requested_at, message.message_id) < ({moment}, {message_id})")
    if isinstance(filters.search, UUID):
        made.where("message.message_id = {}", filters.search)
    elif filters.search is not None:
        made.ranges = f"unnest({made.value(numbers)}::text[]) AS wanted (number)"
        made.conditions.append(f"{BACKWARDS} = reverse(wanted.number)")
    elif filters.conversation_id is not None:
        made.where("message.conversation_id = {}", filters.conversation_id)
    else:
        _lead_by_kind(made, filters)
        return made
    _compare(made, filters)
    return made


def _lead_by_kind(made: Statement, filters: Filters) -> None:
    """
    The teammate, and every wanted pair of channel and status.

    A status that a newer release writes is in no list, as its messages are in no page.
    """
    if filters.requested_by_id is not None:
        made.where("message.requested_by_id = {}", filters.requested_by_id)
    if filters.channels or filters.statuses:
        kinds = product(filters.channels or Channel, filters.statuses or Status)
        channels, statuses = map(list, zip(*kinds, strict=True))
        lists = f"{made.value(channels)}::text[], {made.value(statuses)}::text[]"
        made.ranges = f"unnest({lists}) AS wanted (channel, status)"
        made.conditions += ["message.channel = wanted.channel", "message.status = wanted.status"]


def _compare(made: Statement, filters: Filters) -> None:
    if filters.search is not None and filters.conversation_id is not None:
        made.where("message.conversation_id IS NOT DISTINCT FROM {}", filters.conversation_id)
    if filters.requested_by_id is not None:
        made.where("message.requested_by_id IS NOT DISTINCT FROM {}", filters.requested_by_id)
    if filters.channels:
        made.where("array_position({}::text[], message.channel) IS NOT NULL", list(filters.channels))
    if filters.statuses:
        made.where("array_position({}::text[], message.status) IS NOT NULL", list(filters.statuses))


def ending_in(workspace_id: str, ending: Ending, limit: int) -> tuple[str, list[Any]]:
    """
    The numbers that end so, at most `limit`, each found by one look into the index however many messages it has.

    The digits are ASCII, whose next character after 9 is the colon. Every message with a recipient has an event_id; it
    is in no index, so that none but ours looks cheap before the table was analyzed.
    """
    backwards = ending.digits[::-1]
    beyond = f"{backwards[:-1]}{chr(ord(backwards[-1]) + 1)}"
    look = (
        f"SELECT {BACKWARDS} FROM tracker.message WHERE message.workspace_id = $1 AND {BACKWARDS} {{}} "
        f"AND {BACKWARDS} < $3 AND message.event_id IS NOT NULL ORDER BY {BACKWARDS} LIMIT 1"
    )
    found = f"""
        WITH RECURSIVE found (backwards) AS (
            ({look.format(">= $2")})
            UNION ALL
            SELECT ({look.format("> found.backwards")}) FROM found WHERE found.backwards IS NOT NULL
        )
        SELECT reverse(backwards) AS number FROM found WHERE backwards IS NOT NULL LIMIT {int(limit)}
    """
    return found, [workspace_id, backwards, beyond]
