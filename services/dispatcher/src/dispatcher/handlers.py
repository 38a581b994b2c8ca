"""One message from its claim to its announced result: load, decide, act."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from dispatcher import failpoints, metrics
from dispatcher.domain import job as domain
from dispatcher.domain.answers import Answer, ErrorClass, Refused
from dispatcher.domain.job import State
from dispatcher.ports import (
    Announcements,
    ChannelDirectory,
    ChannelInUse,
    Claim,
    HttpRequest,
    HttpResponse,
    Job,
    Jobs,
    OutboundMessage,
    Provider,
    ProviderCalls,
)
from proactive_contracts.codec import EVENT_TYPES, make_event
from proactive_contracts.envelope import Event, content_digest, result_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import Earlier, SendStarted
from proactive_contracts.values import Lane, Model
from runtime import clock
from runtime.amqp.publisher import PublishFailed
from runtime.failpoints import reach
from runtime.logs import get_logger
from runtime.postgres import TROUBLE, UNPREPARED, insist

SOURCE = "proactive/dispatcher"

STARTED_AFTER_SECONDS = 1.0
"""A provider that takes longer than this has SendStarted told, so that nobody thinks the message is still queued."""

_PAYLOADS = {name: payload for payload, name in EVENT_TYPES.items()}

_TROUBLE: tuple[type[Exception], ...] = (PublishFailed, *TROUBLE, *UNPREPARED)

log = get_logger()


class Dispatch:
    """Claims, calls, settles and announces. `call_seconds` bounds a call, `lease_seconds` a claim."""

    def __init__(
        self,
        jobs: Jobs,
        channels: ChannelDirectory,
        providers: Mapping[str, Provider],
        calls: ProviderCalls,
        announcements: Announcements,
        *,
        webhooks_url: str,
        call_seconds: float,
        lease_seconds: float,
    ) -> None:
        self._jobs = jobs
        self._channels = channels
        self._providers = providers
        self._calls = calls
        self._announcements = announcements
        self._webhooks_url = webhooks_url.rstrip("/")
        self._latest_start_seconds = lease_seconds - call_seconds

    async def on_request(self, event: Event[SendRequested], lane: Lane, taken: Callable[[], Awaitable[None]]) -> None:
        """Claim a request and, at its first coming, send it; `taken` is awaited once the claim is committed."""
        request = event.data
        channel = await self._channels.find(request.channel_id)
        await reach(failpoints.BEFORE_CLAIM)
        began = time.monotonic()
        claim_how = self._jobs.claim if request.resend_of is None else self._jobs.claim_resend
        claim = await claim_how(event, lane)
        metrics.claimed(request.channel, lane, claim.fresh)
        if not claim.fresh:
            await self._tell_again(event, claim.job)
        await taken()
        if claim.fresh and claim.job.state is State.SENDING:
            await reach(failpoints.AFTER_CLAIM)
            await self._send(claim, channel, began, request.result_route)

    async def on_due(self, claim: Claim, began: float) -> None:
        """Go on with a job whose time had come; `began` is the monotonic time before it was taken."""
        request = claim.job.request
        route = None if request is None else request.result_route
        if claim.fresh and request is not None:
            channel = await insist(lambda: self._channels.find(request.channel_id), "channel")
            await self._send(claim, channel, began, route)
        elif claim.job.result is not None:
            await self._announce(claim.job, route)

    async def _tell_again(self, event: Event[SendRequested], job: Job) -> None:
        """The message was taken before: its result again, or, for another content, that this one is not sent."""
        route = event.data.result_route
        if job.state is State.CANCELLED and job.request is None:  # a re-send took its place before it came
            await self._tell(replace(job, event_id=event.id), route)
        elif job.digest != content_digest(event.data):
            earlier = Earlier(status=domain.status_of(job.state, job.receipt), since=job.since)
            refusal = domain.refuse_change(event.data, earlier)
            told = make_event(
                refusal,
                id=result_id(event.id, 0, EVENT_TYPES[type(refusal)]),
                time=clock.now(),
                source=SOURCE,
                causation=event.id,
                traceparent=event.traceparent,
            )
            await self._announcements.send(told, result_route=route)
        elif job.result is not None:
            await self._announce(job, route)

    async def _send(self, claim: Claim, channel: ChannelInUse | None, began: float, route: str | None) -> None:
        job, request = claim.job, claim.job.request
        assert request is not None, "a claimed job holds its request"
        provider = None if channel is None else self._providers.get(channel.provider)
        name = None if provider is None else provider.name
        answer: Answer
        if channel is None or not _may_carry(channel, request):
            answer = _refused(FailureReason.CHANNEL_UNKNOWN, "This channel is not connected here, or it is disabled.")
        elif provider is None:
            detail = f"The channel was connected with a provider that we do not have: {channel.provider[:40]!r}."
            answer = _refused(FailureReason.CHANNEL_SETUP, detail)
        elif request.channel not in provider.carries:
            detail = f"The channel was connected as {request.channel.label}, which {provider.name} does not carry."
            answer = _refused(FailureReason.CHANNEL_SETUP, detail)
        else:
            answer = await self._call(claim, request, channel, provider, began)
        await reach(failpoints.AFTER_CALL)
        metrics.answered(request.channel, name or "none", answer)
        in_time = time.monotonic() < began + claim.seconds_left
        settlement = domain.settle(request, job.attempt, name, answer, in_time=in_time)
        settled = await insist(lambda: self._jobs.settle(job, settlement), "outcome")
        await reach(failpoints.AFTER_OUTCOME)
        if settled is None:
            log.warning("outcome_came_too_late", message_id=str(job.message_id), attempt=job.attempt)
            return
        log.info("message_settled", message_id=str(job.message_id), state=settled.state, attempt=job.attempt)
        await self._announce(settled, route)

    async def _call(
        self, claim: Claim, request: SendRequested, channel: ChannelInUse, provider: Provider, began: float
    ) -> Answer:
        message = OutboundMessage(
            message_id=request.message_id,
            recipient=request.recipient,
            content=request.content,
            callback_url=f"{self._webhooks_url}/webhooks/{provider.name}/{channel.id}",
            seconds_left=began + claim.seconds_left - time.monotonic(),
        )
        built = provider.build(message, channel)
        if isinstance(built, Refused):
            return replace(built, asked=False)
        start_by = began + min(self._latest_start_seconds, claim.seconds_left)
        with metrics.call_seconds.labels(request.channel.value, provider.name).time():
            answered = await self._call_watched(built, start_by, claim.job, request)
        return provider.read_answer(answered) if isinstance(answered, HttpResponse) else answered

    async def _call_watched(
        self, built: HttpRequest, start_by: float, job: Job, request: SendRequested
    ) -> HttpResponse | Answer:
        calling = asyncio.ensure_future(self._calls.call(built, start_by))
        await asyncio.wait({calling}, timeout=STARTED_AFTER_SECONDS)
        if not calling.done():
            await self._tell_started(job, request)
        return await calling

    async def _tell_started(self, job: Job, request: SendRequested) -> None:
        started = SendStarted(**domain.subject_fields(request), attempt=job.attempt)
        try:
            await self._announcements.send(_result_event(job, started, clock.now()), timeout=2)
        except PublishFailed as error:
            log.info("start_not_told", message_id=str(job.message_id), error=type(error).__name__)

    async def _announce(self, job: Job, route: str | None) -> None:
        """Tell the stored result. What fails here is told again by the scheduler."""
        try:
            await self._tell(job, route)
            await reach(failpoints.AFTER_ANNOUNCEMENT)
            await self._jobs.announced(job)
        except _TROUBLE as error:
            log.warning("announcement_put_off", message_id=str(job.message_id), error=type(error).__name__)

    async def _tell(self, job: Job, route: str | None) -> None:
        assert job.outcome is not None
        payload = _PAYLOADS[job.outcome].model_validate(job.result)
        await self._announcements.send(_result_event(job, payload, job.since), result_route=route)


def _refused(reason: FailureReason, detail: str) -> Refused:
    """The channel cannot send, which we know without asking its provider."""
    return Refused(ErrorClass.BLOCKED, reason, detail, asked=False)


def _may_carry(channel: ChannelInUse, request: SendRequested) -> bool:
    mine = channel.workspace_id == request.workspace_id and channel.channel is request.channel
    return mine and channel.enabled


def _result_event(job: Job, payload: Model, told_at: datetime) -> Event[Any]:
    identity = result_id(job.event_id, job.transition, EVENT_TYPES[type(payload)])
    return make_event(payload, id=identity, time=told_at, source=SOURCE, causation=job.event_id)
