"""The journal of claims on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import directory
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.states import Act, Answered, Capabilities, Job, LookedUp, State, VerdictGiven
from dispatcher.ports import Claim, Room, Settled
from dispatcher.storage import SOURCE
from dispatcher.storage.jobs import PostgresJobs
from dispatcher.storage.rows import Request
from dispatcher.storage.senders import Senders
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, request_id, traceparent_of
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus
from proactive_contracts.requests import CancelRequested, SendRequested
from proactive_contracts.results import SendCancelled
from proactive_contracts.status import Status
from proactive_contracts.values import Channel, Lane, Service, TextContent
from runtime import clock
from runtime.migrations import migrate
from runtime.postgres import Pool, pool
from tests.unit.proactive_contracts.strategies import requests

CHANNEL_ID = UUID("0b5ad1a0-0000-4000-8000-000000000001")


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Pool]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [directory.SOURCE, SOURCE])
    await connection.execute("TRUNCATE dispatch.job, dispatch.sender, dispatch.host")
    await connection.close()
    async with pool(database_url, application="test") as opened:
        yield opened


@pytest.fixture
def jobs(connections: Pool) -> PostgresJobs:
    return PostgresJobs(connections, lease_seconds=60)


def make_request(
    text: str = "Hello", *, message_id: UUID | None = None, resend_of: UUID | None = None, seconds: float = 600
) -> Event[SendRequested]:
    request = SendRequested(
        message_id=message_id or uuid4(),
        workspace_id="w1",
        channel=Channel.SMS,
        channel_id=CHANNEL_ID,
        recipient="+4915112345678",
        content=TextContent(text=text),
        requested_by=Service(name="test"),
        resend_of=resend_of,
        not_after=clock.now() + timedelta(seconds=seconds),
    )
    return make_event(request, id=request_id(request), time=clock.now(), source="test")


ACCEPTED = Accepted("SM1", 1)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REFUSED = Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "no")


async def settle(jobs: PostgresJobs, event: Event[SendRequested], answer: Answer, attempt: int = 1) -> Settled:
    settled = await jobs.settle("w1", event.data.message_id, Answered(attempt, answer), "twilio")
    assert settled is not None
    return settled


async def take_due(jobs: PostgresJobs) -> list[Claim]:
    return list((await jobs.take_due(Channel.SMS, Room(10))).claims)


async def find(jobs: PostgresJobs, event: Event[SendRequested]) -> Job:
    job = await jobs.find("w1", event.data.message_id)
    assert job is not None
    return job


async def resend(jobs: PostgresJobs, event: Event[SendRequested]) -> Claim:
    """Claim a re-send, and have the scheduler judge it."""
    claim = await jobs.claim(event, Lane.INTERACTIVE)
    if not claim.fresh:
        return claim
    return next(one for one in await take_due(jobs) if one.job.message_id == event.data.message_id)


async def known_sender(connections: Pool, gate: str = "open") -> Senders:
    """The channel's sender, with its gate shut where that is "paused" or "blocked"."""
    senders = Senders(connections)
    await senders.know(CHANNEL_ID, Channel.SMS, "w1", "twilio")
    if gate == "paused":
        await senders.pause(CHANNEL_ID, "maria")
    if gate == "blocked":
        await senders.report(CHANNEL_ID, Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "no"))
    return senders


def make_receipt(event: Event[SendRequested], status: ReceiptStatus) -> DeliveryReported:
    return DeliveryReported(
        message_id=event.data.message_id,
        workspace_id="w1",
        channel=Channel.SMS,
        channel_id=CHANNEL_ID,
        provider="twilio",
        provider_message_id="SM1",
        status=status,
        reported_at=clock.now(),
    )


async def test_first_coming_claims_and_the_second_finds_its_row(jobs: PostgresJobs) -> None:
    event = make_request()
    first = await jobs.claim(event, Lane.INTERACTIVE)
    second = await jobs.claim(event, Lane.INTERACTIVE)
    assert (first.fresh, first.job.state, first.job.attempt) == (True, State.SENDING, 1)
    assert (second.fresh, second.job.state) == (False, State.SENDING)
    assert 590 < first.seconds_left <= 600


async def test_trace_of_the_request_is_kept_with_its_job(jobs: PostgresJobs) -> None:
    brought = make_request().model_copy(update={"traceparent": TRACEPARENT})
    claim = await jobs.claim(brought, Lane.INTERACTIVE)
    assert (claim.job.trace, (await find(jobs, brought)).trace) == (TRACEPARENT, TRACEPARENT)
    without = make_request()
    own = traceparent_of("w1", without.data.message_id)
    claim = await jobs.claim(without, Lane.INTERACTIVE)
    assert (claim.job.trace, (await find(jobs, without)).trace) == (own, own)


async def test_many_comings_at_once_make_one_claim(jobs: PostgresJobs) -> None:
    event = make_request()
    claims = await asyncio.gather(*(jobs.claim(event, Lane.INTERACTIVE) for _ in range(50)))
    assert [claim.fresh for claim in claims].count(True) == 1


async def test_two_replicas_make_one_claim(connections: Pool) -> None:
    event = make_request()
    replicas = [PostgresJobs(connections, 60) for _ in range(8)]
    claims = await asyncio.gather(*(replica.claim(event, Lane.BULK) for replica in replicas))
    assert [claim.fresh for claim in claims].count(True) == 1


async def test_outcome_is_recorded_and_stays(jobs: PostgresJobs) -> None:
    event = make_request()
    claim = await jobs.claim(event, Lane.INTERACTIVE)
    settled = await settle(jobs, event, ACCEPTED)
    assert (settled.changed, settled.job.state) == (True, State.ACCEPTED)
    assert settled.job.transition == claim.job.transition + 1
    again = await settle(jobs, event, REFUSED)
    assert (again.changed, again.job) == (False, settled.job)
    assert await find(jobs, event) == settled.job


