"""One worker's side of the gates: who may call at once, what answers say about senders, when to look at what waits."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

from dispatcher import metrics
from dispatcher.domain import gates
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused
from dispatcher.domain.breakers import Breaker
from dispatcher.domain.gates import Standing
from dispatcher.ports import ChannelInUse, Entry, Held, LetIn, Room
from dispatcher.slots import Slots
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Lane
from runtime.logs import get_logger
from runtime.postgres import TROUBLE, UNPREPARED

MOST_REPORTS = 2
"""At the same time: a provider that fails must not occupy the connections that others' messages need."""

REPORT_SECONDS = 2.0
"""So long the outcome of a call waits for the gates to be told of it."""

BULK_SECONDS = 0.1
"""Services' jobs that have to wait are looked at together, so that a campaign is not a look for each message."""

log = get_logger()


class SenderStore(Protocol):
    """What all replicas know of senders."""

    async def know(self, channel_id: UUID, channel: Channel, workspace_id: str, host: str) -> None:
        """Have a row for a sender, with the host that it uses now."""

    async def report(self, channel_id: UUID, answer: Answer) -> tuple[Standing, Standing] | None:
        """Take an answer into account: how it stood before, and stands now."""

    async def unwell(self, channel: Channel) -> Mapping[UUID, Standing]:
        """Senders that are paused, held or failing, or behind a host that fails."""


class RecipientStore(Protocol):
    """What all replicas know of people."""

    async def opted_out(self, request: SendRequested, provider_code: str | None) -> None:
        """The provider refused it because they had opted out."""


class WorkerGates:
    """
    dispatcher.ports.Gates: slots are this process's own, all else is decided by the rows that all replicas share.

    What was let in holds a slot until it leaves. `due` is set when the scheduler is to look at once; `hungry`, which
    the scheduler sets, are the channels for which it is to look as soon as a slot is free.
    """

    def __init__(self, senders: SenderStore, recipients: RecipientStore, slots: Slots, channel: Channel) -> None:
        self._senders = senders
        self._recipients = recipients
        self._slots = slots
        self._channel = channel
        self._known: dict[UUID, str] = {}
        self._unwell: set[UUID] = set()
        self._soon: asyncio.TimerHandle | None = None
        self.due = asyncio.Event()
        self.hungry: frozenset[UUID] = frozenset()
        self._reporting = asyncio.Semaphore(MOST_REPORTS)

    async def enter(self, channel: ChannelInUse | None, lane: Lane) -> Entry:
        """Asked before a request is claimed. The claim itself looks at pauses, limits and breakers."""
        if channel is None:
            return LetIn()
        await self.know(channel)
        return LetIn() if await self._slots.take(channel.id, lane) else Held()

    def leave(self, channel: ChannelInUse, lane: Lane) -> None:
        """What was let in has ended."""
        self._left(channel.id, lane)

    def waiting(self, lane: Lane) -> None:
        """A job was committed as waiting: people's are looked at once, services' with others that come meanwhile."""
        if lane is Lane.INTERACTIVE:
            self.due.set()
        elif self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(BULK_SECONDS, self._look)

    def room(self, *, others: bool = True, tell_queued: bool = True) -> Room:
        """How much the scheduler may take now."""
        return Room(self._slots.free, self._slots.room_of, others, tell_queued)

    @contextmanager
    def occupied(self, channel_id: UUID, lane: Lane) -> Iterator[None]:
        """A slot for what the scheduler took: entered when it was taken, left when it was done."""
        self._slots.occupy(channel_id, lane)
        try:
            yield
        finally:
            self._left(channel_id, lane)

    async def know(self, channel: ChannelInUse) -> None:
        """Have a row for this sender: a statement at its first use by this process, and when its address changes."""
        host = host_of(channel)
        if self._known.get(channel.id) != host:
            await self._senders.know(channel.id, channel.channel, channel.workspace_id, host)
            self._known[channel.id] = host

    async def report(self, channel: ChannelInUse, request: SendRequested, answer: Answer) -> None:
        """What a call came to. Costs a statement only where it changes something; never raises."""
        tells = not (_says_nothing(answer) or (_is_good(answer) and channel.id not in self._unwell))
        opt_out = answer if isinstance(answer, Refused) and answer.reason is FailureReason.OPTED_OUT else None
        if opt_out is None and not tells:
            return
        reported = None
        try:
            async with asyncio.timeout(REPORT_SECONDS), self._reporting:
                if opt_out is not None and opt_out.asked:
                    await self._recipients.opted_out(request, opt_out.provider_code)
                if tells:
                    await self.know(channel)
                    reported = await self._senders.report(channel.id, answer)
        except (*TROUBLE, *UNPREPARED) as error:  # the next answer will tell the same
            log.warning("answer_not_reported", channel_id=str(channel.id), error=type(error).__name__)
            return
        if reported is not None:
            before, after = reported
            self._remember(channel.id, after)
            self._tell(channel, before, after)

    async def refresh(self) -> None:
        """See what other replicas found out, for `report` and the metrics."""
        found = await self._senders.unwell(self._channel)
        self._unwell = {one for one, standing in found.items() if gates.unwell(standing.sender, standing.host)}
        metrics.senders(self._channel, found.values())

    def probe(self, channel_ids: Collection[UUID]) -> None:
        """What leaves for these says whether they are well again: their answers are reported, good ones too."""
        self._unwell.update(channel_ids)

    def _look(self) -> None:
        self._soon = None
        self.due.set()

    def _left(self, channel_id: UUID, lane: Lane) -> None:
        full = not self._slots.free
        self._slots.leave(channel_id, lane)
        if channel_id in self.hungry or (full and self.hungry):
            self.due.set()

    def _remember(self, channel_id: UUID, standing: Standing) -> None:
        if gates.unwell(standing.sender, standing.host):
            self._unwell.add(channel_id)
        else:
            self._unwell.discard(channel_id)

    def _tell(self, channel: ChannelInUse, before: Standing, after: Standing) -> None:
        about = {"channel_id": str(channel.id), "workspace_id": channel.workspace_id}
        _tell_change("channel", before.sender.breaker, after.sender.breaker, about)
        _tell_change("provider", before.host.breaker, after.host.breaker, {"provider": channel.provider})
        opened = (before.sender.breaker.cause, before.host.breaker.cause)
        if opened != (after.sender.breaker.cause, after.host.breaker.cause):
            self.due.set()


def host_of(channel: ChannelInUse) -> str:
    """What its provider's host is remembered by: channels of one provider at one address share it."""
    return f"{channel.provider} {channel.settings.get('base_url', '').rstrip('/')}".strip()


def _says_nothing(answer: Answer) -> bool:
    """The provider was not called: the channel is not connected, or we were too slow ourselves."""
    return isinstance(answer, Refused) and (answer.reason is FailureReason.CHANNEL_UNKNOWN or answer.own_delay)


def _is_good(answer: Answer) -> bool:
    return isinstance(answer, Accepted) or (isinstance(answer, Refused) and answer.error_class is ErrorClass.REJECTED)


def _tell_change(what: str, before: Breaker, after: Breaker, about: dict[str, str]) -> None:
    if before.cause == after.cause:
        return
    if after.cause is None:
        log.warning(f"{what}_breaker_closed", **about)
        return
    code = None if after.why is None else after.why.provider_code
    log.error(f"{what}_breaker_opened", cause=after.cause.value, failures=after.failures, provider_code=code, **about)
