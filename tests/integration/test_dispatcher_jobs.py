"""The journal of claims on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain import job as domain
from dispatcher.domain.answers import Accepted, ErrorClass, Refused, Unclear
from dispatcher.domain.job import State
from dispatcher.storage import SOURCE
from dispatcher.storage.jobs import PostgresJobs, _Request
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus
from proactive_contracts.requests import SendRequested
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
    ],
    ids=["sent", "failed", "unknown"],
)
async def test_resend_goes_only_where_the_named_message_did_not(
    jobs: PostgresJobs, answer: Accepted | Refused | Unclear, refused: bool
) -> None:
    first = make_request()
    claim = await jobs.claim(first, Lane.INTERACTIVE)
    await jobs.settle(claim.job, domain.settle(first.data, 1, "twilio", answer))
    again = await jobs.claim_resend(make_request(resend_of=first.data.message_id), Lane.INTERACTIVE)
    assert again.fresh is not refused
    if refused:
        assert again.job.state is State.FAILED
        assert again.job.result is not None
        assert again.job.result["reason"] == "already_sent"


async def test_resend_of_a_message_under_way_waits_and_is_judged_by_what_became_of_it(
    jobs: PostgresJobs, connections: Pool
) -> None:
    first = make_request()
    claim = await jobs.claim(first, Lane.INTERACTIVE)
    again = await jobs.claim_resend(make_request(resend_of=first.data.message_id), Lane.INTERACTIVE)
    assert (again.fresh, again.job.state, again.job.attempt) == (False, State.WAITING, 0)
    await jobs.settle(claim.job, domain.settle(first.data, 1, "twilio", Accepted("SM1")))
    await connections.execute("UPDATE dispatch.job SET due_at = now() WHERE state = 'waiting'")
    (judged,) = await jobs.take_due(Channel.SMS, 10)
    assert (judged.fresh, judged.job.state) == (False, State.FAILED)


async def test_resend_of_a_resend_that_was_refused_is_refused_for_the_first_ones_sake(jobs: PostgresJobs) -> None:
    first = make_request()
    claim = await jobs.claim(first, Lane.INTERACTIVE)
    await jobs.settle(claim.job, domain.settle(first.data, 1, "twilio", Accepted("SM1")))
    second = make_request(resend_of=first.data.message_id)
    refused = await jobs.claim_resend(second, Lane.INTERACTIVE)
    assert refused.job.state is State.FAILED
    third = await jobs.claim_resend(make_request(resend_of=second.data.message_id), Lane.INTERACTIVE)
    assert third.job.state is State.FAILED
    assert third.job.result is not None
    assert third.job.result["reason"] == "already_sent"


async def test_row_that_cannot_be_read_does_not_keep_the_others_from_their_turn(
    jobs: PostgresJobs, connections: Pool
) -> None:
    await jobs.claim(make_request(seconds=-1), Lane.INTERACTIVE)
    await jobs.claim(make_request(seconds=-1), Lane.INTERACTIVE)
    first = "(SELECT message_id FROM dispatch.job ORDER BY message_id LIMIT 1)"
    await connections.execute(f"UPDATE dispatch.job SET request = '{{}}' WHERE message_id = {first}")
    assert len(await jobs.take_due(Channel.SMS, 10)) == 1


async def test_due_job_in_another_workers_hands_is_passed_over(jobs: PostgresJobs, connections: Pool) -> None:
    for _ in range(2):
        await jobs.claim(make_request(seconds=-1), Lane.INTERACTIVE)
    async with connections.acquire() as other, other.transaction():
        await other.execute("SELECT FROM dispatch.job LIMIT 1 FOR UPDATE")
        assert len(await asyncio.wait_for(jobs.take_due(Channel.SMS, 10), 2)) == 1


async def test_resend_that_went_stays_as_it_is_when_it_comes_again(jobs: PostgresJobs) -> None:
    """The message that it names may be delivered by then; that changes nothing about what was sent."""
    first = make_request()
    claim = await jobs.claim(first, Lane.INTERACTIVE)
    await jobs.settle(claim.job, domain.settle(first.data, 1, "twilio", Unclear("?")))
    again = make_request(resend_of=first.data.message_id)
    gone = await jobs.claim_resend(again, Lane.INTERACTIVE)
    settled = await jobs.settle(gone.job, accepted(again))
    await jobs.record_receipt(make_receipt(first, ReceiptStatus.DELIVERED))
    twice = await jobs.claim_resend(again, Lane.INTERACTIVE)
    assert (twice.fresh, twice.job) == (False, settled)


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
    claim = await jobs.claim(first, Lane.INTERACTIVE)
    await jobs.settle(claim.job, accepted(first))
    for receipt in receipts:
        await jobs.record_receipt(make_receipt(first, ReceiptStatus(receipt)))
    found = await jobs.find("w1", first.data.message_id)
    assert found is not None
    assert found.receipt == kept
    again = await jobs.claim_resend(make_request(resend_of=first.data.message_id), Lane.INTERACTIVE)
    assert again.fresh is may_go


async def test_resend_after_a_delivered_receipt_is_refused(jobs: PostgresJobs) -> None:
    first = make_request()
    claim = await jobs.claim(first, Lane.INTERACTIVE)
    await jobs.settle(claim.job, domain.settle(first.data, 1, "twilio", Unclear("?")))
    receipt = make_receipt(first, ReceiptStatus.DELIVERED)
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
    assert late.job.outcome == "proactive.send_cancelled.v1"
    assert SendCancelled.model_validate(late.job.result).message_id == lost.data.message_id
    assert await jobs.take_due(Channel.SMS, 10) == []


async def test_resend_and_its_late_original_at_once_never_both_go(connections: Pool) -> None:
    replicas = [PostgresJobs(connections, 60) for _ in range(4)]
    for round_number in range(20):
        lost = make_request()
        again = make_request(resend_of=lost.data.message_id)
        claims = await asyncio.gather(
            replicas[round_number % 4].claim_resend(again, Lane.INTERACTIVE),
            replicas[(round_number + 1) % 4].claim(lost, Lane.INTERACTIVE),
            replicas[(round_number + 2) % 4].claim_resend(again, Lane.INTERACTIVE),
            replicas[(round_number + 3) % 4].claim(lost, Lane.INTERACTIVE),
        )
        assert [claim.fresh for claim in claims].count(True) == 1


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
        await PostgresJobs(connections, 60)._claim_on(other, [_Request(messages[1], Lane.BULK, "held")])
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
                replica.settle(claim.job, accepted(event))
                for replica, order in zip(replicas, orders, strict=True)
                for event in order
                for claim in claims
                if claim.fresh and claim.job.event_id == event.id
            )
        )
        done = [job for job in settled if job is not None]
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
            await connections.execute("TRUNCATE dispatch.job")

    def run(found: list[SendRequested]) -> None:
        asyncio.run(claim_all(found))

    await asyncio.to_thread(
        settings(max_examples=15, deadline=None)(given(st.lists(requests(), min_size=1, max_size=20))(run))
    )
