"""Two who know different things of one job, on a real PostgreSQL: who comes later decides by what is there then."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

import directory
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.states import Act, Answered, Capabilities, State
from dispatcher.ports import Room, Settled
from dispatcher.storage import SOURCE
from dispatcher.storage.jobs import PostgresJobs
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Lane, Service, TextContent
from runtime import clock
from runtime.migrations import migrate
from runtime.postgres import Pool, pool

REFUSED = Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "no")


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Pool]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [directory.SOURCE, SOURCE])
    await connection.execute("TRUNCATE dispatch.job")
    await connection.close()
    async with pool(database_url, application="test") as opened:
        yield opened


@pytest.fixture
def jobs(connections: Pool) -> PostgresJobs:
    return PostgresJobs(connections, 60, {"twilio": Capabilities("twilio", look_up=True)})


async def claimed(jobs: PostgresJobs, *, held: bool = False) -> Event[SendRequested]:
    """A message that is being sent, or waits for its turn."""
    request = SendRequested(
        message_id=uuid4(),
        workspace_id="w1",
        channel=Channel.SMS,
        channel_id=UUID("0b5ad1a0-0000-4000-8000-000000000001"),
        recipient="+4915112345678",
        content=TextContent(text="Hello"),
        requested_by=Service(name="test"),
        not_after=clock.now() + timedelta(minutes=10),
    )
    event = make_event(request, id=request_id(request), time=clock.now(), source="test")
    assert (await jobs.claim(event, Lane.INTERACTIVE, "twilio", held=held)).fresh
    return event


async def due_now(connections: Pool, event: Event[SendRequested]) -> None:
    await connections.execute("UPDATE dispatch.job SET due_at = now() WHERE message_id = $1", event.data.message_id)


async def settle(jobs: PostgresJobs, event: Event[SendRequested], answer: Answer) -> Settled:
    settled = await jobs.settle("w1", event.data.message_id, Answered(1, answer), "twilio")
    assert settled is not None
    return settled


async def test_decisions_of_two_replicas_about_one_job_follow_each_other(jobs: PostgresJobs, connections: Pool) -> None:
    event = await claimed(jobs)
    async with connections.acquire() as other:
        deciding = other.transaction()
        await deciding.start()
        await other.execute(
            "UPDATE dispatch.job SET state = 'accepted', provider_message_id = 'SM1' WHERE message_id = $1",
            event.data.message_id,
        )
        settling = asyncio.create_task(settle(jobs, event, REFUSED))
        await asyncio.wait({settling}, timeout=0.3)
        assert not settling.done()
        await deciding.commit()
    settled = await settling
    assert (settled.changed, settled.job.state) == (False, State.ACCEPTED)


async def test_telling_an_earlier_result_leaves_the_present_one_untold(jobs: PostgresJobs, connections: Pool) -> None:
    event = await claimed(jobs)
    doubtful = await settle(jobs, event, Unclear("?"))
    accepted = await settle(jobs, event, Accepted("SM1"))
    assert (doubtful.job.state, accepted.job.state) == (State.RESOLVING, State.ACCEPTED)
    untold = "SELECT due_at IS NOT NULL AND announced_at IS NULL FROM dispatch.job WHERE message_id = $1"
    await jobs.announced(doubtful.job)
    assert await connections.fetchval(untold, event.data.message_id)
    await jobs.announced(accepted.job)
    assert not await connections.fetchval(untold, event.data.message_id)


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (State.WAITING, Act.CALL),
        (State.SENDING, Act.NOTHING),
        (State.RESOLVING, Act.LOOK_UP),
        (State.ACCEPTED, Act.NOTHING),
    ],
)
async def test_what_another_replica_has_in_hand_is_passed_over(
    jobs: PostgresJobs, connections: Pool, state: State, act: Act
) -> None:
    """Taken twice, a waiting job would be sent twice."""
    event = await claimed(jobs, held=state is State.WAITING)
    if state in {State.RESOLVING, State.ACCEPTED}:
        await settle(jobs, event, Unclear("?") if state is State.RESOLVING else Accepted("SM1"))
    await due_now(connections, event)
    async with connections.acquire() as other, other.transaction():
        await other.execute("SELECT FROM dispatch.job WHERE message_id = $1 FOR UPDATE", event.data.message_id)
        async with asyncio.timeout(2):
            taken = await jobs.take_due(Channel.SMS, Room(10))
        assert [claim.job.message_id for claim in taken.claims] == []
    taken = await jobs.take_due(Channel.SMS, Room(10))
    assert [(claim.job.message_id, claim.act) for claim in taken.claims] == [(event.data.message_id, act)]


async def test_worker_that_lost_an_answer_leaves_others_claims_alone(jobs: PostgresJobs, connections: Pool) -> None:
    """It looks for claims that it was never told of; those of a live worker look just the same, but for the worker."""
    await claimed(jobs)
    other = PostgresJobs(connections, 60)
    other._unsure_until = time.monotonic() + 60
    assert (await other.take_due(Channel.SMS, Room(10))).claims == []
