"""The status events that tell listeners what changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event
from proactive_contracts.status import MessageStatusChanged, Status
from status_tracker.domain.entries import NO_NUMBER
from status_tracker.domain.history import Shown, steps

SOURCE = "status_tracker"


@dataclass(frozen=True)
class Announcement:
    """A status event on its way out. Those with one workspace, channel and recipient leave in order."""

    workspace_id: str
    channel: str
    recipient: str
    event: Event[Any]

    @property
    def line(self) -> tuple[str, str, str]:
        """Those of one line leave in order."""
        return self.workspace_id, self.channel, self.recipient


def announcements(
    before: Status | None, revision: int, now: Shown, at: datetime, *, erased: bool = False
) -> Iterator[Announcement]:
    """
    What to tell when the row said `before` and `revision` changes had been told; of the `erased`, without any words.

    An announcement's id is made of the message and the number of the change, so a repeated one is recognised.
    """
    asked = now.request.asked
    previous = before
    for number, entry in enumerate(steps(before, now), revision + 1):
        assert entry.status is not None, "only entries with a status are counted"
        change = MessageStatusChanged(
            message_id=asked.message_id,
            workspace_id=asked.workspace_id,
            channel=asked.channel,
            channel_id=asked.channel_id,
            status=entry.status,
            previous=previous,
            reason=entry.reason,
            provider_code=entry.provider_code,
            detail=None if erased else _without(asked.recipient, entry.detail),
            requested_by=asked.requested_by,
            since=now.since(entry),
        )
        event = make_event(
            change,
            id=_change_id(asked.message_id, asked.workspace_id, number),
            time=at,
            source=SOURCE,
            causation=entry.event_id,
            traceparent=now.trace_from(entry),
        )
        yield Announcement(asked.workspace_id, asked.channel, NO_NUMBER if erased else asked.recipient, event)
        previous = entry.status


def _change_id(message_id: UUID, workspace_id: str, number: int) -> UUID:
    return uuid5(message_id, f"{workspace_id}/{number}")


def _without(recipient: str, words: str | None) -> str | None:
    """Providers like to repeat the number in their errors; listeners get none."""
    return words and words.replace(recipient, "(number)").replace(recipient.removeprefix("+"), "(number)")[:1000]
