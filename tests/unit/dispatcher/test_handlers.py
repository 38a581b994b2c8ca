"""From a claim to an announced result, with stand-ins for everything outside."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from dispatcher import attempts, failpoints
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.resends import replaced_by, stopped_before, subject_fields
from dispatcher.domain.states import Act, Capabilities, Job, ReceiptCame, State
from dispatcher.handlers import Dispatch
from dispatcher.ports import ChannelInUse, Claim, Held, HttpResponse, Listed, Rivals
from proactive_contracts.codec import EVENT_TYPES, make_event
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import CancelRequested, ResolveRequested, SendRequested
from proactive_contracts.results import SendFailed
from proactive_contracts.status import Status
from proactive_contracts.values import Channel, Lane, TextContent
from runtime import failpoints as runtime_failpoints
from runtime.amqp.publisher import Unconfirmed, Unroutable
from runtime.failpoints import FailpointReached
from tests.unit.dispatcher.builders import NOW, ROUTE, make_channel, make_event_of, make_job, make_request
from tests.unit.dispatcher.fakes import (
    FakeAnnouncements,
    FakeCalls,
    FakeChannels,
    FakeGates,
    FakeJobs,
    FakeLookingProvider,
)

TWILIO = Capabilities("twilio")
LISTING = HttpResponse(200, {}, b"")
LOOKS_UP = Capabilities("twilio", look_up=True)
OTHER_ROUTE = "panel.00000000-0000-4000-8000-000000000000"


class Scene:
    """A Dispatch with its stand-ins; `acks` counts how often a delivery was taken off the queue."""

    def __init__(
        self,
        channel: ChannelInUse | None = None,
        lease_seconds: float = 60,
        capabilities: Capabilities = TWILIO,
    ) -> None:
        self.jobs = FakeJobs(capabilities)
        self.channels = FakeChannels(channel or make_channel())
        self.provider = FakeLookingProvider(capabilities=capabilities)
        self.gates = FakeGates()
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
            gates=self.gates,
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
        (Refused(ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY, "Busy."), State.WAITING, "send_deferred"),
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
        (Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "No."), State.WAITING),
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
    other_panel = make_event_of(event.data.model_copy(update={"result_route": OTHER_ROUTE}))
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
    stopped = replaced_by(resend)
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
    await scene.dispatch.on_due(Claim(scene.only_job, Act.NOTHING, 0), time.monotonic())
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
    scene.jobs.rows[key] = replace(scene.jobs.rows[key], state=State.SENDING, attempt=2)
    scene.calls.answer = Unclear("?")
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
    monkeypatch.setattr(attempts, "STARTED_AFTER_SECONDS", 0.02)
    scene.calls.seconds = 0.1
    await scene.request(make_event_of(make_request()))
    assert scene.announcements.words == ["send_started", "send_accepted"]
    started, accepted = (event for event, _ in scene.announcements.events)
    assert started.causationid == accepted.causationid
    assert started.id != accepted.id


async def test_start_that_cannot_be_told_harms_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "STARTED_AFTER_SECONDS", 0.02)
    scene.calls.seconds = 0.1
    scene.announcements.troubles = [Unconfirmed("no confirm")]
    await scene.request(make_event_of(make_request()))
    assert scene.announcements.words == ["send_accepted"]


async def test_request_that_has_to_wait_is_acknowledged_and_the_scheduler_woken(scene: Scene) -> None:
    scene.gates.entry = Held()
    await scene.request(make_event_of(make_request()))
    assert (scene.acks, scene.calls.requests, scene.announcements.events) == (1, [], [])
    assert (scene.jobs.held, scene.gates.woken, scene.gates.left) == ([True], 1, 0)


async def test_gate_hears_what_came_of_a_call(scene: Scene) -> None:
    await scene.request(make_event_of(make_request()))
    assert (scene.gates.entered, scene.gates.left, scene.gates.reports) == (1, 1, [Accepted("SM1", 1)])


async def test_gate_knows_before_the_outcome_is_recorded_and_told(scene: Scene) -> None:
    scene.provider.answer = Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "No money.")
    seen: list[tuple[State, list[str]]] = []
    report = scene.gates.report

    async def look(channel: ChannelInUse, request: SendRequested, answer: Answer) -> None:
        seen.append((scene.only_job.state, scene.announcements.words))
        await report(channel, request, answer)

    scene.gates.report = look  # type: ignore[method-assign]
    await scene.request(make_event_of(make_request()))
    assert seen == [(State.SENDING, [])]
    assert scene.only_job.state is State.FAILED


async def test_gate_is_left_whatever_happens(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_failpoints, "WANTED", f"{failpoints.AFTER_CALL}:fail")
    with pytest.raises(FailpointReached):
        await scene.request(make_event_of(make_request()))
    assert scene.gates.left == 1


async def test_closed_gate_fails_the_message_without_a_call(scene: Scene) -> None:
    scene.gates.entry = Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "No money.")
    await scene.request(make_event_of(make_request()))
    ((told, _),) = scene.announcements.events
    assert (told.data.reason, told.data.detail) == (FailureReason.CHANNEL_BLOCKED, "No money.")
    assert (scene.calls.requests, scene.gates.reports, scene.acks) == ([], [], 1)


async def test_unclear_answer_is_told_as_still_sending_where_it_can_be_found_out() -> None:
    scene = Scene(capabilities=LOOKS_UP)
    scene.provider.answer = Unclear("HTTP 500")
    await scene.request(make_event_of(make_request()))
    assert (scene.only_job.state, scene.announcements.words) == (State.RESOLVING, ["send_started"])


async def resolving(scene: Scene, listing: HttpResponse | Answer = LISTING) -> None:
    """A message whose answer got lost, and the scheduler's next look at it."""
    scene.provider.answer = Unclear("HTTP 500")
    await scene.request(make_event_of(make_request()))
    job = replace(scene.only_job, looks=3, called_at=NOW)
    scene.calls.answer = listing
    scene.jobs.rows[job.workspace_id, job.message_id] = job
    await scene.dispatch.on_due(Claim(job, Act.LOOK_UP, 500), time.monotonic())


