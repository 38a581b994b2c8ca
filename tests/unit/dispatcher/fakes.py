"""Stand-ins for what the handlers need from the outside."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from dispatcher.domain.answers import Accepted, Answer, Refused
from dispatcher.domain.job import SETTLEABLE, Settlement
from dispatcher.ports import (
    Callback,
    ChannelInUse,
    Claim,
    HttpRequest,
    HttpResponse,
    Job,
    OutboundMessage,
    Report,
    Unreadable,
)
from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.envelope import Event
from proactive_contracts.receipts import DeliveryReported
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Lane
from tests.unit.dispatcher.builders import make_job


class FakeJobs:
    """The journal in memory: enough of it for one message after another."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, UUID], Job] = {}
        self.told: list[int] = []
        self.receipts: list[DeliveryReported] = []
        self.seconds_left = 600.0
        self.troubles: list[Exception] = []
        self.due: list[list[Claim] | Exception] = []

    async def claim(self, event: Event[SendRequested], lane: Lane) -> Claim:
        key = (event.data.workspace_id, event.data.message_id)
        fresh = key not in self.rows
        job = self.rows.setdefault(key, make_job(event.data, event_id=event.id, lane=lane))
        return Claim(job, fresh, self.seconds_left)

    async def claim_resend(self, event: Event[SendRequested], lane: Lane) -> Claim:
        return await self.claim(event, lane)

    async def settle(self, job: Job, settlement: Settlement) -> Job | None:
        if self.troubles:
            raise self.troubles.pop(0)
        row = self.rows[job.workspace_id, job.message_id]
        if row.attempt != job.attempt or row.state not in SETTLEABLE:
            return None
        settled = replace(
            row,
            state=settlement.state,
            transition=row.transition + 1,
            outcome=EVENT_TYPES[type(settlement.result)],
            result=settlement.result.model_dump(mode="json", exclude_none=True),
        )
        self.rows[job.workspace_id, job.message_id] = settled
        return settled

    async def announced(self, job: Job) -> None:
        self.told.append(job.transition)

    async def take_due(self, channel: Channel, limit: int) -> Sequence[Claim]:
        found = self.due.pop(0) if self.due else []
        if isinstance(found, Exception):
            raise found
        return found[:limit]

    async def find(self, workspace_id: str, message_id: UUID) -> Job | None:
        return self.rows.get((workspace_id, message_id))

    async def record_receipt(self, receipt: DeliveryReported) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.receipts.append(receipt)


@dataclass
class FakeChannels:
    """One connected channel, or none; `others` are only found by their settings."""

    channel: ChannelInUse | None
    others: Sequence[ChannelInUse] = ()

    async def find(self, channel_id: UUID) -> ChannelInUse | None:
        return self.channel if self.channel is not None and self.channel.id == channel_id else None

    async def having(self, provider: str, setting: str, values: Collection[str]) -> Sequence[ChannelInUse]:
        connected = [*([] if self.channel is None else [self.channel]), *self.others]
        return [one for one in connected if one.provider == provider and one.settings.get(setting) in values]


@dataclass
class FakeAnnouncements:
    """What was published, with the route; raises what `troubles` holds first."""

    events: list[tuple[Event[Any], str | None]] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)

    async def send(
        self,
        event: Event[Any],
        *,
        lane: Lane = Lane.INTERACTIVE,
        result_route: str | None = None,
        timeout: float = 5,
    ) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.events.append((event, result_route))

    @property
    def words(self) -> list[str]:
        return [event.type.split(".")[1] for event, _ in self.events]


@dataclass
class FakeCalls:
    """Answers every call with `answer` after `seconds`."""

    answer: HttpResponse | Answer = field(default_factory=lambda: HttpResponse(201, {}, b""))
    seconds: float = 0
    requests: list[HttpRequest] = field(default_factory=list)
    start_by: list[float] = field(default_factory=list)

    async def call(self, request: HttpRequest, start_by: float) -> HttpResponse | Answer:
        self.requests.append(request)
        self.start_by.append(start_by)
        await asyncio.sleep(self.seconds)
        return self.answer


@dataclass
class FakeProvider:
    """Builds and reads without rules; `reports` are what a callback says."""

    name: str = "twilio"
    not_genuine: str = "It is not."
    answer: Answer = field(default_factory=lambda: Accepted("SM1", 1))
    refusal: Refused | None = None
    genuine: bool = True
    reports: Sequence[Report | Unreadable] = ()
    messages: list[OutboundMessage] = field(default_factory=list)
    carries: Collection[Channel] = tuple(Channel)
    stored_status: int = 204

    def build(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        self.messages.append(message)
        return self.refusal or HttpRequest("https://provider.example/send", {}, b"")

    def read_answer(self, response: HttpResponse) -> Answer:
        return self.answer

    def verify(self, callback: Callback, channel: ChannelInUse) -> bool:
        return self.genuine

    def read_callback(self, callback: Callback, channel: ChannelInUse) -> Sequence[Report | Unreadable]:
        return self.reports
