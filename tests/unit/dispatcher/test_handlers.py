"""From a claim to an announced result, with stand-ins for everything outside."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from dispatcher import failpoints, handlers
from dispatcher.domain import job as domain
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.job import State
from dispatcher.handlers import Dispatch
from dispatcher.ports import ChannelInUse, Claim, HttpResponse, Job
from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import SendFailed
from proactive_contracts.status import Status
from proactive_contracts.values import Channel, Lane, TextContent
from runtime.amqp.publisher import Unconfirmed, Unroutable
from runtime.failpoints import VARIABLE, FailpointReached
from tests.unit.dispatcher.builders import NOW, ROUTE, make_channel, make_event_of, make_job, make_request
from tests.unit.dispatcher.fakes import FakeAnnouncements, FakeCalls, FakeChannels, FakeJobs, FakeProvider


class Scene:
    """A Dispatch with its stand-ins; `acks` counts how often a delivery was taken off the queue."""

    def __init__(self, channel: ChannelInUse | None = None, lease_seconds: float = 60) -> None:
        self.jobs = FakeJobs()
        self.channels = FakeChannels(channel or make_channel())
        self.provider = FakeProvider()
        self.calls = FakeCalls()
        self.announcements = FakeAnnouncements()
        self.acks = 0
        self.dispatch = Dispatch(
            self.jobs,
            self.channels,
            {self.provider.name: self.provider},
            self.calls,
            self.announcements,
            webhooks_url="https://p.example/",
            call_seconds=20,
            lease_seconds=lease_seconds,
        )

    async def ack(self) -> None:
        self.acks += 1

    async def request(self, event: Event[SendRequested]) -> None:
        await self.dispatch.on_request(event, Lane.INTERACTIVE, self.ack)

    @property
    def only_job(self) -> Job:
        (job,) = self.jobs.rows.values()
        return job


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_provider_that_does_not_carry_the_channel_is_not_called(scene: Scene) -> None:
    scene.provider.carries = {Channel.VIBER}
    await scene.request(make_event_of(make_request()))
    assert scene.provider.messages == []
    assert scene.only_job.state is State.FAILED
    assert scene.only_job.result is not None
    assert scene.only_job.result["reason"] == FailureReason.CHANNEL_SETUP
    assert "provider" not in scene.only_job.result
    assert "connected as SMS, which twilio does not carry" in scene.only_job.result["detail"]


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [
        (Accepted("SM1", 1), State.ACCEPTED, "send_accepted"),
        (Refused(ErrorClass.REJECTED, FailureReason.OPTED_OUT, "Stop."), State.FAILED, "send_failed"),
        (Refused(ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY, "Busy."), State.FAILED, "send_failed"),
        (Unclear("?"), State.UNKNOWN, "send_unknown"),
    ],
)
async def test_outcome_is_recorded_then_told(scene: Scene, answer: Answer, state: State, word: str) -> None:
    scene.provider.answer = answer
    event = make_event_of(make_request())
    await scene.request(event)
    assert scene.only_job.state is state
    ((told, route),) = scene.announcements.events
    assert told.type == f"proactive.{word}.v1"
    assert (told.causationid, told.correlationid, route) == (event.id, str(event.data.message_id), ROUTE)
    assert (scene.acks, scene.jobs.told, len(scene.calls.requests)) == (1, [2], 1)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "No."), State.FAILED),
        (Unclear("Broke off."), State.UNKNOWN),
    ],
)
async def test_missing_answer_is_judged_like_one(scene: Scene, answer: Answer, state: State) -> None:
    scene.calls.answer = answer
    await scene.request(make_event_of(make_request()))
    assert scene.only_job.state is state


async def test_delivery_is_acknowledged_before_the_provider_is_called(scene: Scene) -> None:
    scene.calls.seconds = 0.2
    sending = asyncio.create_task(scene.request(make_event_of(make_request())))
    await asyncio.sleep(0.05)
    assert (scene.acks, len(scene.calls.requests)) == (1, 1)
    await sending


async def test_message_reaches_the_adapter_whole(scene: Scene) -> None:
    request = make_request()
    await scene.request(make_event_of(request))
    (message,) = scene.provider.messages
    assert (message.message_id, message.recipient, message.content) == (
        request.message_id,
        request.recipient,
        request.content,
    )
    assert message.callback_url == f"https://p.example/webhooks/twilio/{request.channel_id}"
    assert 599 < message.seconds_left <= 600


async def test_duplicate_has_the_stored_result_told_again_and_is_not_sent(scene: Scene) -> None:
    event = make_event_of(make_request())
    await scene.request(event)
    other_panel = make_event_of(
        event.data.model_copy(update={"result_route": "panel.00000000-0000-4000-8000-000000000000"})
    )
    await scene.request(other_panel)
    (first, _), (second, route) = scene.announcements.events
    assert second == first, "the same id, so that telling twice is harmless"
    assert route == other_panel.data.result_route
    assert (len(scene.calls.requests), scene.acks) == (1, 2)


async def test_duplicate_of_a_message_under_way_is_only_acknowledged(scene: Scene) -> None:
    event = make_event_of(make_request())
    scene.jobs.rows["w1", event.data.message_id] = make_job(event.data)
    await scene.request(event)
    assert (scene.announcements.events, scene.calls.requests, scene.acks) == ([], [], 1)


async def test_changed_text_is_refused_and_never_stored(scene: Scene) -> None:
    first = make_event_of(make_request())
    await scene.request(first)
    row = scene.only_job
    changed = make_event_of(first.data.model_copy(update={"content": TextContent(text="Corrected")}))
    await scene.request(changed)
    told, route = scene.announcements.events[-1]
    failed = told.data
    assert isinstance(failed, SendFailed)
    assert failed.reason is FailureReason.CHANGED
    assert failed.earlier is not None
    assert (failed.earlier.status, failed.earlier.since) == (Status.SENT, row.since)
    assert (told.causationid, route) == (changed.id, ROUTE)
    assert (scene.only_job, len(scene.calls.requests), scene.acks) == (row, 1, 2)


async def test_changed_text_told_twice_has_one_id(scene: Scene) -> None:
    first = make_event_of(make_request())
    await scene.request(first)
    changed = make_event_of(first.data.model_copy(update={"recipient": "+306941234567"}))
    await scene.request(changed)
    await scene.request(changed)
    assert scene.announcements.events[-1][0].id == scene.announcements.events[-2][0].id


async def test_refusal_that_cannot_be_told_keeps_the_delivery(scene: Scene) -> None:
    first = make_event_of(make_request())
    await scene.request(first)
    scene.announcements.troubles = [Unconfirmed("no confirm")]
    with pytest.raises(Unconfirmed):
        await scene.request(make_event_of(first.data.model_copy(update={"content": TextContent(text="Corrected")})))
    assert scene.acks == 1


async def test_message_whose_resend_came_first_is_told_as_cancelled(scene: Scene) -> None:
    late = make_event_of(make_request())
    resend = make_request(resend_of=late.data.message_id)
    stopped = domain.replaced_by(resend)
    scene.jobs.rows["w1", late.data.message_id] = make_job(
        late.data,
        event_id=late.data.message_id,
        digest="",
        state=State.CANCELLED,
        attempt=0,
        request=None,
        outcome=EVENT_TYPES[type(stopped)],
        result=stopped.model_dump(mode="json"),
    )
    await scene.request(late)
    ((told, route),) = scene.announcements.events
    assert (told.data, told.causationid, route) == (stopped, late.id, ROUTE)
    assert (scene.calls.requests, scene.acks) == ([], 1)


@pytest.mark.parametrize("trouble", [Unconfirmed("no confirm"), Unroutable("no queue"), TimeoutError()])
async def test_untold_result_is_left_to_the_scheduler(scene: Scene, trouble: Exception) -> None:
    scene.announcements.troubles = [trouble]
    await scene.request(make_event_of(make_request()))
    assert (scene.only_job.state, scene.jobs.told, scene.announcements.events) == (State.ACCEPTED, [], [])
    await scene.dispatch.on_due(Claim(scene.only_job, fresh=False, seconds_left=0), time.monotonic())
    ((_, route),) = scene.announcements.events
    assert (route, scene.jobs.told, len(scene.calls.requests)) == (ROUTE, [2], 1)


async def test_outcome_is_insisted_on_while_the_database_is_away(scene: Scene) -> None:
    scene.jobs.troubles = [ConnectionRefusedError(), TimeoutError()]
    await scene.request(make_event_of(make_request()))
    assert (scene.only_job.state, len(scene.calls.requests)) == (State.ACCEPTED, 1)


async def test_outcome_that_comes_too_late_is_not_told(scene: Scene) -> None:
    event = make_event_of(make_request())
    scene.calls.seconds = 0.1
    sending = asyncio.create_task(scene.request(event))
    await asyncio.sleep(0.02)
    key = ("w1", event.data.message_id)
    scene.jobs.rows[key] = replace(scene.jobs.rows[key], attempt=2)
    await sending
    assert scene.announcements.events == []


@pytest.mark.parametrize(
    "channel",
    [
        make_channel(id=uuid4()),
        make_channel(workspace_id="w2"),
        make_channel(channel=Channel.VIBER),
        make_channel(enabled=False),
    ],
    ids=["not connected", "another workspace's", "another kind", "disabled"],
)
async def test_channel_that_may_not_carry_it_fails_the_message_without_a_call(channel: ChannelInUse) -> None:
    scene = Scene(channel)
    await scene.request(make_event_of(make_request()))
    ((told, _),) = scene.announcements.events
    assert told.data.reason is FailureReason.CHANNEL_UNKNOWN
    assert told.data.provider is None
    assert (scene.only_job.state, scene.calls.requests) == (State.FAILED, [])


async def test_provider_that_is_not_known_here_is_our_set_up_s_fault() -> None:
    scene = Scene(make_channel(provider="nobody"))
    await scene.request(make_event_of(make_request()))
    ((told, _),) = scene.announcements.events
    assert (told.data.reason, told.data.provider) == (FailureReason.CHANNEL_SETUP, None)
    assert told.data.detail == "The channel was connected with a provider that we do not have: 'nobody'."
    assert (scene.only_job.state, scene.calls.requests) == (State.FAILED, [])


async def test_what_the_adapter_refuses_is_not_called_and_not_told_as_the_provider_s(scene: Scene) -> None:
    scene.provider.refusal = Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "No credentials.")
    await scene.request(make_event_of(make_request()))
    ((told, _),) = scene.announcements.events
    assert (told.data.reason, told.data.provider) == (FailureReason.CHANNEL_BLOCKED, None)
    assert told.data.detail == "No credentials."
    assert scene.calls.requests == []


@pytest.mark.parametrize(
    ("seconds_left", "lease", "latest"),
    [(600.0, 60.0, 40.0), (3.0, 60.0, 3.0), (600.0, 20.5, 0.5)],
    ids=["lease", "not_after", "short lease"],
)
async def test_call_must_start_while_lease_and_message_last(seconds_left: float, lease: float, latest: float) -> None:
    scene = Scene(lease_seconds=lease)
    scene.jobs.seconds_left = seconds_left
    began = time.monotonic()
    await scene.request(make_event_of(make_request()))
    assert scene.calls.start_by[0] == pytest.approx(began + latest, abs=0.1)


async def test_what_could_not_leave_in_time_is_expired(scene: Scene) -> None:
    scene.jobs.seconds_left = 0.02
    scene.calls.seconds = 0.05
    scene.calls.answer = Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "Too slow.")
    await scene.request(make_event_of(make_request()))
    assert (scene.only_job.state, scene.announcements.words) == (State.EXPIRED, ["send_expired"])


async def test_slow_provider_has_the_start_told_first(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "STARTED_AFTER_SECONDS", 0.02)
    scene.calls.seconds = 0.1
    await scene.request(make_event_of(make_request()))
    assert scene.announcements.words == ["send_started", "send_accepted"]
    started, accepted = (event for event, _ in scene.announcements.events)
    assert started.causationid == accepted.causationid
    assert started.id != accepted.id


async def test_start_that_cannot_be_told_harms_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "STARTED_AFTER_SECONDS", 0.02)
    scene.calls.seconds = 0.1
    scene.announcements.troubles = [Unconfirmed("no confirm")]
    await scene.request(make_event_of(make_request()))
    assert scene.announcements.words == ["send_accepted"]


async def test_request_for_later_is_acknowledged_and_not_called(scene: Scene) -> None:
    event = make_event_of(make_request())
    waiting = make_job(event.data, state=State.WAITING, attempt=0)

    async def claim(event: Event[SendRequested], lane: Lane) -> Claim:
        return Claim(waiting, fresh=True, seconds_left=600)

    scene.jobs.claim = claim  # type: ignore[method-assign]
    await scene.request(event)
    assert (scene.acks, scene.calls.requests, scene.announcements.events) == (1, [], [])


async def test_resend_is_claimed_with_a_look_at_what_it_names(scene: Scene) -> None:
    looked = []

    async def claim_resend(event: Event[SendRequested], lane: Lane) -> Claim:
        looked.append(event.data.resend_of)
        return await scene.jobs.claim(event, lane)

    scene.jobs.claim_resend = claim_resend  # type: ignore[method-assign]
    first = uuid4()
    await scene.request(make_event_of(make_request(resend_of=first)))
    assert (looked, len(scene.calls.requests)) == ([first], 1)


async def test_due_job_is_called_through_its_channel(scene: Scene) -> None:
    request = make_request()
    job = make_job(request, attempt=2, transition=4)
    scene.jobs.rows["w1", request.message_id] = job
    await scene.dispatch.on_due(Claim(job, fresh=True, seconds_left=100), time.monotonic())
    ((told, route),) = scene.announcements.events
    assert (told.data.attempt, told.causationid, route) == (2, request_id(request), ROUTE)
    assert (scene.only_job.state, scene.acks) == (State.ACCEPTED, 0)


@pytest.mark.parametrize(
    ("settlement", "word"),
    [
        (domain.lapse(make_request(), 1), "send_unknown"),
        (domain.expire(make_request(), 0, NOW + timedelta(minutes=1)), "send_expired"),
    ],
)
async def test_due_result_is_told_without_a_call(scene: Scene, settlement: domain.Settlement, word: str) -> None:
    result = settlement.result.model_dump(mode="json")
    job = make_job(
        make_request(),
        state=settlement.state,
        transition=2,
        outcome=EVENT_TYPES[type(settlement.result)],
        result=result,
    )
    await scene.dispatch.on_due(Claim(job, fresh=False, seconds_left=0), time.monotonic())
    assert (scene.announcements.words, scene.jobs.told, scene.calls.requests) == ([word], [2], [])


@pytest.mark.parametrize(
    ("failpoint", "acks", "calls", "state", "told"),
    [
        (failpoints.BEFORE_CLAIM, 0, 0, None, []),
        (failpoints.AFTER_CLAIM, 1, 0, State.SENDING, []),
        (failpoints.AFTER_CALL, 1, 1, State.SENDING, []),
        (failpoints.AFTER_OUTCOME, 1, 1, State.ACCEPTED, []),
        (failpoints.AFTER_ANNOUNCEMENT, 1, 1, State.ACCEPTED, ["send_accepted"]),
    ],
)
async def test_failpoint_interrupts_between_the_steps(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    failpoint: str,
    acks: int,
    calls: int,
    state: State | None,
    told: list[str],
) -> None:
    monkeypatch.setenv(VARIABLE, f"{failpoint}:fail")
    with pytest.raises(FailpointReached):
        await scene.request(make_event_of(make_request()))
    assert (scene.acks, len(scene.calls.requests), scene.announcements.words) == (acks, calls, told)
    assert [job.state for job in scene.jobs.rows.values()] == ([] if state is None else [state])
    assert scene.jobs.told == []


async def test_answer_of_the_provider_is_read_by_its_adapter(scene: Scene) -> None:
    read: list[HttpResponse] = []
    scene.calls.answer = HttpResponse(503, {}, b"?")

    def read_answer(response: HttpResponse) -> Answer:
        read.append(response)
        return Unclear("?")

    scene.provider.read_answer = read_answer  # type: ignore[method-assign]
    await scene.request(make_event_of(make_request()))
    assert [response.status for response in read] == [503]