async def test_look_up_that_finds_it_is_told_as_accepted() -> None:
    scene = Scene(capabilities=LOOKS_UP)
    scene.provider.listed = [Listed("SM7", NOW, 2)]
    await resolving(scene)
    told, route = scene.announcements.events[-1]
    assert (told.data.provider_message_id, told.data.segments, route) == ("SM7", 2, ROUTE)
    assert (scene.only_job.state, scene.provider.asked, len(scene.gates.reports)) == (State.ACCEPTED, 1, 1)


@pytest.mark.parametrize(
    ("listed", "others"),
    [
        ([], Rivals(frozenset(), alike=False)),
        ([Listed("SM7", NOW)], Rivals(frozenset({"SM7"}), alike=False)),
        ([Listed("SM7", NOW)], Rivals(frozenset(), alike=True)),
        ([Listed("SM7", NOW), Listed("SM8", NOW)], Rivals(frozenset(), alike=False)),
        ([Listed("SM7", NOW - timedelta(minutes=2))], Rivals(frozenset(), alike=False)),
        ([Listed("SM7", None)], Rivals(frozenset(), alike=False)),
    ],
    ids=["nothing", "another's", "another may own it", "two of them", "older than the call", "of no known time"],
)
async def test_look_up_that_proves_nothing_leaves_it_unknown(listed: list[Listed], others: Rivals) -> None:
    scene = Scene(capabilities=LOOKS_UP)
    scene.provider.listed, scene.jobs.others = listed, others
    await resolving(scene)
    assert (scene.only_job.state, scene.announcements.words[-1]) == (State.UNKNOWN, "send_unknown")


@pytest.mark.parametrize(
    "listing",
    [
        HttpResponse(503, {}, b""),
        HttpResponse(429, {}, b""),
        Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "No."),
        Unclear("no answer"),
    ],
    ids=["503", "429", "not reached", "no answer"],
)
async def test_look_up_that_got_no_answer_is_not_a_look(listing: HttpResponse | Answer) -> None:
    scene = Scene(capabilities=LOOKS_UP)
    scene.provider.listed = [Listed("SM7", NOW)]
    await resolving(scene, listing)
    assert (scene.only_job.state, scene.only_job.looks) == (State.RESOLVING, 2)


async def test_look_up_finds_its_own_beside_anothers() -> None:
    scene = Scene(capabilities=LOOKS_UP)
    scene.provider.listed = [Listed("SM6", NOW), Listed("SM7", NOW)]
    scene.jobs.others = Rivals(frozenset({"SM6"}), alike=False)
    await resolving(scene)
    assert scene.announcements.events[-1][0].data.provider_message_id == "SM7"


async def test_channel_that_changed_its_provider_is_not_asked() -> None:
    scene = Scene(capabilities=LOOKS_UP)
    scene.provider.listed = [Listed("SM7", NOW)]
    scene.provider.answer = Unclear("HTTP 500")
    await scene.request(make_event_of(make_request()))
    job = replace(scene.only_job, looks=3, provider="another")
    scene.jobs.rows[job.workspace_id, job.message_id] = job
    await scene.dispatch.on_due(Claim(job, Act.LOOK_UP, 500), time.monotonic())
    assert (scene.provider.asked, scene.only_job.state) == (0, State.UNKNOWN)


