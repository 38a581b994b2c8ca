"""What the sweep finds out by itself about messages of which nobody spoke in time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from status_tracker.domain.entries import LOOKED_UP, Entry, Source, entry_id


@dataclass(frozen=True)
class Job:
    """
    What the dispatcher's record of a message says: which request it took, how far it came, and since when.

    `due_at`: when it moves on by itself. `provider_message_id`: its receipts name it.
    """

    event_id: UUID
    status: Status
    attempt: int
    since: datetime
    reason: FailureReason | None = None
    due_at: datetime | None = None
    provider: str | None = None
    provider_message_id: str | None = None


def not_taken(event_id: UUID, message: tuple[str, UUID], channel_id: UUID, at: datetime) -> Entry:
    """The sweep's finding: no dispatcher took the request `event_id` in time."""
    workspace_id, message_id = message
    finding = uuid5(event_id, "not_taken")
    return Entry(
        entry_id=entry_id(finding, workspace_id, message_id),
        event_id=finding,
        event="not_taken",
        source=Source.SWEEP,
        at=at,
        workspace_id=workspace_id,
        message_id=message_id,
        channel_id=channel_id,
        answers=event_id,
        status=Status.NOT_CONFIRMED,
        detail=Status.NOT_CONFIRMED.meaning,
    )


def looked_up(job: Job, message: tuple[str, UUID], channel_id: UUID, at: datetime) -> Entry:
    """The sweep's finding: what the dispatcher's own record says. The event that got lost wins over it, if it comes."""
    workspace_id, message_id = message
    finding = uuid5(job.event_id, f"{LOOKED_UP}/{job.status}/{job.attempt}")
    return Entry(
        entry_id=entry_id(finding, workspace_id, message_id),
        event_id=finding,
        event=LOOKED_UP,
        source=Source.SWEEP,
        at=at,
        workspace_id=workspace_id,
        message_id=message_id,
        channel_id=channel_id,
        answers=job.event_id,
        status=job.status,
        attempt=job.attempt,
        reason=job.reason if job.status in (Status.FAILED, Status.WAITING) else None,
        due_at=job.due_at if job.status is Status.WAITING else None,
        provider=job.provider,
        provider_message_id=job.provider_message_id,
        detail="Read from the dispatcher: its own report did not come.",
    )
