"""One message from its claim to its announced result, and what people say about it: load, decide, act."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from dispatcher import failpoints, metrics
from dispatcher.attempts import Attempts
from dispatcher.domain import resends
from dispatcher.domain.answers import Answer, Refused
from dispatcher.domain.states import Act, Answered, Happening, Job, State, VerdictGiven
from dispatcher.ports import (
    Announcements,
    ChannelDirectory,
    ChannelInUse,
    Claim,
    Erased,
    Gates,
    Held,
    Jobs,
    LetIn,
    NobodyErased,
    OpenGates,
    Provider,
    ProviderCalls,
)
from proactive_contracts.codec import EVENT_TYPES, make_event
from proactive_contracts.envelope import Event, content_digest, result_id, trace_of
from proactive_contracts.requests import CancelRequested, ResolveRequested, SendRequested
from proactive_contracts.results import Earlier, SendStarted
from proactive_contracts.values import Lane, Model, Service
from runtime import clock
from runtime.amqp.publisher import PublishFailed
from runtime.failpoints import reach
from runtime.logs import get_logger
from runtime.postgres import TROUBLE, UNPREPARED, insist

SOURCE = "proactive/dispatcher"

_PAYLOADS = {name: payload for payload, name in EVENT_TYPES.items()}

_TROUBLE: tuple[type[Exception], ...] = (PublishFailed, *TROUBLE, *UNPREPARED)

_UNDER_WAY = frozenset({State.SENDING, State.RESOLVING})

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
        gates: Gates | None = None,
        erased: Erased | None = None,
    ) -> None:
        self._jobs = jobs
        self._channels = channels
        self._attempts = Attempts(jobs, providers, calls, webhooks_url, lease_seconds - call_seconds)
        self._announcements = announcements
        self._gates = gates or OpenGates()
        self._erased = erased or NobodyErased()

    async def on_request(self, event: Event[SendRequested], lane: Lane, taken: Callable[[], Awaitable[None]]) -> None:
        """Claim a request and, at its first coming, send it; `taken` is awaited once the claim is committed."""
        if await self._erased.covers(event.data.workspace_id, event.data.recipient, event.time):
            await self.on_cancel(_stopped_by_erasure(event), lane)
            await taken()
            return
        channel = await self._channels.find(event.data.channel_id)
        entry = await self._gates.enter(channel, lane)
        try:
            await reach(failpoints.BEFORE_CLAIM)
            began = time.monotonic()
            provider = self._attempts.provider_of(channel, event.data)
            name = None if provider is None else provider.name
            claim = await self._jobs.claim(event, lane, name, held=isinstance(entry, Held))
            metrics.claimed(event.data.channel, lane, claim.fresh)
            if not claim.fresh:
                await self._tell_again(event, claim.job)
                await taken()
                return
            if claim.job.state is State.WAITING:
                self._gates.waiting(lane)
            await reach(failpoints.AFTER_CLAIM)
            await taken()
            await reach(failpoints.AFTER_ACK)
            refusal = entry if isinstance(entry, Refused) else None
            settled = await self._carry_out(claim, channel, began, refusal)
        finally:
            if channel is not None and isinstance(entry, LetIn):
                self._gates.leave(channel, lane)
        if settled is not None:
            await self._announce(settled, event.data.result_route)

    async def on_due(self, claim: Claim, began: float) -> None:
        """Go on with a job whose time had come; `began` is the monotonic time before it was taken."""
        request = claim.job.request
        route = None if request is None else request.result_route
        if claim.act is not Act.NOTHING and request is not None:
            channel = await insist(lambda: self._channels.find(request.channel_id), "channel")
            settled = await self._carry_out(claim, channel, began)
        else:
            settled = claim.job if claim.job.result is not None else None
        if settled is not None:
            await self._announce(settled, route)

    async def on_cancel(self, event: Event[CancelRequested], lane: Lane) -> None:
        """Stop a message that has not left; whatever stands then is told again."""
        settled = await self._jobs.cancel(event, lane)
        log.info("cancel_judged", state=settled.job.state, changed=settled.changed)
        await self._tell_present(settled.job, event.data.result_route)

    async def on_resolve(self, event: Event[ResolveRequested]) -> None:
        """Take a person's word for what became of an unknown message; whatever stands then is told again."""
        given = event.data
        verdict = VerdictGiven(given.requested_by, given.verdict)
        settled = await self._jobs.settle(given.workspace_id, given.message_id, verdict)
        if settled is None:
            log.warning("verdict_met_no_job")
            return
        log.info("verdict_judged", state=settled.job.state, changed=settled.changed)
        await self._tell_present(settled.job, given.result_route)

    async def _carry_out(
        self, claim: Claim, channel: ChannelInUse | None, began: float, refusal: Refused | None = None
    ) -> Job | None:
        """Do what the claim is for, and record what came of it; the job where that is to be told."""
        job = claim.job
        if claim.act is Act.NOTHING or job.request is None:
            return None
        if job.state is State.RESOLVING:
            await reach(failpoints.IN_RESOLVING)
        provider = self._attempts.provider_of(channel, job.request)
        name = None if provider is None else provider.name
        answer: Answer | None = refusal
        if claim.act is Act.LOOK_UP:
            looked = await insist(lambda: self._attempts.look_up(claim, channel, began), "look-up")
            metrics.looked_up(job.request.channel, job.provider or "none", looked.found is not None)
            happening: Happening = looked
        else:
            answer = answer or await self._attempts.call(claim, channel, began, lambda: self._tell_started(job))
            metrics.answered(job.request.channel, name or "none", answer)
            happening = Answered(job.attempt, answer)
        await reach(failpoints.AFTER_CALL)
        if channel is not None and answer is not None and refusal is None:
            await self._gates.report(channel, job.request, answer)
        return await self._settle(job, happening, name)

    async def _settle(self, job: Job, happening: Happening, provider: str | None) -> Job | None:
        key = job.workspace_id, job.message_id
        settled = await insist(lambda: self._jobs.settle(*key, happening, provider, known=job), "outcome")
        await reach(failpoints.AFTER_OUTCOME)
        assert settled is not None, "nobody deletes a job that is under way"
        if settled.changed:
            log.info("message_settled", state=settled.job.state, attempt=job.attempt)
        elif settled.job.attempt != job.attempt or settled.job.state not in {State.RESOLVING, State.ACCEPTED}:
            log.warning("outcome_came_too_late", attempt=job.attempt)
        if settled.changed or settled.job.state is State.ACCEPTED:  # a receipt may have been faster than the answer
            return settled.job
        return None

    async def _tell_again(self, event: Event[SendRequested], job: Job) -> None:
        """The message was taken before: its result again, or, for another content, that this one is not sent."""
        route = event.data.result_route
        job = replace(job, traceparent=trace_of(event))
        if not job.digest:  # it was stopped, or replaced, before it came
            await self._tell(replace(job, event_id=event.id), route)
        elif job.digest != content_digest(event.data):
            earlier = Earlier(status=resends.status_of(job.state, job.receipt), since=job.since)
            refusal = resends.refuse_change(event.data, earlier)
            told = make_event(
                refusal,
                id=result_id(event.id, 0, EVENT_TYPES[type(refusal)]),
                time=clock.now(),
                source=SOURCE,
                causation=event.id,
                traceparent=job.trace,
            )
            await self._announcements.send(told, result_route=route)
        elif job.result is not None:
            await self._announce(job, route)

    async def _tell_present(self, job: Job, route: str | None) -> None:
        """What stands now; of what is under way, that it has begun."""
        if job.state in _UNDER_WAY:
            with suppress(PublishFailed):
                await self._announcements.send(_started(job), result_route=route)
        elif job.result is not None:
            await self._announce(job, route)

    async def _tell_started(self, job: Job) -> None:
        try:
            await self._announcements.send(_started(job), timeout=2)
        except PublishFailed as error:
            log.info("start_not_told", error=type(error).__name__)

    async def _announce(self, job: Job, route: str | None) -> None:
        """Tell the stored result. What fails here is told again by the scheduler."""
        try:
            await self._tell(job, route)
            await reach(failpoints.AFTER_ANNOUNCEMENT)
            await self._jobs.announced(job)
        except _TROUBLE as error:
            log.warning("announcement_put_off", error=type(error).__name__)

    async def _tell(self, job: Job, route: str | None) -> None:
        assert job.outcome is not None
        payload = _PAYLOADS[job.outcome].model_validate(job.result)
        await self._announcements.send(_result_event(job, payload, job.since), result_route=route)


def _stopped_by_erasure(event: Event[SendRequested]) -> Event[CancelRequested]:
    """The person was erased while it was in a queue: it ends as what waits does, and nothing of it is kept."""
    about = resends.subject_fields(event.data)
    stop = CancelRequested(
        **about, answers=event.id, requested_by=Service(name="erasure"), result_route=event.data.result_route
    )
    return make_event(
        stop, id=event.id, time=event.time, source=SOURCE, causation=event.id, traceparent=event.traceparent
    )


def _started(job: Job) -> Event[Any]:
    assert job.request is not None, "what is under way holds its request"
    started = SendStarted(**resends.subject_fields(job.request), attempt=job.attempt)
    return _result_event(job, started, clock.now())


def _result_event(job: Job, payload: Model, told_at: datetime) -> Event[Any]:
    identity = result_id(job.event_id, job.transition, EVENT_TYPES[type(payload)])
    return make_event(payload, id=identity, time=told_at, source=SOURCE, causation=job.event_id, traceparent=job.trace)