async def test_answer_after_the_receipt_has_the_stored_result_told(scene: Scene) -> None:
    event = make_event_of(make_request())
    scene.calls.seconds = 0.1
    sending = asyncio.create_task(scene.request(event))
    await asyncio.sleep(0.02)
    await scene.jobs.settle("w1", event.data.message_id, ReceiptCame("twilio", "SM1"), "twilio")
    await sending
    ((told, route),) = scene.announcements.events
    assert (told.type, told.data.provider_message_id, route) == ("proactive.send_accepted.v1", "SM1", ROUTE)


def make_control(request: SendRequested, **fields: Any) -> Event[Any]:
    kind = ResolveRequested if "verdict" in fields else CancelRequested
    asked = kind(**subject_fields(request), requested_by=request.requested_by, result_route=OTHER_ROUTE, **fields)
    return make_event(asked, id=uuid4(), time=NOW, source="test")


async def test_cancel_of_a_waiting_message_is_told_under_its_request(scene: Scene) -> None:
    request = make_request()
    scene.jobs.rows["w1", request.message_id] = make_job(request, state=State.WAITING, attempt=0)
    await scene.dispatch.on_cancel(make_control(request), Lane.INTERACTIVE)
    ((told, route),) = scene.announcements.events
    assert (told.type, told.causationid, route) == ("proactive.send_cancelled.v1", request_id(request), OTHER_ROUTE)


@pytest.mark.parametrize("state", [State.SENDING, State.RESOLVING])
async def test_cancel_of_what_is_under_way_is_told_that_it_has_begun(scene: Scene, state: State) -> None:
    request = make_request()
    job = make_job(request, state=state, doubts=(1,) if state is State.RESOLVING else ())
    scene.jobs.rows["w1", request.message_id] = job
    await scene.dispatch.on_cancel(make_control(request), Lane.INTERACTIVE)
    ((told, route),) = scene.announcements.events
    assert (told.type, told.causationid, route) == ("proactive.send_started.v1", job.event_id, OTHER_ROUTE)


@pytest.mark.parametrize("verdict", ["sent", "not_sent"])
async def test_verdict_on_a_message_with_a_result_has_that_told_again(scene: Scene, verdict: str) -> None:
    event = make_event_of(make_request())
    await scene.request(event)
    await scene.dispatch.on_resolve(make_control(event.data, verdict=verdict))
    (first, _), (again, route) = scene.announcements.events
    assert (again, route) == (first, OTHER_ROUTE)


async def test_verdict_on_an_unknown_message_is_told(scene: Scene) -> None:
    scene.provider.answer = Unclear("?")
    event = make_event_of(make_request())
    await scene.request(event)
    await scene.dispatch.on_resolve(make_control(event.data, verdict="not_sent"))
    assert (scene.only_job.state, scene.announcements.words) == (State.NOT_SENT, ["send_unknown", "send_resolved"])


async def test_verdict_on_nothing_is_not_answered(scene: Scene) -> None:
    await scene.dispatch.on_resolve(make_control(make_request(), verdict="sent"))
    assert scene.announcements.events == []


async def test_due_job_is_called_through_its_channel(scene: Scene) -> None:
    request = make_request()
    job = make_job(request, attempt=2, transition=4)
    scene.jobs.rows["w1", request.message_id] = job
    await scene.dispatch.on_due(Claim(job, Act.CALL, 100), time.monotonic())
    ((told, route),) = scene.announcements.events
    assert (told.data.attempt, told.causationid, route) == (2, request_id(request), ROUTE)
    assert (scene.only_job.state, scene.acks) == (State.ACCEPTED, 0)


async def test_due_result_is_told_without_a_call(scene: Scene) -> None:
    request = make_request()
    stopped = stopped_before(request, request.requested_by)
    job = make_job(
        request,
        state=State.CANCELLED,
        transition=2,
        outcome=EVENT_TYPES[type(stopped)],
        result=stopped.model_dump(mode="json"),
    )
    await scene.dispatch.on_due(Claim(job, Act.NOTHING, 0), time.monotonic())
    assert (scene.announcements.words, scene.jobs.told, scene.calls.requests) == (["send_cancelled"], [2], [])


@pytest.mark.parametrize(
    ("failpoint", "acks", "calls", "state", "told"),
    [
        (failpoints.BEFORE_CLAIM, 0, 0, None, []),
        (failpoints.AFTER_CLAIM, 0, 0, State.SENDING, []),
        (failpoints.AFTER_ACK, 1, 0, State.SENDING, []),
        (failpoints.BEFORE_CALL, 1, 0, State.SENDING, []),
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
    monkeypatch.setattr(runtime_failpoints, "WANTED", f"{failpoint}:fail")
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
