"""What the handlers need from the outside, in their own words."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from dispatcher.domain.answers import Answer, Refused
from dispatcher.domain.states import Act, Capabilities, Happening, Job
from proactive_contracts.envelope import Event
from proactive_contracts.receipts import DeliveryReported, ReplyReceived
from proactive_contracts.requests import CancelRequested, SendRequested
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
    """One call of a provider; GET is for look-ups only, since aiohttp may repeat those by itself."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    method: Literal["GET", "POST"] = "POST"


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

    @property
    def capabilities(self) -> Capabilities:
        """What it offers to find out what became of an attempt."""

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
class Listed:
    """A message in a provider's list that reads like the one that is looked for."""

    provider_message_id: str
    created_at: datetime | None
    segments: int | None = None


@runtime_checkable
class LooksUp(Protocol):
    """What a provider adds that can be asked what it took: it may only confirm, since what is absent may come."""

    def build_look_up(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        """The GET that lists what went to this recipient from this sender."""

    def read_look_up(self, response: HttpResponse, message: OutboundMessage, channel: ChannelInUse) -> Sequence[Listed]:
        """Those of the list that have this recipient, sender and text; nothing where it cannot be read."""


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
class Claim:
    """
    A job as it is now, and what whoever holds it has to do; `seconds_left` until not_after, by the database's clock.

    CALL and LOOK_UP are handed out once, with a lease; `fresh` where a request came for the first time.
    """

    job: Job
    act: Act
    seconds_left: float
    fresh: bool = False


@dataclass(frozen=True)
class Settled:
    """A job after something happened to it; `changed`: this very happening led to a new result, which is to be told."""

    job: Job
    changed: bool


@dataclass(frozen=True)
class Rivals:
    """What a look-up has to know: provider ids that other jobs own, and whether another one may be what was found."""

    owned: frozenset[str]
    alike: bool


@dataclass(frozen=True)
class Room:
    """
    How much a worker can take now: `slots` in all, and of each channel and lane what `share` says.

    `others`: also take what needs no turn, such as lapsed leases; `tell_queued`: also tell people about jobs that wait
    for nothing but their sender's rate, and about re-sends of what was sent after all.
    """

    slots: int
    share: Callable[[UUID, Lane], int] | None = None
    others: bool = True
    tell_queued: bool = True

    def of(self, channel_id: UUID, lane: Lane) -> int:
        """How many jobs of one channel and lane."""
        return self.slots if self.share is None else min(self.slots, self.share(channel_id, lane))


@dataclass(frozen=True)
class Taken:
    """
    Jobs whose time had come, each handed to one caller only, and the seconds until there may be more.

    `hungry`: channels of which more are due now than there was room for; `unwell`: those that are called through a
    breaker, which may have opened a moment ago at another replica.
    """

    claims: Sequence[Claim]
    next_seconds: float | None = None
    hungry: frozenset[UUID] = frozenset()
    unwell: frozenset[UUID] = frozenset()


class Jobs(Protocol):
    """The journal of claims and outcomes. What happens to a job is decided under the lock of its row."""

    async def claim(
        self, event: Event[SendRequested], lane: Lane, provider: str | None = None, *, held: bool = False
    ) -> Claim:
        """Commit to sending this, or to its waiting where `held`; or find what was committed before."""

    async def settle(
        self,
        workspace_id: str,
        message_id: UUID,
        happening: Happening,
        provider: str | None = None,
        *,
        known: Job | None = None,
    ) -> Settled | None:
        """Record what happened; None where no such job is there. `known`: the job as it was handed out."""

    async def cancel(self, event: Event[CancelRequested], lane: Lane) -> Settled:
        """Stop a job that has not left; one that never came gets a cancelled row, which its request will meet."""

    async def announced(self, job: Job) -> None:
        """The job's present result was confirmed by the broker."""

    async def take_due(self, channel: Channel, room: Room) -> Taken:
        """Jobs whose time has come: expired, lapsed and given up ones settled, those to call or look up claimed."""

    async def find(self, workspace_id: str, message_id: UUID) -> Job | None:
        """One job."""

    async def rivals(self, job: Job, provider_message_ids: Collection[str]) -> Rivals:
        """Which of these ids other jobs own, and whether another unresolved job reads like this one."""

    async def record_receipt(self, receipt: DeliveryReported) -> None:
        """
        Remember the best receipt of the message, for the channel that it went through only.

        It proves that the provider has the message: a job without a definite answer is accepted at once, which the
        worker's scheduler announces.
        """


class RecipientJournal(Protocol):
    """What callbacks tell of people at a sender."""

    async def seen(self, reply: ReplyReceived) -> None:
        """A message of theirs came; the same any number of times, in any order."""

    async def reported_opted_out(self, receipt: DeliveryReported) -> None:
        """The provider did not deliver to them because they had opted out."""


class Gates(Protocol):
    """Who may send now: rates, pauses, breakers and shares of a worker's slots."""

    async def enter(self, channel: ChannelInUse | None, lane: Lane) -> "Entry":
        """Asked before a request is claimed. What was let in is told to `leave`, once; no channel is never counted."""

    def leave(self, channel: ChannelInUse, lane: Lane) -> None:
        """What was let in has ended, or turned out not to be for now."""

    def waiting(self, lane: Lane) -> None:
        """A job was committed as waiting: this worker's scheduler is to look, at once where a person waits."""

    async def report(self, channel: ChannelInUse, request: SendRequested, answer: Answer) -> None:
        """What a call came to, before it is recorded and told; never raises, and never takes long."""


@dataclass(frozen=True)
class LetIn:
    """Call at once."""


@dataclass(frozen=True)
class Held:
    """Commit it as waiting; take_due decides when it goes."""


Entry: TypeAlias = LetIn | Held | Refused
"""Refused: it fails as if the provider had answered so, without a call (an interactive message, a blocked channel)."""


class OpenGates:
    """Everybody may send: for tests, and where nothing limits."""

    async def enter(self, channel: ChannelInUse | None, lane: Lane) -> Entry:
        """Let in."""
        return LetIn()

    def leave(self, channel: ChannelInUse, lane: Lane) -> None:
        """Nothing to do."""

    def waiting(self, lane: Lane) -> None:
        """Nothing to do."""

    async def report(self, channel: ChannelInUse, request: SendRequested, answer: Answer) -> None:
        """Nothing to do."""


class Erased(Protocol):
    """Whom an operator erased."""

    async def covers(self, workspace_id: str, number: str, asked_at: datetime) -> bool:
        """Whether the person was erased after `asked_at`."""


class NobodyErased:
    """For tests."""

    async def covers(self, workspace_id: str, number: str, asked_at: datetime) -> bool:
        """Nobody was."""
        return False


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