async def test_nothing_happens_to_a_job_that_is_not_there(jobs: PostgresJobs) -> None:
    assert await jobs.settle("w1", uuid4(), Answered(1, ACCEPTED)) is None


async def test_late_refusal_of_an_older_attempt_is_fenced_off(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    await connections.execute("UPDATE dispatch.job SET attempt = 2")
    assert not (await settle(jobs, event, REFUSED)).changed
    assert (await find(jobs, event)).state is State.SENDING


async def test_lapsed_lease_becomes_unknown_and_a_late_answer_settles_it(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    await connections.execute("UPDATE dispatch.job SET due_at = now() - interval '1 second'")
    (lapsed,) = await take_due(jobs)
    assert (lapsed.act, lapsed.job.state, lapsed.job.doubts) == (Act.NOTHING, State.UNKNOWN, (1,))
    late = await settle(jobs, event, ACCEPTED)
    assert (late.job.state, late.job.doubts) == (State.ACCEPTED, ())


async def test_same_happenings_in_one_batch_are_decided_in_order(jobs: PostgresJobs) -> None:
    event = make_request()
    other = make_request()
    for one in (event, other):
        await jobs.claim(one, Lane.INTERACTIVE)
    first, *rest = await asyncio.gather(
        settle(jobs, other, ACCEPTED),  # while this one is written, the next make one batch
        settle(jobs, event, Unclear("?")),
        settle(jobs, event, ACCEPTED),
        settle(jobs, event, REFUSED),
    )
    assert first.changed
    assert [(one.changed, one.job.state) for one in rest] == [
        (True, State.UNKNOWN),
        (True, State.ACCEPTED),
        (False, State.ACCEPTED),
    ]


async def test_bad_outcome_does_not_fail_its_batch(jobs: PostgresJobs) -> None:
    """PostgreSQL takes no NUL; adapters take it out, and one that forgets harms its own message only."""
    events = [make_request() for _ in range(4)]
    for event in events:
        await jobs.claim(event, Lane.BULK)
    answers = [ACCEPTED, ACCEPTED, Accepted("S\x00M"), ACCEPTED]
    settled = await asyncio.gather(
        *(settle(jobs, event, answer) for event, answer in zip(events, answers, strict=True)), return_exceptions=True
    )
    assert [isinstance(one, Settled) for one in settled] == [True, True, False, True]


async def test_put_off_job_is_called_again_with_a_new_attempt(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    busy = Refused(ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY, "Busy.", retry_after_seconds=60)
    settled = await settle(jobs, event, busy)
    assert settled.job.state is State.WAITING
    assert settled.job.outcome == "proactive.send_deferred.v1"
    assert settled.job.due_at is not None
    assert 50 < (settled.job.due_at - clock.now()).total_seconds() <= 61
    await jobs.announced(settled.job)
    assert (await find(jobs, event)).due_at == settled.job.due_at, "announced, and still to be called"
    assert await take_due(jobs) == []
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    (again,) = await take_due(jobs)
    assert (again.act, again.job.state, again.job.attempt, again.job.result) == (Act.CALL, State.SENDING, 2, None)


async def test_doubt_is_kept_and_looked_at_until_it_is_given_up(connections: Pool) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", look_up=True, settling_seconds=0.01)})
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE, "twilio")
    settled = await settle(jobs, event, Unclear("HTTP 500", "7"))
    assert (settled.job.state, settled.job.outcome) == (State.RESOLVING, "proactive.send_started.v1")
    for look in (1, 2, 3):
        await asyncio.sleep(0.1)
        (claim,) = await take_due(jobs)
        assert (claim.act, claim.job.looks, claim.job.attempt, claim.job.unclear) == (
            Act.LOOK_UP,
            look,
            1,
            Unclear("HTTP 500", "7"),
        )
        assert await take_due(jobs) == [], "one replica looks at a time"
        found = await jobs.settle("w1", event.data.message_id, LookedUp(look, None), "twilio")
    assert found is not None
    assert (found.changed, found.job.state) == (True, State.UNKNOWN)
    assert found.job.result is not None
    assert (found.job.result["detail"], found.job.result["provider_code"]) == ("HTTP 500", "7")


async def test_lapsed_look_is_followed_by_the_next(connections: Pool) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", look_up=True)})
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE, "twilio")
    await settle(jobs, event, Unclear("?"))
    for look in (1, 2):
        await connections.execute("UPDATE dispatch.job SET due_at = now()")
        (claim,) = await take_due(jobs)
        assert (claim.act, claim.job.looks) == (Act.LOOK_UP, look)


async def test_same_id_again_is_a_leased_attempt_in_doubt(connections: Pool) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", same_id_again=True)})
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE, "twilio")
    await settle(jobs, event, Unclear("?"))
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    (claim,) = await take_due(jobs)
    assert (claim.act, claim.job.state, claim.job.attempt, claim.job.doubts) == (
        Act.CALL,
        State.RESOLVING,
        2,
        (1, 2),
    )
    refused = await settle(jobs, event, REFUSED, attempt=2)
    assert (refused.changed, refused.job.state, refused.job.doubts) == (False, State.RESOLVING, (1,))


