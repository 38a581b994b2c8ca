"""Stand-ins for what the handlers need from the outside."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from dispatcher.domain.answers import Accepted, Answer, Refused
from dispatcher.domain.job import decide
from dispatcher.domain.states import Act, CancelAsked, Capabilities, Happening, Job, State
from dispatcher.ports import (
    Callback,
    ChannelInUse,
    Claim,
    Entry,
    HttpRequest,
    HttpResponse,
    LetIn,
    Listed,
    OutboundMessage,
    Report,
    Rivals,
    Room,
    Settled,
    Taken,
    Unreadable,
)
from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.envelope import Event
from proactive_contracts.receipts import DeliveryReported, ReplyReceived
from proactive_contracts.requests import CancelRequested, SendRequested
from proactive_contracts.values import Channel, Lane
from tests.unit.dispatcher.builders import NOW, make_job


class FakeJobs:
    """The journal in memory, with the real decision: enough of it for one message after another."""

    def __init__(self, *capabilities: Capabilities) -> None:
        self.rows: dict[tuple[str, UUID], Job] = {}
        self.told: list[int] = []
        self.receipts: list[DeliveryReported] = []
        self.seconds_left = 600.0
        self.claimed_at = time.monotonic()
        self.held: list[bool] = []
        self.troubles: list[Exception] = []
        self.due: list[list[Claim] | Exception] = []
        self.capabilities = {can.provider: can for can in capabilities}
        self.others = Rivals(frozenset(), alike=False)

    async def claim(
        self, event: Event[SendRequested], lane: Lane, provider: str | None = None, *, held: bool = False
    ) -> Claim:
        key = (event.data.workspace_id, event.data.message_id)
        fresh = key not in self.rows
        self.held.append(held)
        state, attempt = (State.WAITING, 0) if held else (State.SENDING, 1)
        job = make_job(
            event.data, event_id=event.id, lane=lane, state=state, attempt=attempt, provider=provider, called_at=NOW
        )
        job = self.rows.setdefault(key, job)
        self.claimed_at = time.monotonic()
        act = Act.CALL if fresh and job.state is State.SENDING else Act.NOTHING
        return Claim(job, act, self.seconds_left, fresh)

    async def settle(
        self,
        workspace_id: str,
        message_id: UUID,
        happening: Happening,
        provider: str | None = None,
        *,
        known: Job | None = None,
    ) -> Settled | None:
        if self.troubles:
            raise self.troubles.pop(0)
        row = self.rows.get((workspace_id, message_id))
        if row is None:
            return None
        gone = timedelta(seconds=time.monotonic() - self.claimed_at - self.seconds_left)
        can = self.capabilities.get(provider) or Capabilities(provider)
        step = decide(row, happening, can, row.not_after + gone, 0.5)
        if step is None:
            return Settled(row, changed=False)
        told: dict[str, Any] = {} if step.result is None else {
            "transition": row.transition + 1,
            "outcome": EVENT_TYPES[type(step.result)],
            "result": step.result.model_dump(mode="json", exclude_none=True),
        }  # fmt: skip
        settled = replace(
            row, state=step.state, attempt=step.attempt, doubts=step.doubts, tries=step.tries, looks=step.looks, **told
        )
        self.rows[workspace_id, message_id] = settled
        return Settled(settled, changed=step.result is not None)

    async def cancel(self, event: Event[CancelRequested], lane: Lane) -> Settled:
        asked = event.data
        settled = await self.settle(asked.workspace_id, asked.message_id, CancelAsked(asked.requested_by))
        assert settled is not None, "the fake knows what is cancelled"
        return settled

    async def announced(self, job: Job) -> None:
        self.told.append(job.transition)

    async def take_due(self, channel: Channel, room: Room) -> Taken:
        found = self.due.pop(0) if self.due else []
        if isinstance(found, Exception):
            raise found
        return Taken(found)

    async def find(self, workspace_id: str, message_id: UUID) -> Job | None:
        return self.rows.get((workspace_id, message_id))

    async def rivals(self, job: Job, provider_message_ids: Collection[str]) -> Rivals:
        return self.others

    async def record_receipt(self, receipt: DeliveryReported) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.receipts.append(receipt)


@dataclass
class FakeGates:
    """Lets in by `entry`; counts who came, left and was reported."""

    entry: Entry = field(default_factory=LetIn)
    entered: int = 0
    left: int = 0
    woken: int = 0
    reports: list[Answer] = field(default_factory=list)

    async def enter(self, channel: ChannelInUse | None, lane: Lane) -> Entry:
        self.entered += 1
        return self.entry

    def leave(self, channel: ChannelInUse, lane: Lane) -> None:
        self.left += 1

    def waiting(self, lane: Lane) -> None:
        self.woken += 1

    async def report(self, channel: ChannelInUse, request: SendRequested, answer: Answer) -> None:
        self.reports.append(answer)


class FakeRecipients:
    """Keeps what was said of people."""

    def __init__(self) -> None:
        self.replies: list[ReplyReceived] = []
        self.opt_outs: list[tuple[str, str | None]] = []
        self.reported: list[DeliveryReported] = []

    async def seen(self, reply: ReplyReceived) -> None:
        self.replies.append(reply)

    async def opted_out(self, request: SendRequested, provider_code: str | None) -> None:
        self.opt_outs.append((request.recipient, provider_code))

    async def reported_opted_out(self, receipt: DeliveryReported) -> None:
        self.reported.append(receipt)


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
    capabilities: Capabilities = field(default_factory=lambda: Capabilities("twilio"))

    def build(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        self.messages.append(message)
        return self.refusal or HttpRequest("https://provider.example/send", {}, b"")

    def read_answer(self, response: HttpResponse) -> Answer:
        return self.answer

    def verify(self, callback: Callback, channel: ChannelInUse) -> bool:
        return self.genuine

    def read_callback(self, callback: Callback, channel: ChannelInUse) -> Sequence[Report | Unreadable]:
        return self.reports


@dataclass
class FakeLookingProvider(FakeProvider):
    """One that can be asked; `listed` is what it answers."""

    listed: Sequence[Listed] = ()
    asked: int = 0

    def build_look_up(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        self.asked += 1
        return HttpRequest("https://provider.example/list", {}, method="GET")

    def read_look_up(self, response: HttpResponse, message: OutboundMessage, channel: ChannelInUse) -> Sequence[Listed]:
        return self.listed
