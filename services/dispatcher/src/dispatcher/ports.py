"""What the handlers need from the outside, in their own words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from dispatcher.domain.answers import Answer, Refused
from dispatcher.domain.job import Settlement, State
from proactive_contracts.envelope import Event
from proactive_contracts.receipts import DeliveryReported, ReplyReceived
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Content, Lane


@dataclass(frozen=True)
class ChannelInUse:
    """A connected channel with what it takes to send through it; a disabled one only takes receipts and replies."""

    id: UUID
    workspace_id: str
    channel: Channel
    provider: str
    sender: str
    settings: Mapping[str, str]
    credentials: Mapping[str, str] = field(repr=False)
    enabled: bool = True


@dataclass(frozen=True)
class OutboundMessage:
    """One message as an adapter sees it; `seconds_left` until it must not leave any more."""

    message_id: UUID
    recipient: str
    content: Content
    callback_url: str
    seconds_left: float


@dataclass(frozen=True)
class HttpRequest:
    """One POST to a provider."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class HttpResponse:
    """What the provider answered; the body is cut at 64 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Callback:
    """A request that a provider made to us; `url` is the address that we gave out, query included."""

    url: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime


class UnreadableCallback(Exception):
    """The signature is right but the body is not what the provider documents; the text says what is missing."""


@dataclass(frozen=True)
class Unreadable:
    """One item of a callback that is not what the provider documents; the others count. `detail`: what is missing."""

    detail: str


Report: TypeAlias = DeliveryReported | ReplyReceived


class Provider(Protocol):
    """
    An adapter: pure functions between our words and a provider's.

    It classifies what the provider says; what follows from that is decided in domain/job.
    """

    name: str

    not_genuine: str
    """What is wrong with a callback that `verify` refuses, in a sentence for whoever set it up."""

    @property
    def carries(self) -> Collection[Channel]:
        """The kinds of channel that it sends through."""

    @property
    def stored_status(self) -> int:
        """The HTTP status that tells the provider that its callback was stored."""

    def build(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        """The call that hands over one message, or why this channel cannot take it."""

    def read_answer(self, response: HttpResponse) -> Answer:
        """What the answer means; whatever is not documented as a refusal is Unclear."""

    def verify(self, callback: Callback, channel: ChannelInUse) -> bool:
        """Whether the provider really made this request; compared in constant time."""

    def read_callback(self, callback: Callback, channel: ChannelInUse) -> Sequence[Report | Unreadable]:
        """
        Receipts and replies for this channel in a verified callback.

        Raises:
            UnreadableCallback: it is not what the provider documents.
        """


@dataclass(frozen=True)
class Addressees:
    """Whom a callback speaks of: the `values` of the channels' setting named `setting`."""

    setting: str
    values: frozenset[str]


@runtime_checkable
class SharedCallbacks(Protocol):
    """
    What a provider adds whose callbacks belong to an app of theirs: one address serves all channels of that app.

    Each addressed channel reads its own part, provided that its own secret verifies the callback: that is how we
    know that it belongs to the same app.
    """

    def addressees(self, callback: Callback) -> Addressees:
        """
        Whom a verified callback speaks of.

        Raises:
            UnreadableCallback: it is not what the provider documents.
        """

    def answer_challenge(self, callback: Callback, channel: ChannelInUse) -> str | None:
        """What to answer a GET that asks whether this address is ours; None where the question is not genuine."""


class ProviderCalls(Protocol):
    """Makes the call; sorts what went wrong on the way into not sent and unclear."""

    async def call(self, request: HttpRequest, start_by: float) -> HttpResponse | Answer:
        """The provider's answer, or what its absence means; no byte leaves after `start_by` (monotonic seconds)."""


class ChannelDirectory(Protocol):
    """The connected channels."""

    async def find(self, channel_id: UUID) -> ChannelInUse | None:
        """The channel with its credentials, disabled ones included; None where it is not connected."""

    async def having(self, provider: str, setting: str, values: Collection[str]) -> Sequence[ChannelInUse]:
        """A provider's channels whose setting of this name is one of `values`, disabled ones included."""


@dataclass(frozen=True)
class Job:
    """A message that a dispatcher took."""

    workspace_id: str
    message_id: UUID
    event_id: UUID
    digest: str
    lane: Lane
    state: State
    since: datetime
    attempt: int
    transition: int
    not_after: datetime
    request: SendRequested | None
    outcome: str | None
    result: Mapping[str, Any] | None
    receipt: str | None


@dataclass(frozen=True)
class Claim:
    """How a request met the jobs: `fresh` where it is to be called now. `seconds_left` by the database's clock."""

    job: Job
    fresh: bool
    seconds_left: float


class Jobs(Protocol):
    """The journal of claims and outcomes."""

    async def claim(self, event: Event[SendRequested], lane: Lane) -> Claim:
        """Commit to sending this, or find what was committed before."""

    async def claim_resend(self, event: Event[SendRequested], lane: Lane) -> Claim:
        """As claim, with the message that it re-sends locked and looked at."""

    async def settle(self, job: Job, settlement: Settlement) -> Job | None:
        """Record an outcome; None where it came too late for this attempt."""

    async def announced(self, job: Job) -> None:
        """The job's present result was confirmed by the broker."""

    async def take_due(self, channel: Channel, limit: int) -> Sequence[Claim]:
        """Jobs whose time has come, each handed to one caller only: expired, lapsed and to be called ones moved on."""

    async def find(self, workspace_id: str, message_id: UUID) -> Job | None:
        """One job."""

    async def record_receipt(self, receipt: DeliveryReported) -> None:
        """Remember the best receipt of the message, for the channel that it went through only."""


class Announcements(Protocol):
    """The way to the bus."""

    async def send(
        self,
        event: Event[Any],
        *,
        lane: Lane = Lane.INTERACTIVE,
        result_route: str | None = None,
        timeout: float = 5,
    ) -> None:
        """Publish with a confirm."""
