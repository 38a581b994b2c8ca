"""What the dispatcher removes: texts and jobs after their time, and everything of a person who is erased."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

import directory
from directory import Erasures, Vault
from directory.retention import Kept
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.states import Answered, CancelAsked, Job, State
from dispatcher.handlers import Dispatch
from dispatcher.ports import Room
from dispatcher.storage import SOURCE, retention
from dispatcher.storage.erasing import PostgresErasing
from dispatcher.storage.jobs import PostgresJobs
from dispatcher.storage.recipients import Recipients
from dispatcher.storage.retention import Retention
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Contact, Lane, Service, TextContent
from runtime import clock
from runtime.migrations import migrate
from runtime.postgres import Pool, pool
from tests.support.plans import rows_read
from tests.unit.dispatcher.builders import make_channel
from tests.unit.dispatcher.fakes import FakeAnnouncements, FakeCalls, FakeChannels, FakeLookingProvider

CHANNEL_ID = UUID("0b5ad1a0-0000-4000-8000-000000000001")
NUMBER, OTHER = "+4915112345678", "+4915187654321"
KEPT = Kept("w1", 30, 13)
TAKEN = Accepted("wamid.HBgNNDkxNTExMjM0NTY3OA==", 1)
REFUSED = Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, f"{NUMBER} is no number")


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Pool]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [directory.SOURCE, SOURCE])
    await connection.execute("TRUNCATE dispatch.job, dispatch.recipient, directory.workspace CASCADE")
    await connection.close()
    async with pool(database_url, application="test") as opened:
        yield opened


@pytest.fixture
def jobs(connections: Pool) -> PostgresJobs:
    return PostgresJobs(connections, lease_seconds=60)


def make_request(text: str = "Hello", **changes: Any) -> Event[SendRequested]:
    fields: dict[str, Any] = {
        "message_id": uuid4(),
        "workspace_id": "w1",
        "channel": Channel.SMS,
        "channel_id": CHANNEL_ID,
        "recipient": NUMBER,
        "content": TextContent(text=text),
        "requested_by": Service(name="test"),
        "contact": Contact(id="6657add46abd0167d9419001", name="Anna Schmidt"),
        "not_after": clock.now() + timedelta(minutes=10),
    }
    request = SendRequested(**fields | changes)
    return make_event(request, id=request_id(request), time=clock.now(), source="test")


async def ended(jobs: PostgresJobs, event: Event[SendRequested], answer: Answer = TAKEN, *, told: bool = True) -> Job:
    """A job that came to this answer."""
    await jobs.claim(event, Lane.BULK, "twilio")
    settled = await jobs.settle("w1", event.data.message_id, Answered(1, answer), "twilio")
    assert settled is not None
    if told:
        await jobs.announced(settled.job)
    return settled.job


async def age(connections: Pool, **times: str) -> None:
    """Make every job as old as that."""
    changes = ", ".join(f"{name} = now() - interval '{ago}'" for name, ago in times.items())
    await connections.execute(f"UPDATE dispatch.job SET {changes}")


async def find(jobs: PostgresJobs, event: Event[SendRequested]) -> Job:
    job = await jobs.find("w1", event.data.message_id)
    assert job is not None
    return job


def make_receipt(event: Event[SendRequested], status: ReceiptStatus) -> DeliveryReported:
    return DeliveryReported(
        message_id=event.data.message_id,
        workspace_id="w1",
        channel=Channel.SMS,
        channel_id=CHANNEL_ID,
        provider="twilio",
        provider_message_id=TAKEN.provider_message_id,
        status=status,
        reported_at=clock.now(),
    )


async def test_text_goes_after_its_time_and_nothing_else_does(connections: Pool, jobs: PostgresJobs) -> None:
    event = make_request("Gone soon")
    before = await ended(jobs, event)
    await age(connections, since="29 days")
    assert await Retention(connections).remove(KEPT) == (0, 0)
    await age(connections, since="31 days")
    assert await Retention(connections).remove(KEPT) == (1, 0)
    assert await Retention(connections).remove(KEPT) == (0, 0)
    after = await find(jobs, event)
    assert (after.request, after.state, after.digest, after.result) == (
        None,
        State.ACCEPTED,
        before.digest,
        before.result,
    )
    stored = await connections.fetchval("SELECT request FROM dispatch.job")
    assert stored == event.data.model_dump(mode="json", exclude_none=True, exclude={"content"})


async def test_message_is_known_by_its_digest_when_its_text_is_gone(connections: Pool, jobs: PostgresJobs) -> None:
    event = make_request()
    job = await ended(jobs, event)
    await age(connections, since="31 days")
    await Retention(connections).remove(KEPT)
    again = await jobs.claim(event, Lane.BULK)
    assert (again.fresh, again.job.digest) == (False, job.digest)


async def test_resend_of_what_was_sent_is_refused_when_both_texts_are_gone(
    connections: Pool, jobs: PostgresJobs
) -> None:
    first = make_request()
    await ended(jobs, first)
    second = make_request(resend_of=first.data.message_id)
    await jobs.claim(second, Lane.BULK)
    [refused] = (await jobs.take_due(Channel.SMS, Room(10))).claims
    await jobs.announced(refused.job)
    await age(connections, since="31 days")
    assert await Retention(connections).remove(KEPT) == (2, 0)
    third = make_request(resend_of=second.data.message_id)
    await jobs.claim(third, Lane.BULK)
    [judged] = (await jobs.take_due(Channel.SMS, Room(10))).claims
    assert (judged.job.state, (judged.job.result or {})["reason"]) == (State.FAILED, FailureReason.ALREADY_SENT)


async def test_receipt_that_comes_after_the_text_went_is_believed(connections: Pool, jobs: PostgresJobs) -> None:
    event = make_request()
    assert (await ended(jobs, event, Unclear("time-out"))).state is State.UNKNOWN
    await age(connections, since="31 days")
    assert await Retention(connections).remove(KEPT) == (1, 0)
    await jobs.record_receipt(make_receipt(event, ReceiptStatus.DELIVERED))
    assert (await find(jobs, event)).state is State.ACCEPTED


async def test_what_is_not_done_or_not_told_keeps_its_text_and_its_row(connections: Pool, jobs: PostgresJobs) -> None:
    waiting = make_request(not_before=clock.now() + timedelta(minutes=5))
    await jobs.claim(waiting, Lane.BULK)
    sending = make_request()
    await jobs.claim(sending, Lane.BULK)
    await ended(jobs, make_request(), told=False)
    overtaken = await ended(jobs, make_request())
    told_again = "UPDATE dispatch.job SET tell_at = now() WHERE message_id = $1"
    await connections.execute(told_again, overtaken.message_id)
    await age(connections, since="3 years", not_after="2 years")
    assert await Retention(connections).remove(KEPT) == (0, 0)
    assert await connections.fetchval("SELECT count(*) FROM dispatch.job WHERE request ? 'content'") == 4


@pytest.mark.parametrize(
    ("since", "not_after", "removed"),
    [("14 months", "14 months", 1), ("14 months", "29 days", 0), ("12 months", "12 months", 0)],
)
async def test_job_goes_after_its_time_and_never_while_its_id_must_be_known(
    connections: Pool, jobs: PostgresJobs, since: str, not_after: str, removed: int
) -> None:
    await ended(jobs, make_request())
    await age(connections, since=since, not_after=not_after)
    assert (await Retention(connections).remove(KEPT))[1] == removed


async def test_workspaces_keep_what_they_want_and_others_by_default(connections: Pool, jobs: PostgresJobs) -> None:
    await connections.execute(
        "INSERT INTO directory.workspace (id, name, region, time_zone, open_new_read, open_new_assign, sealed_token, "
        "keep_text_days, keep_rest_months) VALUES ('w1', 'w', 'us', 'UTC', false, false, '', 7, 3)"
    )
    await ended(jobs, make_request())
    await jobs.claim(make_request(workspace_id="elsewhere"), Lane.BULK)
    found = {one.workspace_id: one for one in await Retention(connections).kept()}
    assert found == {"w1": Kept("w1", 7, 3), "elsewhere": Kept("elsewhere", 30, 13)}


async def test_replicas_pass_each_other_by(connections: Pool, jobs: PostgresJobs) -> None:
    await ended(jobs, make_request())
    await age(connections, since="31 days")
    async with connections.acquire() as other, other.transaction():
        await other.execute("SELECT FROM dispatch.job FOR UPDATE")
        assert await Retention(connections).remove(KEPT) == (0, 0)
    assert await Retention(connections).remove(KEPT) == (1, 0)


async def test_batches_read_what_they_remove_however_much_is_kept(connections: Pool) -> None:
    await connections.execute(
        """
        INSERT INTO dispatch.job (workspace_id, message_id, event_id, digest, channel, channel_id, lane, state, attempt,
                                  not_after, since, request)
        SELECT 'w1', gen_random_uuid(), gen_random_uuid(), 'd', 'sms', $1, 'bulk', 'accepted', 1,
               now() - interval '40 days', now() - n * interval '1 minute', CASE WHEN n < 60000 THEN $2::jsonb
               ELSE $2::jsonb - 'content' END
        FROM generate_series(1, 70000) AS n
        """,
        CHANNEL_ID,
        make_request().data.model_dump(mode="json"),
    )
    await connections.execute("ANALYZE dispatch.job")
    for statement, time in ((retention.REMOVE_TEXTS, 30), (retention.REMOVE_JOBS, 1)):
        assert await rows_read(connections, "job", statement, "w1", time, 50) <= 250, statement
    assert await rows_read(connections, "job", retention.REMOVE_JOBS, "w1", 13, 50) == 0


async def test_person_is_erased_once_everything_has_ended(connections: Pool, jobs: PostgresJobs) -> None:
    erasing = PostgresErasing(connections)
    sent, refused, stays = make_request("To be erased"), make_request(), make_request("Stays", recipient=OTHER)
    for event, answer in ((sent, TAKEN), (refused, REFUSED), (stays, TAKEN)):
        await ended(jobs, event, answer)
    waiting = make_request(not_before=clock.now() + timedelta(minutes=5))
    await jobs.claim(waiting, Lane.BULK)
    flying = make_request()
    await jobs.claim(flying, Lane.BULK)
    found = await erasing.find("w1", NUMBER, None)
    assert found.waiting == [waiting.data.message_id]
    assert found.under_way == [flying.data.message_id]
    assert set(found.ended) == {sent.data.message_id, refused.data.message_id}

    by = Service(name="an operator")
    await jobs.settle("w1", waiting.data.message_id, CancelAsked(by), tell_in=0)
    await erasing.erase("w1", NUMBER, None)
    [told] = (await jobs.take_due(Channel.SMS, Room(10))).claims
    assert (told.job.message_id, told.job.state) == (waiting.data.message_id, State.CANCELLED)
    await jobs.announced(told.job)
    settled = await jobs.settle("w1", flying.data.message_id, Answered(1, TAKEN), "twilio")
    assert settled is not None
    await jobs.announced(settled.job)
    assert len((await erasing.find("w1", NUMBER, None)).ended) == 2
    await erasing.erase("w1", NUMBER, None)
    await erasing.erase("w1", NUMBER, None)

    assert with_one_of(await all_rows(connections), NUMBER[1:], "To be erased", "Anna Schmidt") == 1  # the other's
    assert with_one_of(await all_rows(connections), OTHER[1:], "Stays") == 1
    assert (await find(jobs, sent)).state is State.ACCEPTED
    assert not (await erasing.find("w1", NUMBER, None)).ended


def make_reply(sender: str = NUMBER) -> ReplyReceived:
    return ReplyReceived(
        workspace_id="w1",
        channel=Channel.SMS,
        channel_id=CHANNEL_ID,
        provider="twilio",
        provider_message_id=uuid4().hex,
        sender=sender,
        text="Hello back",
        received_at=clock.now(),
    )


async def known_of(connections: Pool) -> list[str]:
    """Of whom it is known when they wrote or opted out."""
    return [row["recipient"] for row in await connections.fetch("SELECT recipient FROM dispatch.recipient ORDER BY 1")]


async def test_when_somebody_wrote_or_opted_out_is_forgotten_with_the_rest(connections: Pool) -> None:
    people = Recipients(connections)
    await people.opted_out(make_request().data, "21610")
    await people.seen(make_reply(OTHER))
    await connections.execute("UPDATE dispatch.recipient SET opted_out_at = now() - interval '14 months'")
    assert await Retention(connections).remove(KEPT) == (0, 1)
    assert await known_of(connections) == [OTHER]


async def test_when_an_erased_person_wrote_or_opted_out_is_erased_as_well(
    connections: Pool, jobs: PostgresJobs
) -> None:
    people, erasing = Recipients(connections), PostgresErasing(connections)
    await people.seen(make_reply())
    await people.seen(make_reply(OTHER))
    assert (await erasing.find("w1", NUMBER, None)).recipients == 1
    await erasing.erase("w1", NUMBER, None)
    assert await known_of(connections) == [OTHER]

    later = make_request()
    await ended(jobs, later, REFUSED)
    await people.opted_out(later.data, "21610")
    assert (await erasing.find("w1", NUMBER, [uuid4()])).recipients == 0
    await erasing.erase("w1", NUMBER, [later.data.message_id])
    assert await known_of(connections) == [OTHER]


async def test_only_the_messages_that_are_meant_are_erased(connections: Pool, jobs: PostgresJobs) -> None:
    erasing = PostgresErasing(connections)
    meant, later = make_request(), make_request()
    await ended(jobs, meant)
    await ended(jobs, later)
    only = [meant.data.message_id]
    assert list((await erasing.find("w1", NUMBER, only)).ended) == only
    await erasing.erase("w1", NUMBER, only)
    assert (await find(jobs, meant)).request is None
    assert (await find(jobs, later)).request is not None


async def test_late_receipt_of_an_erased_message_brings_no_id_back(connections: Pool, jobs: PostgresJobs) -> None:
    event = make_request()
    await ended(jobs, event, Unclear("time-out"))
    erasing = PostgresErasing(connections)
    assert len((await erasing.find("w1", NUMBER, None)).under_way) == 1, "its call may still be answered"
    await age(connections, since="2 minutes")
    await erasing.erase("w1", NUMBER, None)
    await jobs.record_receipt(make_receipt(event, ReceiptStatus.DELIVERED))
    job = await find(jobs, event)
    assert (job.receipt, job.provider_message_id) == ("delivered", "erased")


async def all_rows(connections: Pool) -> list[str]:
    return [row["words"] for row in await connections.fetch("SELECT to_jsonb(j)::text AS words FROM dispatch.job j")]


def with_one_of(rows: list[str], *words: str) -> int:
    return sum(any(word in row for word in words) for row in rows)


async def test_request_from_before_an_erasure_is_cancelled_and_one_from_after_it_is_sent(
    connections: Pool, jobs: PostgresJobs
) -> None:
    erasures = Erasures(connections, Vault([SecretStr(Fernet.generate_key().decode())]))
    provider, told = FakeLookingProvider(), FakeAnnouncements()
    dispatch = Dispatch(
        jobs,
        FakeChannels(make_channel()),
        {provider.name: provider},
        FakeCalls(),
        told,
        webhooks_url="https://p.example/",
        call_seconds=20,
        lease_seconds=60,
        erased=erasures,
    )
    acks = []

    async def taken() -> None:
        acks.append(1)

    before, strangers = make_request(), make_request(recipient=OTHER)
    await erasures.note("w1", NUMBER)
    after = make_request()
    for event in (before, before, strangers, after):
        await dispatch.on_request(event, Lane.BULK, taken)
    assert len(acks) == 4
    assert [message.message_id for message in provider.messages] == [strangers.data.message_id, after.data.message_id]
    stopped = await find(jobs, before)
    assert (stopped.state, stopped.request, stopped.event_id) == (State.CANCELLED, None, before.id)
    assert [event.type for event, _ in told.events[:2]] == ["proactive.send_cancelled.v1"] * 2
    assert len({event.id for event, _ in told.events[:2]}) == 1
    assert {event.causationid for event, _ in told.events[:2]} == {before.id}
    assert with_one_of(await all_rows(connections), NUMBER[1:]) == 1
