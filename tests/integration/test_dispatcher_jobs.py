"""The journal of claims on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from dispatcher.domain import job as domain
from dispatcher.domain.answers import Accepted, ErrorClass, Refused, Unclear
from dispatcher.domain.job import State
from dispatcher.storage import SOURCE
from dispatcher.storage.jobs import PostgresJobs
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Channel, FailureReason, Lane, Service, TextContent
from runtime import clock
from runtime.migrations import migrate
from runtime.postgres import Pool, pool

CHANNEL_ID = UUID("0b5ad1a0-0000-4000-8000-000000000001")


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Pool]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [SOURCE])
    await connection.execute("TRUNCATE dispatch.job")
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


def accepted(event: Event[SendRequested], attempt: int = 1) -> domain.Settlement:
    return domain.settle(event.data, attempt, "twilio", Accepted("SM1", 1))


async def test_first_coming_claims_and_the_second_finds_its_row(jobs: PostgresJobs) -> None:
    event = make_request()
    first = await jobs.claim(event, Lane.INTERACTIVE)
    second = await jobs.claim(event, Lane.INTERACTIVE)
    assert (first.fresh, first.job.state, first.job.attempt) == (True, State.SENDING, 1)
    assert (second.fresh, second.job.state) == (False, State.SENDING)
    assert 590 < first.seconds_left <= 600


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
    settled = await jobs.settle(claim.job, accepted(event))
    assert settled is not None
    assert settled.state is State.ACCEPTED
    assert settled.transition == claim.job.transition + 1
    refused = Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "no")
    assert await jobs.settle(claim.job, domain.settle(event.data, 1, "twilio", refused)) is None
    found = await jobs.find("w1", event.data.message_id)
    assert found is not None
    assert found.state is State.ACCEPTED


async def test_late_outcome_of_an_older_attempt_is_fenced_off(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    claim = await jobs.claim(event, Lane.INTERACTIVE)
    await connections.execute("UPDATE dispatch.job SET attempt = 2")
    assert await jobs.settle(claim.job, accepted(event)) is None


async def test_lapsed_lease_becomes_unknown_and_a_late_answer_settles_it(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    claim = await jobs.claim(event, Lane.INTERACTIVE)
    await connections.execute("UPDATE dispatch.job SET due_at = now() - interval '1 second'")
    (lapsed,) = await jobs.take_due(Channel.SMS, 10)
    assert (lapsed.fresh, lapsed.job.state) == (False, State.UNKNOWN)
    late = await jobs.settle(claim.job, accepted(event))
    assert late is not None
    assert late.state is State.ACCEPTED


async def test_live_lease_is_left_alone(jobs: PostgresJobs) -> None:
    await jobs.claim(make_request(), Lane.INTERACTIVE)
    assert await jobs.take_due(Channel.SMS, 10) == []


async def test_too_late_request_expires_without_a_call(jobs: PostgresJobs) -> None:
    claim = await jobs.claim(make_request(seconds=-1), Lane.INTERACTIVE)
    assert claim.job.state is State.WAITING
    (expired,) = await jobs.take_due(Channel.SMS, 10)
    assert (expired.fresh, expired.job.state) == (False, State.EXPIRED)


async def test_waiting_job_is_claimed_once_its_time_has_come(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    later = event.data.model_copy(update={"not_before": clock.now() + timedelta(seconds=300)})
    event = make_event(later, id=request_id(later), time=clock.now(), source="test")
    claim = await jobs.claim(event, Lane.BULK)
    assert (claim.job.state, claim.job.attempt) == (State.WAITING, 0)
    assert await jobs.take_due(Channel.SMS, 10) == []
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    (due,) = await jobs.take_due(Channel.SMS, 10)
    assert (due.fresh, due.job.state, due.job.attempt) == (True, State.SENDING, 1)
    assert due.job.request == later


async def test_untold_result_is_told_by_one_replica_until_announced(jobs: PostgresJobs, connections: Pool) -> None:
    event = make_request()
    claim = await jobs.claim(event, Lane.INTERACTIVE)
    settled = await jobs.settle(claim.job, accepted(event))
    assert settled is not None
    await connections.execute("UPDATE dispatch.job SET due_at = now()")
    taken = await asyncio.gather(*(PostgresJobs(connections, 60).take_due(Channel.SMS, 10) for _ in range(4)))
    assert [len(claims) for claims in taken if claims] == [1]
    await jobs.announced(settled)
    assert await connections.fetchval("SELECT due_at IS NULL AND announced_at IS NOT NULL FROM dispatch.job")


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (Accepted("SM1"), True),
        (Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "no"), False),
        (Unclear("?"), False),
        (None, True),
    ],
    ids=["sent", "failed", "unknown", "still sending"],
)
async def test_resend_goes_only_where_the_named_message_did_not(
    jobs: PostgresJobs, answer: Accepted | Refused | Unclear | None, refused: bool
) -> None:
    first = make_request()
    claim = await jobs.claim(first, Lane.INTERACTIVE)
    if answer is not None:
        await jobs.settle(claim.job, domain.settle(first.data, 1, "twilio", answer))
    again = await jobs.claim_resend(make_request(resend_of=first.data.message_id), Lane.INTERACTIVE)
    assert again.fresh is not refused
    if refused:
        assert again.job.state is State.FAILED
        assert again.job.result is not None
        assert again.job.result["reason"] == "already_sent"


async def test_resend_after_a_delivered_receipt_is_refused(jobs: PostgresJobs) -> None:
    first = make_request()
    claim = await jobs.claim(first, Lane.INTERACTIVE)
    await jobs.settle(claim.job, domain.settle(first.data, 1, "twilio", Unclear("?")))
    receipt = DeliveryReported(
        message_id=first.data.message_id,
        workspace_id="w1",
        channel=Channel.SMS,
        channel_id=CHANNEL_ID,
        provider="twilio",
        provider_message_id="SM1",
        status=ReceiptStatus.DELIVERED,
        reported_at=clock.now(),
    )
    await jobs.record_receipt(receipt.model_copy(update={"channel_id": uuid4()}))
    found = await jobs.find("w1", first.data.message_id)
    assert found is not None
    assert found.receipt is None
    await jobs.record_receipt(receipt)
    await jobs.record_receipt(receipt.model_copy(update={"status": ReceiptStatus.SENT}))
    again = await jobs.claim_resend(make_request(resend_of=first.data.message_id), Lane.INTERACTIVE)
    assert again.job.result is not None
    assert again.job.result["earlier"]["status"] == Status.DELIVERED


async def test_resend_of_a_message_that_never_came_keeps_it_from_coming_later(jobs: PostgresJobs) -> None:
    lost = make_request()
    again = await jobs.claim_resend(make_request(resend_of=lost.data.message_id), Lane.INTERACTIVE)
    assert again.fresh
    late = await jobs.claim(lost, Lane.INTERACTIVE)
    assert (late.fresh, late.job.state) == (False, State.CANCELLED)