async def test_rivals_are_who_own_an_id_and_who_may_turn_out_to(jobs: PostgresJobs, connections: Pool) -> None:
    mine, owner, other_text = make_request(), make_request(), make_request("Other")
    for event in (mine, owner, other_text):
        await jobs.claim(event, Lane.BULK)
    await settle(jobs, owner, Accepted("SM7"))
    await settle(jobs, mine, Unclear("?"))
    job = await find(jobs, mine)
    rivals = await jobs.rivals(job, ["SM7", "SM8"])
    assert (rivals.owned, rivals.alike) == (frozenset({"SM7"}), False)
    alike = make_request()
    await jobs.claim(alike, Lane.BULK)
    assert (await jobs.rivals(job, ["SM7"])).alike, "it is being sent"
    await settle(jobs, alike, Unclear("?"))
    assert (await jobs.rivals(job, [])).alike
    await settle(jobs, alike, REFUSED)
    assert not (await jobs.rivals(job, [])).alike
    await connections.execute("UPDATE dispatch.job SET request = NULL WHERE state = 'failed'")
    assert not (await jobs.rivals(job, [])).alike


# --- a claim whose commit was not answered ---


class Hiccup:
    """A pool whose next commit is made and not answered."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.loses = False

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as connection:
            yield connection
        if self.loses:
            self.loses = False
            raise ConnectionResetError("the answer got lost")

    async def fetch(self, *statement: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.fetch(*statement)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


async def test_claim_whose_commit_was_not_answered_is_called_by_its_worker(connections: Pool) -> None:
    """Its redelivery finds it under way; only this worker knows that nobody called it."""
    hiccup = Hiccup(connections)
    jobs, other = PostgresJobs(hiccup, 60), PostgresJobs(connections, 60)  # type: ignore[arg-type]
    event, fine = make_request(), make_request()
    await jobs.claim(fine, Lane.INTERACTIVE)
    hiccup.loses = True
    with pytest.raises(ConnectionResetError):
        await jobs.claim(event, Lane.INTERACTIVE)
    again = await jobs.claim(event, Lane.INTERACTIVE)
    assert (again.fresh, again.act) == (False, Act.NOTHING)
    assert await take_due(other) == []
    (claim,) = await take_due(jobs)
    assert (claim.act, claim.job.message_id, claim.job.attempt) == (Act.CALL, event.data.message_id, 1)
    assert await take_due(jobs) == [], "handed out once"


async def test_due_jobs_whose_commit_was_not_answered_are_taken_again_as_the_same_attempt(connections: Pool) -> None:
    hiccup = Hiccup(connections)
    jobs = PostgresJobs(hiccup, 60)  # type: ignore[arg-type]
    await jobs.claim(make_request(), Lane.INTERACTIVE, held=True)
    hiccup.loses = True
    with pytest.raises(ConnectionResetError):
        await take_due(jobs)
    (claim,) = await take_due(jobs)
    assert (claim.act, claim.job.state, claim.job.attempt) == (Act.CALL, State.SENDING, 1)


@pytest.mark.parametrize("by_other", [False, True])
async def test_lost_claim_that_lapsed_meanwhile_stays_with_its_worker_unless_another_took_it(
    connections: Pool, by_other: bool
) -> None:
    hiccup = Hiccup(connections)
    jobs, other = PostgresJobs(hiccup, 60), PostgresJobs(connections, 60)  # type: ignore[arg-type]
    hiccup.loses = True
    with pytest.raises(ConnectionResetError):
        await jobs.claim(make_request(), Lane.INTERACTIVE)
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    (claim,) = await take_due(other if by_other else jobs)
    assert claim.job.state is (State.UNKNOWN if by_other else State.SENDING)
    assert await take_due(jobs) == []


@pytest.mark.parametrize("meanwhile", ["nothing", "receipt", "lapse", "cancel"])
@pytest.mark.parametrize("answer", [ACCEPTED, Accepted("SM1", duplicate=True), REFUSED, Unclear("?")])
async def test_what_the_caller_knows_of_the_job_makes_no_difference(
    connections: Pool, answer: Answer, meanwhile: str
) -> None:
    """Whoever called it need not read it again, unless something happened to it since."""
    jobs = PostgresJobs(connections, 60, chance=lambda: 0.5)
    ends = []
    for knows in (False, True):
        event = make_request()
        claim = await jobs.claim(event, Lane.INTERACTIVE, "twilio")
        match meanwhile:
            case "receipt":
                await jobs.record_receipt(make_receipt(event, ReceiptStatus.SENT))
            case "lapse":
                await connections.execute(
                    "UPDATE dispatch.job SET due_at = now() WHERE attempt = 1 AND state = 'sending'"
                )
                await take_due(jobs)
            case "cancel":
                await jobs.cancel(make_cancel(event), Lane.INTERACTIVE)
        known = claim.job if knows else None
        told = await jobs.settle("w1", event.data.message_id, Answered(1, answer), "twilio", known=known)
        assert told is not None
        row = await connections.fetchrow(
            "SELECT state, attempt, transition, doubts, provider, provider_message_id, outcome, announced_at, "
            "tell_at, stopped_by, due_at > now() AS is_due, result - 'message_id' AS result, called_at IS NOT NULL, "
            "claimed_by, since > now() - interval '5 seconds' AS since FROM dispatch.job WHERE message_id = $1",
            event.data.message_id,
        )
        assert row is not None
        assert told.job == await find(jobs, event)
        ends.append((told.changed, told.job.state, dict(row)))
        await connections.execute("UPDATE dispatch.job SET due_at = NULL")
    assert ends[0] == ends[1]


# --- what people ask for ---


def make_cancel(event: Event[SendRequested], *, answers: bool = True) -> Event[CancelRequested]:
    subject = {name: getattr(event.data, name) for name in ("message_id", "workspace_id", "channel", "channel_id")}
    asked = CancelRequested(**subject, requested_by=Service(name="test"), answers=event.id if answers else None)
    return make_event(asked, id=uuid4(), time=clock.now(), source="test")


async def test_waiting_job_is_cancelled_and_never_called(jobs: PostgresJobs) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE, held=True)
    settled = await jobs.cancel(make_cancel(event), Lane.INTERACTIVE)
    assert (settled.changed, settled.job.state) == (True, State.CANCELLED)
    assert await take_due(jobs) == []
    twice = await jobs.cancel(make_cancel(event), Lane.INTERACTIVE)
    assert (twice.changed, twice.job) == (False, settled.job)


async def test_job_under_way_is_not_cancelled(jobs: PostgresJobs) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    settled = await jobs.cancel(make_cancel(event), Lane.INTERACTIVE)
    assert (settled.changed, settled.job.state) == (False, State.SENDING)


@pytest.mark.parametrize("refused", [True, False])
async def test_job_that_was_stopped_under_way_is_not_called_again(connections: Pool, refused: bool) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", same_id_again=True)})
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE, "twilio")
    before = await find(jobs, event)
    if not refused:
        before = (await settle(jobs, event, Unclear("?"))).job
    await jobs.cancel(make_cancel(event), Lane.INTERACTIVE)
    stopped = await find(jobs, event)
    assert (stopped.state, stopped.stopped_by, stopped.due_at) == (before.state, Service(name="test"), before.due_at)
    if refused:
        later = Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "away")
        settled = await settle(jobs, event, later)
        assert (settled.changed, settled.job.state) == (True, State.CANCELLED)
        assert await take_due(jobs) == []
        return
    for _ in range(5):
        await connections.execute("UPDATE dispatch.job SET due_at = now()")
        (claim,) = await take_due(jobs)
        assert (claim.act, claim.job.attempt) == (Act.LOOK_UP, 1)
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    (claim,) = await take_due(jobs)
    assert claim.job.state is State.UNKNOWN


@pytest.mark.parametrize("answers", [True, False])
async def test_cancel_that_comes_first_keeps_its_request_from_being_sent(jobs: PostgresJobs, answers: bool) -> None:
    event = make_request()
    cancel = make_cancel(event, answers=answers)
    settled = await jobs.cancel(cancel, Lane.INTERACTIVE)
    assert (settled.changed, settled.job.state) == (True, State.CANCELLED)
    assert settled.job.event_id == (event.id if answers else cancel.id)
    late = await jobs.claim(event, Lane.INTERACTIVE)
    assert (late.fresh, late.act, late.job.state) == (False, Act.NOTHING, State.CANCELLED)


async def test_cancel_that_came_first_is_told_until_it_was_announced(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    settled = await jobs.cancel(make_cancel(event), Lane.INTERACTIVE)
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    (untold,) = await take_due(jobs)
    assert untold.job.outcome == "proactive.send_cancelled.v1"
    await jobs.announced(settled.job)
    assert await connections.fetchval("SELECT due_at IS NULL FROM dispatch.job")


async def test_cancel_and_its_request_at_once_end_as_one(connections: Pool) -> None:
    replicas = [PostgresJobs(connections, 60) for _ in range(2)]
    for _ in range(20):
        event = make_request()
        settled, claim = await asyncio.gather(
            replicas[0].cancel(make_cancel(event), Lane.INTERACTIVE), replicas[1].claim(event, Lane.INTERACTIVE)
        )
        assert settled.changed is not (claim.act is Act.CALL)


async def test_verdict_is_kept_and_a_receipt_overrules_it(jobs: PostgresJobs) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    await settle(jobs, event, Unclear("?"))
    verdict = VerdictGiven(Service(name="test"), "not_sent")
    settled = await jobs.settle("w1", event.data.message_id, verdict)
    assert settled is not None
    assert (settled.changed, settled.job.state, settled.job.doubts) == (True, State.NOT_SENT, (1,))
    await jobs.record_receipt(make_receipt(event, ReceiptStatus.DELIVERED))
    job = await find(jobs, event)
    assert (job.state, job.receipt, job.provider_message_id) == (State.ACCEPTED, "delivered", "SM1")


@pytest.mark.parametrize("answer", [None, Unclear("?"), Refused(ErrorClass.THROTTLED, FailureReason.OTHER, "Busy.")])
async def test_receipt_settles_the_row_at_once_and_has_it_told(jobs: PostgresJobs, answer: Answer | None) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    if answer is not None:
        await settle(jobs, event, answer)
    webhooks = PostgresJobs(jobs._pool, lease_seconds=0)
    await webhooks.record_receipt(make_receipt(event, ReceiptStatus.UNDELIVERED))
    (untold,) = await take_due(jobs)
    assert (untold.act, untold.job.state, untold.job.receipt) == (Act.NOTHING, State.ACCEPTED, "undelivered")
    assert untold.job.result is not None
    assert untold.job.result["provider_message_id"] == "SM1"


async def test_receipt_through_another_channel_settles_nothing(jobs: PostgresJobs) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    receipt = make_receipt(event, ReceiptStatus.DELIVERED)
    await jobs.record_receipt(receipt.model_copy(update={"channel_id": uuid4()}))
    await jobs.record_receipt(receipt.model_copy(update={"workspace_id": "w2"}))
    job = await find(jobs, event)
    assert (job.state, job.receipt) == (State.SENDING, None)


async def test_same_receipt_a_hundred_times_at_once_is_one(jobs: PostgresJobs) -> None:
    event = make_request()
    claim = await jobs.claim(event, Lane.INTERACTIVE)
    receipt = make_receipt(event, ReceiptStatus.DELIVERED)
    await asyncio.gather(*(jobs.record_receipt(receipt) for _ in range(100)))
    job = await find(jobs, event)
    assert (job.state, job.transition) == (State.ACCEPTED, claim.job.transition + 1)


async def test_live_lease_is_left_alone(jobs: PostgresJobs) -> None:
    await jobs.claim(make_request(), Lane.INTERACTIVE)
    assert await take_due(jobs) == []


async def test_too_late_request_expires_without_a_call(jobs: PostgresJobs) -> None:
    claim = await jobs.claim(make_request(seconds=-1), Lane.INTERACTIVE)
    assert claim.job.state is State.WAITING
    (expired,) = await take_due(jobs)
    assert (expired.act, expired.job.state) == (Act.NOTHING, State.EXPIRED)


async def test_waiting_job_is_claimed_once_its_time_has_come(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    later = event.data.model_copy(update={"not_before": clock.now() + timedelta(seconds=300)})
    event = make_event(later, id=request_id(later), time=clock.now(), source="test")
    claim = await jobs.claim(event, Lane.BULK)
    assert (claim.job.state, claim.job.attempt) == (State.WAITING, 0)
    assert await take_due(jobs) == []
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    (due,) = await take_due(jobs)
    assert (due.act, due.job.state, due.job.attempt) == (Act.CALL, State.SENDING, 1)
    assert due.job.request == later


async def test_untold_result_is_told_by_one_replica_until_announced(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    settled = await settle(jobs, event, ACCEPTED)
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    taken = await asyncio.gather(*(take_due(PostgresJobs(connections, 60)) for _ in range(4)))
    assert [len(claims) for claims in taken if claims] == [1]
    await jobs.announced(settled.job)
    assert await connections.fetchval("SELECT due_at IS NULL AND announced_at IS NOT NULL FROM dispatch.job")


@pytest.mark.parametrize(
    ("answer", "refused"),
    [(ACCEPTED, True), (REFUSED, False), (Unclear("?"), False)],
    ids=["sent", "failed", "unknown"],
)
async def test_resend_goes_only_where_the_named_message_did_not(
    jobs: PostgresJobs, answer: Answer, refused: bool
) -> None:
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, answer)
    again = await resend(jobs, make_request(resend_of=first.data.message_id))
    assert (again.act is Act.CALL) is not refused
    if refused:
        assert again.job.state is State.FAILED
        assert again.job.result is not None
        assert again.job.result["reason"] == "already_sent"


@pytest.mark.parametrize("state", ["sending", "resolving", "waiting"])
async def test_resend_of_a_message_under_way_waits_and_is_judged_by_what_became_of_it(
    connections: Pool, state: str
) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", look_up=True)})
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE, held=state == "waiting")
    if state == "waiting":
        await connections.execute("UPDATE dispatch.job SET due_at = now() + interval '1 hour'")
    if state == "resolving":
        await settle(jobs, first, Unclear("?"))
    again = await jobs.claim(make_request(resend_of=first.data.message_id), Lane.INTERACTIVE)
    assert (again.fresh, again.job.state, again.job.attempt) == (True, State.WAITING, 0)
    (judged,) = await take_due(jobs)
    assert (judged.act, judged.job.state, judged.job.attempt) == (Act.NOTHING, State.WAITING, 0)
    assert await take_due(jobs) == []
    await jobs.record_receipt(make_receipt(first, ReceiptStatus.SENT))
    await connections.execute("UPDATE dispatch.job SET due_at = now() WHERE state = 'waiting'")
    (judged,) = [one for one in await take_due(jobs) if one.job.message_id == again.job.message_id]
    assert (judged.act, judged.job.state) == (Act.NOTHING, State.FAILED)


async def test_untold_deferral_is_told_again_until_announced(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    busy = Refused(ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY, "wait", retry_after_seconds=300)
    put_off = (await settle(jobs, event, busy)).job
    assert await take_due(jobs) == [], "whoever put it off is telling it"
    for _ in range(2):
        await connections.execute("UPDATE dispatch.job SET tell_at = tell_at - interval '11 seconds'")
        taken = await asyncio.gather(*(take_due(PostgresJobs(connections, 60)) for _ in range(3)))
        ((again,),) = [claims for claims in taken if claims]
        assert (again.act, again.job.outcome) == (Act.NOTHING, "proactive.send_deferred.v1")
        assert (again.job.transition, again.job.due_at) == (put_off.transition, put_off.due_at)
    await jobs.announced(again.job)
    assert await connections.fetchval("SELECT tell_at IS NULL AND due_at > now() FROM dispatch.job")


@pytest.mark.parametrize("gate", ["paused", "rate", "blocked"])
async def test_same_id_is_not_called_again_behind_a_gate_and_stays_in_doubt(connections: Pool, gate: str) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", same_id_again=True)})
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    await settle(jobs, event, Unclear("?"))
    senders = await known_sender(connections, gate)
    if gate == "rate":
        await senders.limit(CHANNEL_ID, 0.01)
        await jobs.claim(make_request(), Lane.INTERACTIVE)
        (went,) = await take_due(jobs)
        assert went.act is Act.CALL
    due_now = "UPDATE dispatch.job SET due_at = now() WHERE state = 'resolving'"
    for _ in range(3):
        await connections.execute(due_now)
        assert await take_due(jobs) == []
        job = await find(jobs, event)
        assert (job.state, job.attempt, job.doubts, job.looks) == (State.RESOLVING, 1, (1,), 0)
    await connections.execute("UPDATE dispatch.sender SET tat = NULL, per_second = NULL")
    await senders.resume(CHANNEL_ID)
    await connections.execute(due_now)
    (again,) = await take_due(jobs)
    assert (again.act, again.job.attempt) == (Act.CALL, 2)


async def test_call_again_under_its_id_is_paid_from_the_senders_rate(connections: Pool) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", same_id_again=True)})
    events = [make_request() for _ in range(2)]
    for event in events:
        await jobs.claim(event, Lane.INTERACTIVE)
        await settle(jobs, event, Unclear("?"))
    senders = await known_sender(connections)
    await senders.limit(CHANNEL_ID, 0.01)
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    assert [one.act for one in await take_due(jobs)] == [Act.CALL]
    await jobs.claim(make_request(), Lane.INTERACTIVE)
    assert await take_due(jobs) == []


async def test_doubt_behind_a_pause_becomes_unknown_when_its_time_is_over(connections: Pool) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", same_id_again=True)})
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    await settle(jobs, event, Unclear("?"))
    await known_sender(connections, "paused")
    await connections.execute("UPDATE dispatch.job SET due_at = now(), not_after = now()")
    (ended,) = await take_due(jobs)
    assert (ended.act, ended.job.state) == (Act.NOTHING, State.UNKNOWN)


@pytest.mark.parametrize("news", ["receipt", "look-up", "nothing found"])
async def test_doubt_that_turned_out_well_was_no_failure_of_its_channel(connections: Pool, news: str) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", look_up=True)})
    senders = await known_sender(connections)
    events = [make_request() for _ in range(4)]
    for event in events:
        await jobs.claim(event, Lane.INTERACTIVE)
        await settle(jobs, event, Unclear("?"))
        await senders.report(CHANNEL_ID, Unclear("?"))
    for event in events[:2]:
        if news == "receipt":
            await jobs.record_receipt(make_receipt(event, ReceiptStatus.UNDELIVERED))
            await jobs.record_receipt(make_receipt(event, ReceiptStatus.DELIVERED))
        else:
            found = Accepted(str(event.data.message_id)) if news == "look-up" else None
            await jobs.settle("w1", event.data.message_id, LookedUp(0, found), "twilio")
    left = 4 if news == "nothing found" else 2
    assert await connections.fetchval("SELECT failures FROM dispatch.sender") == left


async def test_receipt_that_is_faster_than_a_time_out_leaves_no_failure(connections: Pool) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", receipts_echo=True)})
    senders = await known_sender(connections)
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    await jobs.record_receipt(make_receipt(event, ReceiptStatus.DELIVERED))
    await senders.report(CHANNEL_ID, Unclear("?"))
    await settle(jobs, event, Unclear("?"))
    assert await connections.fetchval("SELECT failures FROM dispatch.sender") == 0


async def test_receipt_does_not_close_an_open_breaker(connections: Pool) -> None:
    jobs = PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", receipts_echo=True)})
    senders = await known_sender(connections)
    event = make_request()
    await jobs.claim(event, Lane.INTERACTIVE)
    await settle(jobs, event, Unclear("?"))
    for _ in range(5):
        await senders.report(CHANNEL_ID, Unclear("?"))
    before = await connections.fetchrow("SELECT * FROM dispatch.sender")
    await jobs.record_receipt(make_receipt(event, ReceiptStatus.DELIVERED))
    assert (await find(jobs, event)).state is State.ACCEPTED
    assert await connections.fetchrow("SELECT * FROM dispatch.sender") == before


@pytest.mark.parametrize("news", ["receipt", "answer"])
@pytest.mark.parametrize("gate", ["paused", "blocked", "later"])
async def test_resend_behind_a_shut_gate_is_refused_once_the_first_one_was_sent(
    jobs: PostgresJobs, connections: Pool, gate: str, news: str
) -> None:
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, Unclear("?"))
    await known_sender(connections, gate)
    second = make_request(resend_of=first.data.message_id)
    third = make_request(resend_of=second.data.message_id)
    for one in (second, third):
        await jobs.claim(one, Lane.BULK)
    if gate == "later":
        await connections.execute("UPDATE dispatch.job SET due_at = now() + interval '1 hour' WHERE state = 'waiting'")
    await take_due(jobs)
    assert {(await find(jobs, one)).state for one in (second, third)} == {State.WAITING}
    if news == "receipt":
        await jobs.record_receipt(make_receipt(first, ReceiptStatus.DELIVERED))
    else:
        await settle(jobs, first, ACCEPTED)
    judged = {one.job.message_id: one for one in await take_due(jobs)}
    for one in (second, third):
        claim = judged[one.data.message_id]
        assert (claim.act, claim.job.state) == (Act.NOTHING, State.FAILED)
        assert claim.job.result is not None
        assert claim.job.result["reason"] == "already_sent"
        assert claim.job.result["earlier"]["status"] == (Status.DELIVERED if news == "receipt" else Status.SENT)
    assert await connections.fetchval("SELECT count(*) FROM dispatch.job WHERE state = 'waiting'") == 0


async def test_resend_behind_a_shut_gate_waits_while_the_first_one_may_not_have_been_sent(
    jobs: PostgresJobs, connections: Pool
) -> None:
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, ACCEPTED)
    await jobs.record_receipt(make_receipt(first, ReceiptStatus.UNDELIVERED))
    await known_sender(connections, "paused")
    again = make_request(resend_of=first.data.message_id)
    await jobs.claim(again, Lane.BULK)
    for _ in range(3):
        await take_due(jobs)
    assert (await find(jobs, again)).state is State.WAITING


async def test_resend_of_a_resend_that_was_refused_is_refused_for_the_first_ones_sake(jobs: PostgresJobs) -> None:
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, ACCEPTED)
    second = make_request(resend_of=first.data.message_id)
    refused = await resend(jobs, second)
    assert refused.job.state is State.FAILED
    third = await resend(jobs, make_request(resend_of=second.data.message_id))
    assert third.job.state is State.FAILED
    assert third.job.result is not None
    assert third.job.result["reason"] == "already_sent"


@pytest.mark.parametrize("replicas", [1, 2])
async def test_one_of_two_resends_of_a_message_goes(connections: Pool, replicas: int) -> None:
    """Each was asked for by somebody who did not know of the other."""
    both = [PostgresJobs(connections, 60) for _ in range(2)][-replicas:]
    first = make_request()
    await both[0].claim(first, Lane.INTERACTIVE)
    await settle(both[0], first, REFUSED)
    again = [make_request(resend_of=first.data.message_id) for _ in range(2)]
    for one in again:
        await both[0].claim(one, Lane.BULK)
    await asyncio.gather(*(take_due(jobs) for jobs in both))
    states = [(await find(both[0], one)).state for one in again]
    assert sorted(states) == [State.SENDING, State.WAITING]
    goes, waits = again if states[0] is State.SENDING else again[::-1]
    later = "UPDATE dispatch.job SET due_at = now() WHERE state = 'waiting'"
    await settle(both[0], goes, Unclear("?"))
    await connections.execute(later)
    await take_due(both[0])
    assert (await find(both[0], waits)).state is State.WAITING, "the other one may have been sent"
    await settle(both[0], goes, ACCEPTED)
    await connections.execute(later)
    (claim,) = [one for one in await take_due(both[0]) if one.job.message_id == waits.data.message_id]
    assert (claim.act, claim.job.state) == (Act.NOTHING, State.FAILED)
    assert claim.job.result is not None
    assert claim.job.result["reason"] == "already_sent"
    assert "another re-send" in claim.job.result["detail"]


async def test_resend_goes_after_another_one_that_did_not(jobs: PostgresJobs, connections: Pool) -> None:
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, REFUSED)
    second = make_request(resend_of=first.data.message_id)
    await resend(jobs, second)
    await settle(jobs, second, REFUSED)
    assert (await resend(jobs, make_request(resend_of=first.data.message_id))).act is Act.CALL


@pytest.mark.parametrize("news", ["verdict", "receipt"])
async def test_news_of_the_first_message_and_its_resend_follow_each_other(connections: Pool, news: str) -> None:
    """The news has locked the row and is not committed: the re-send does not go by what stood before."""
    jobs = PostgresJobs(connections, 60)
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, Unclear("?"))
    again = make_request(resend_of=first.data.message_id)
    await jobs.claim(again, Lane.BULK)
    change = "state = 'accepted'" if news == "verdict" else "receipt = 'delivered'"
    async with connections.acquire() as other, other.transaction():
        await other.execute(f"UPDATE dispatch.job SET {change} WHERE message_id = $1", first.data.message_id)
        await asyncio.wait_for(take_due(jobs), 2)
        assert (await find(jobs, again)).state is State.WAITING
    await connections.execute("UPDATE dispatch.job SET due_at = now() WHERE state = 'waiting'")
    await take_due(jobs)
    assert (await find(jobs, again)).state is State.FAILED


async def test_row_that_cannot_be_read_does_not_keep_the_others_from_their_turn(
    jobs: PostgresJobs, connections: Pool
) -> None:
    await jobs.claim(make_request(seconds=-1), Lane.INTERACTIVE)
    await jobs.claim(make_request(seconds=-1), Lane.INTERACTIVE)
    first = "(SELECT message_id FROM dispatch.job ORDER BY message_id LIMIT 1)"
    await connections.execute(f"UPDATE dispatch.job SET request = '{{}}' WHERE message_id = {first}")
    assert len(await take_due(jobs)) == 1


async def test_due_job_in_another_workers_hands_is_passed_over(jobs: PostgresJobs, connections: Pool) -> None:
    for _ in range(2):
        await jobs.claim(make_request(seconds=-1), Lane.INTERACTIVE)
    async with connections.acquire() as other, other.transaction():
        await other.execute("SELECT FROM dispatch.job LIMIT 1 FOR UPDATE")
        assert len(await asyncio.wait_for(take_due(jobs), 2)) == 1


async def test_resend_that_went_stays_as_it_is_when_it_comes_again(jobs: PostgresJobs) -> None:
    """The message that it names may be delivered by then; that changes nothing about what was sent."""
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, Unclear("?"))
    again = make_request(resend_of=first.data.message_id)
    await resend(jobs, again)
    settled = await settle(jobs, again, ACCEPTED)
    await jobs.record_receipt(make_receipt(first, ReceiptStatus.DELIVERED))
    twice = await resend(jobs, again)
    assert (twice.fresh, twice.job) == (False, settled.job)


@pytest.mark.parametrize(
    ("receipts", "kept", "may_go"),
    [
        (["undelivered"], "undelivered", True),
        (["failed", "sent"], "failed", True),
        (["sent", "undelivered"], "undelivered", True),
        (["undelivered", "delivered"], "delivered", False),
        (["delivered", "failed"], "delivered", False),
        (["read", "delivered"], "read", False),
    ],
)
async def test_best_receipt_decides_about_a_resend(
    jobs: PostgresJobs, receipts: list[str], kept: str, may_go: bool
) -> None:
    """A message that the provider took and could not deliver may be sent again; one that arrived may not."""
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, ACCEPTED)
    for receipt in receipts:
        await jobs.record_receipt(make_receipt(first, ReceiptStatus(receipt)))
    assert (await find(jobs, first)).receipt == kept
    again = await resend(jobs, make_request(resend_of=first.data.message_id))
    assert (again.act is Act.CALL) is may_go


async def test_text_of_which_a_part_failed_may_be_sent_again_though_another_part_arrived(jobs: PostgresJobs) -> None:
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, ACCEPTED)
    part = make_receipt(first, ReceiptStatus.UNDELIVERED).model_copy(update={"reason": FailureReason.PARTIAL})
    for receipt in (make_receipt(first, ReceiptStatus.DELIVERED), part, make_receipt(first, ReceiptStatus.READ)):
        await jobs.record_receipt(receipt)
    assert (await find(jobs, first)).receipt == "partial"
    again = await resend(jobs, make_request(resend_of=first.data.message_id))
    assert again.act is Act.CALL


async def test_resend_after_a_delivered_receipt_is_refused(jobs: PostgresJobs) -> None:
    first = make_request()
    await jobs.claim(first, Lane.INTERACTIVE)
    await settle(jobs, first, Unclear("?"))
    receipt = make_receipt(first, ReceiptStatus.DELIVERED)
    await jobs.record_receipt(receipt.model_copy(update={"channel_id": uuid4()}))
    assert (await find(jobs, first)).receipt is None
    await jobs.record_receipt(receipt)
    await jobs.record_receipt(receipt.model_copy(update={"status": ReceiptStatus.SENT}))
    again = await resend(jobs, make_request(resend_of=first.data.message_id))
    assert again.job.result is not None
    assert again.job.result["earlier"]["status"] == Status.DELIVERED


async def test_resend_of_a_message_that_never_came_keeps_it_from_coming_later(jobs: PostgresJobs) -> None:
    lost = make_request()
    again = await resend(jobs, make_request(resend_of=lost.data.message_id))
    assert again.act is Act.CALL
    late = await jobs.claim(lost, Lane.INTERACTIVE)
    assert (late.fresh, late.job.state) == (False, State.CANCELLED)
    assert late.job.outcome == "proactive.send_cancelled.v1"
    assert SendCancelled.model_validate(late.job.result).message_id == lost.data.message_id
    assert await take_due(jobs) == []


async def test_resend_and_its_late_original_at_once_never_both_go(connections: Pool) -> None:
    replicas = [PostgresJobs(connections, 60) for _ in range(4)]
    for round_number in range(20):
        lost = make_request()
        again = make_request(resend_of=lost.data.message_id)
        claims = await asyncio.gather(
            replicas[round_number % 4].claim(again, Lane.INTERACTIVE),
            replicas[(round_number + 1) % 4].claim(lost, Lane.INTERACTIVE),
            replicas[(round_number + 2) % 4].claim(again, Lane.INTERACTIVE),
            replicas[(round_number + 3) % 4].claim(lost, Lane.INTERACTIVE),
        )
        called = [claim.act for claim in claims].count(Act.CALL)
        judged = [claim.act for claim in await take_due(replicas[0])].count(Act.CALL)
        assert (called, judged) in {(0, 1), (1, 0)}, "the original is cancelled, or the re-send waits for it"


async def test_two_contents_under_one_id_in_one_batch_make_one_claim(jobs: PostgresJobs) -> None:
    first = make_request()
    other = make_request("Other", message_id=first.data.message_id)
    claims = await asyncio.gather(
        jobs.claim(make_request(), Lane.BULK),  # while this one is written, the next three make one batch
        jobs.claim(other, Lane.BULK),
        jobs.claim(first, Lane.BULK),
        jobs.claim(other, Lane.BULK),
    )
    assert [claim.fresh for claim in claims] == [True, True, False, False]
    assert {claim.job.event_id for claim in claims[1:]} == {other.id}


async def test_claims_of_the_same_messages_in_opposite_orders_do_not_block_each_other(connections: Pool) -> None:
    """Both stop at the middle message, which somebody else holds; then each would wait for what the other has."""
    messages = [make_request(message_id=UUID(int=number)) for number in (1, 2, 3)]
    claiming = []
    async with connections.acquire() as other:
        held = other.transaction()
        await held.start()
        await PostgresJobs(connections, 60)._claim_on(
            other, [Request(messages[1], Lane.BULK, "held", None, held=False)]
        )
        for order in (messages, messages[::-1]):
            jobs = PostgresJobs(connections, 60)
            batch = [make_request(), *order]  # the first goes alone, the rest as one batch
            claiming.append(asyncio.gather(*(jobs.claim(event, Lane.BULK) for event in batch)))
            await asyncio.sleep(0.1)
        await held.rollback()
    claims = [claim for batch in claiming for claim in await batch]
    assert sum(claim.fresh for claim in claims) == 5


async def test_batches_of_the_same_messages_in_any_order_do_not_block_each_other(connections: Pool) -> None:
    """Several workers claim, settle and announce the same rows in opposite orders; a deadlock would raise."""
    replicas = [PostgresJobs(connections, 60) for _ in range(6)]
    for _ in range(5):
        events = [make_request() for _ in range(80)]
        orders = [events if number % 2 else events[::-1] for number in range(6)]
        claims = await asyncio.gather(
            *(
                replica.claim(event, Lane.BULK)
                for replica, order in zip(replicas, orders, strict=True)
                for event in order
            )
        )
        assert sum(claim.fresh for claim in claims) == 80
        settled = await asyncio.gather(
            *(
                settle(replica, event, ACCEPTED)
                for replica, order in zip(replicas, orders, strict=True)
                for event in order
            )
        )
        done = [one.job for one in settled if one.changed]
        assert len(done) == 80
        await asyncio.gather(
            *(
                replica.announced(job)
                for number, replica in enumerate(replicas)
                for job in (done if number % 2 else done[::-1])
            )
        )
    assert await connections.fetchval("SELECT count(*) FROM dispatch.job WHERE due_at IS NOT NULL") == 0


async def test_every_request_of_the_contract_can_be_claimed(database_url: str) -> None:
    """One that the database refused would take its whole batch with it."""

    async def claim_all(found: list[SendRequested]) -> None:
        async with pool(database_url, application="test") as connections:
            jobs = PostgresJobs(connections, 60)
            events = [make_event(request, id=request_id(request), time=clock.now(), source="test") for request in found]
            claims = await asyncio.gather(*(jobs.claim(event, Lane.BULK) for event in events))
            for event, claim in zip(events, claims, strict=True):
                assert claim.job.request is not None
                assert not claim.fresh or claim.job.request == event.data
            await connections.execute("TRUNCATE dispatch.job, dispatch.sender, dispatch.host")

    def run(found: list[SendRequested]) -> None:
        asyncio.run(claim_all(found))

    await asyncio.to_thread(
        settings(max_examples=15, deadline=None)(given(st.lists(requests(), min_size=1, max_size=20))(run))
    )
