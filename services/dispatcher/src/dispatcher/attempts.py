"""One attempt at the provider: a call that hands the message over, or a look at what became of an earlier one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

from dispatcher import failpoints, metrics
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused
from dispatcher.domain.states import Job, LookedUp, State
from dispatcher.ports import (
    ChannelInUse,
    Claim,
    HttpRequest,
    HttpResponse,
    Jobs,
    Listed,
    LooksUp,
    OutboundMessage,
    Provider,
    ProviderCalls,
)
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from runtime.failpoints import reach

STARTED_AFTER_SECONDS = 1.0
"""A provider that takes longer than this has SendStarted told, so that nobody thinks the message is still queued."""

CLOCK_TOLERANCE = timedelta(seconds=60)
"""How much a provider's clock may be behind ours: what it lists as older than our call is not ours."""


class Attempts:
    """Calls providers for claims; none begins later than `latest_start_seconds` after its claim."""

    def __init__(
        self,
        jobs: Jobs,
        providers: Mapping[str, Provider],
        calls: ProviderCalls,
        webhooks_url: str,
        latest_start_seconds: float,
    ) -> None:
        self._jobs = jobs
        self._providers = providers
        self._calls = calls
        self._webhooks_url = webhooks_url.rstrip("/")
        self._latest_start_seconds = latest_start_seconds

    async def call(
        self, claim: Claim, channel: ChannelInUse | None, began: float, tell_started: Callable[[], Awaitable[None]]
    ) -> Answer:
        """
        Hand the message over, and say what came of it; `began` is the monotonic time before it was claimed.

        `tell_started` is awaited where that takes long.
        """
        provider = self._carrier(claim.job, channel)
        if isinstance(provider, Refused):
            return provider
        assert channel is not None, "what has a carrier has a channel"
        message = self._message(claim, channel, began)
        built = provider.build(message, channel)
        if isinstance(built, Refused):
            return replace(built, asked=False)
        start_by = began + min(self._latest_start_seconds, claim.seconds_left)
        await reach(failpoints.BEFORE_CALL)
        with metrics.call_seconds.labels(channel.channel.value, provider.name).time():
            answered = await self._watched(built, start_by, tell_started)
        return provider.read_answer(answered) if isinstance(answered, HttpResponse) else answered

    async def look_up(self, claim: Claim, channel: ChannelInUse | None, began: float) -> LookedUp:
        """
        The message in the provider's list, where it is there and can be no other: that it is not proves nothing.

        It counts only where exactly one of its kind belongs to no other job, and no other job may turn out to own it.
        """
        job = claim.job
        nothing = LookedUp(job.looks, None)
        provider = self._carrier(job, channel)
        if isinstance(provider, Refused) or not isinstance(provider, LooksUp) or channel is None:
            return nothing
        message = self._message(claim, channel, began)
        built = provider.build_look_up(message, channel)
        if isinstance(built, Refused):
            return nothing
        answered = await self._calls.call(built, began + self._latest_start_seconds)
        if not isinstance(answered, HttpResponse) or answered.status != HTTPStatus.OK:
            return replace(nothing, answered=False)
        listed = [one for one in provider.read_look_up(answered, message, channel) if _is_new(one, job)]
        if not listed:
            return nothing
        rivals = await self._jobs.rivals(job, [one.provider_message_id for one in listed])
        free = [one for one in listed if one.provider_message_id not in rivals.owned]
        if rivals.alike or len(free) != 1:
            return nothing
        return LookedUp(job.looks, Accepted(free[0].provider_message_id, free[0].segments))

    def provider_of(self, channel: ChannelInUse | None, request: SendRequested) -> Provider | None:
        """The adapter that this request goes through, where the channel may carry it."""
        return self._providers.get(channel.provider) if channel is not None and _may_carry(channel, request) else None

    def _carrier(self, job: Job, channel: ChannelInUse | None) -> Provider | Refused:
        request = _request(job)
        if channel is None or not _may_carry(channel, request):
            return _unfit(FailureReason.CHANNEL_UNKNOWN, "This channel is not connected here, or it is disabled.")
        provider = self._providers.get(channel.provider)
        if provider is None:
            detail = f"The channel was connected with a provider that we do not have: {channel.provider[:40]!r}."
            return _unfit(FailureReason.CHANNEL_SETUP, detail)
        if request.channel not in provider.carries:
            detail = f"The channel was connected as {request.channel.label}, which {provider.name} does not carry."
            return _unfit(FailureReason.CHANNEL_SETUP, detail)
        if job.state is State.RESOLVING and job.provider != provider.name:
            return _unfit(FailureReason.CHANNEL_UNKNOWN, "The channel goes through another provider now.")
        return provider

    def _message(self, claim: Claim, channel: ChannelInUse, began: float) -> OutboundMessage:
        request = _request(claim.job)
        return OutboundMessage(
            message_id=request.message_id,
            recipient=request.recipient,
            content=request.content,
            callback_url=f"{self._webhooks_url}/webhooks/{channel.provider}/{channel.id}",
            seconds_left=began + claim.seconds_left - time.monotonic(),
        )

    async def _watched(
        self, built: HttpRequest, start_by: float, tell_started: Callable[[], Awaitable[None]]
    ) -> HttpResponse | Answer:
        telling: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        slow = loop.call_later(STARTED_AFTER_SECONDS, lambda: telling.append(loop.create_task(_told(tell_started))))
        try:
            return await self._calls.call(built, start_by)
        finally:
            slow.cancel()
            for task in telling:
                await task


async def _told(tell: Callable[[], Awaitable[None]]) -> None:
    await tell()


def _may_carry(channel: ChannelInUse, request: SendRequested) -> bool:
    mine = channel.workspace_id == request.workspace_id and channel.channel is request.channel
    return mine and channel.enabled


def _unfit(reason: FailureReason, detail: str) -> Refused:
    """The channel cannot send, which we know without asking its provider."""
    return Refused(ErrorClass.REJECTED, reason, detail, asked=False)


def _is_new(listed: Listed, job: Job) -> bool:
    """Whether it may have come of our call; with many tries under one id, of the last."""
    if listed.created_at is None or job.called_at is None:
        return False
    return listed.created_at >= job.called_at - CLOCK_TOLERANCE


def _request(job: Job) -> SendRequested:
    assert job.request is not None, "what is called or looked up holds its request"
    return job.request
