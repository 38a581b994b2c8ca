"""Jobs for the tests of the decisions, and what a step makes of one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from dispatcher.domain.states import Act, Capabilities, Job, State, Step
from proactive_contracts.envelope import content_digest, request_id
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Lane, Service, TextContent

BEGAN = datetime(2026, 11, 2, 14, 5, tzinfo=UTC)
LIFETIME = timedelta(minutes=15)
NOT_AFTER = BEGAN + LIFETIME
LEASE = timedelta(seconds=60)

OPERATOR = Service(name="somebody")

REQUEST = SendRequested(
    message_id=UUID("0192f0c1-2f30-7e4f-8000-0000000000aa"),
    workspace_id="w1",
    channel=Channel.SMS,
    channel_id=UUID("0b5ad1a0-0000-4000-8000-000000000001"),
    recipient="+4915112345678",
    content=TextContent(text="Hello"),
    requested_by=OPERATOR,
    not_after=NOT_AFTER,
)

EVENT_ID, DIGEST = request_id(REQUEST), content_digest(REQUEST)

PROFILES = {
    "nothing": Capabilities("p"),
    "receipts": Capabilities("p", receipts_echo=True),
    "same id again": Capabilities("p", same_id_again=True),
    "same id again and receipts": Capabilities("p", same_id_again=True, receipts_echo=True),
    "look-up": Capabilities("p", look_up=True),
    "look-up and receipts": Capabilities("p", look_up=True, receipts_echo=True),
}
"""What providers offer to find out what became of an attempt."""


def make_job(state: State, **changes: Any) -> Job:
    """A job of REQUEST; `changes` are its other fields."""
    fields: dict[str, Any] = {
        "workspace_id": REQUEST.workspace_id,
        "message_id": REQUEST.message_id,
        "event_id": EVENT_ID,
        "digest": DIGEST,
        "lane": Lane.INTERACTIVE,
        "state": state,
        "since": BEGAN,
        "attempt": 0 if state is State.WAITING else 1,
        "transition": 1,
        "not_after": REQUEST.not_after,
        "request": REQUEST,
        "outcome": None,
        "result": None,
        "receipt": None,
        "provider": "p",
    }
    return Job(**fields | changes)


def after(job: Job, step: Step, now: datetime) -> Job:
    """The job that a step leaves; what is called or looked up is due again when its lease ends."""
    return replace(
        job,
        state=step.state,
        attempt=step.attempt,
        transition=job.transition + 1,
        doubts=step.doubts,
        tries=step.tries,
        looks=step.looks,
        unclear=step.unclear,
        provider_message_id=step.provider_message_id,
        stopped_by=step.stopped_by,
        due_at=step.due_at if step.act is Act.NOTHING else now + LEASE,
    )
