"""Notes in Intercom conversations: at most once each, whatever Intercom does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from directory import Workspace
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.values import Service
from runtime.http import client_session
from runtime.postgres import Pool
from status_tracker.clients.connection import Connection
from status_tracker.clients.conversations import IntercomConversations
from status_tracker.clients.threads import IntercomThreads
from status_tracker.domain.findings import not_taken
from status_tracker.domain.notes import Kind, marker
from status_tracker.handlers import Fact
from status_tracker.storage import entries
from status_tracker.thread import ThreadWriter
from tests.integration.tracker_support import FakeIntercom, make_recorder, open_storage, record
from tests.unit.status_tracker.making import NOON, Story, make_request


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


class Workspaces:
    """One connected workspace."""

    def __init__(self, default_admin_id: str | None = "814861") -> None:
        self.workspace = Workspace(id="w1", name="Test", default_admin_id=default_admin_id)

    async def get(self, workspace_id: str) -> Workspace | None:
        return self.workspace if workspace_id == "w1" else None

    async def token(self, workspace_id: str) -> str:
        return f"token-of-{workspace_id}"


@asynccontextmanager
async def running(
    storage: Pool, intercom: FakeIntercom, default_admin_id: str | None = "814861", writers: int = 1
) -> AsyncIterator[None]:
    async with intercom.served() as url, client_session(5) as session:
        connection = Connection(session, Workspaces(default_admin_id), url)  # type: ignore[arg-type]
        parts = IntercomThreads(connection), IntercomConversations(connection)
        first, *others = [ThreadWriter(storage, *parts, poll_seconds=0.02, first_pause=0.02) for _ in range(writers)]
        async with first:
            if others:
                async with others[0]:
                    yield
            else:
                yield


async def outcomes(storage: Pool) -> dict[str, str]:
    """What the effects ended as, by kind; returns once all are closed."""
    async with asyncio.timeout(15):
        while await storage.fetchval("SELECT count(*) FROM tracker.effect WHERE closed_at IS NULL"):
            await asyncio.sleep(0.02)
    return {row["kind"]: row["outcome"] for row in await storage.fetch("SELECT kind, outcome FROM tracker.effect")}


async def sent(storage: Pool, **fields: object) -> Story:
    story = Story(make_request(**fields))  # type: ignore[arg-type]
    await record(make_recorder(storage), story.request, story.accepted())
    return story


async def test_sent_message_is_noted_once_as_its_sender(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom):
        story = await sent(storage)
        assert await outcomes(storage) == {"sent": "written"}
        await record(make_recorder(storage), story.receipt(ReceiptStatus.DELIVERED))
        assert await outcomes(storage) == {"sent": "written"}
    ((conversation_id, admin_id, body),) = intercom.notes
    assert (conversation_id, admin_id) == ("215470001", "814860")
    assert marker(story.request.data.message_id, Kind.SENT) in body
    assert intercom.looks == 0


async def test_later_failure_is_noted_as_well(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom):
        story = await sent(storage)
        await outcomes(storage)
        await record(make_recorder(storage), story.receipt(ReceiptStatus.UNDELIVERED, code="30003"))
        assert await outcomes(storage) == {"sent": "written", "failed": "written"}
    assert "<b>SMS message failed</b>" in intercom.notes[1][2]


async def test_note_of_a_service_is_written_as_the_default_teammate(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom):
        await sent(storage, requested_by=Service(name="billing"))
        assert await outcomes(storage) == {"sent": "written"}
    assert intercom.notes[0][1] == "814861"
    assert "by billing" in intercom.notes[0][2]


async def test_without_a_teammate_to_write_as_it_is_closed_with_the_reason(storage: Pool) -> None:
    async with running(storage, FakeIntercom(), default_admin_id=None):
        await sent(storage, requested_by=Service(name="billing"))
        assert await outcomes(storage) == {"sent": "refused"}
    assert "default_admin_id" in await storage.fetchval("SELECT detail FROM tracker.effect")


async def test_message_without_a_conversation_gets_no_note(storage: Pool) -> None:
    await sent(storage, conversation_id=None)
    assert await storage.fetchval("SELECT count(*) FROM tracker.effect") == 0


async def test_note_whose_answer_was_lost_is_found_and_not_written_again(storage: Pool) -> None:
    intercom = FakeIntercom(answers=["lost"])
    async with running(storage, intercom):
        await sent(storage)
        assert await outcomes(storage) == {"sent": "found"}
    assert (len(intercom.notes), intercom.writes, intercom.looks) == (1, 1, 1)


async def test_note_that_failed_with_a_server_error_is_looked_for_and_then_written(storage: Pool) -> None:
    intercom = FakeIntercom(answers=[500, 503])
    async with running(storage, intercom):
        await sent(storage)
        assert await outcomes(storage) == {"sent": "written"}
    assert (len(intercom.notes), intercom.writes, intercom.looks) == (1, 3, 2)


async def test_rate_limit_is_waited_for_without_a_look(storage: Pool) -> None:
    intercom = FakeIntercom(answers=[429])
    async with running(storage, intercom):
        await sent(storage)
        assert await outcomes(storage) == {"sent": "written"}
    assert (len(intercom.notes), intercom.looks) == (1, 0)


async def test_rate_limit_holds_all_notes_of_the_workspace_until_its_reset(storage: Pool) -> None:
    resets_at = int(time.time()) + 3
    intercom = FakeIntercom(answers=[429], reset=str(resets_at))
    await sent(storage)
    other = await sent(storage, conversation_id="215470002")
    await storage.execute(
        "UPDATE tracker.effect SET due_at = now() + interval '1 second' WHERE message_id = $1",
        other.request.data.message_id,
    )
    async with running(storage, intercom):
        assert await outcomes(storage) == {"sent": "written"}
    closed = await storage.fetch("SELECT extract(epoch FROM closed_at)::float8 AS at FROM tracker.effect")
    assert all(row["at"] >= resets_at for row in closed)
    assert (len(intercom.notes), intercom.writes, intercom.looks) == (2, 3, 0)


async def test_note_that_intercom_answered_too_late_is_found_and_not_written_again(
    storage: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_tracker.clients.connection.CALL_SECONDS", 0.5)
    intercom = FakeIntercom(answers=["late"])
    async with running(storage, intercom):
        await sent(storage)
        assert await outcomes(storage) == {"sent": "found"}
    assert (len(intercom.notes), intercom.writes) == (1, 1)


async def test_what_was_not_confirmed_and_then_stopped_is_told(storage: Pool) -> None:
    intercom, story = FakeIntercom(), Story(make_request())
    asked = story.request.data
    finding = not_taken(story.request.id, (asked.workspace_id, asked.message_id), asked.channel_id, NOON)
    async with running(storage, intercom):
        await record(make_recorder(storage), story.request)
        await make_recorder(storage).record(Fact(finding))
        assert await outcomes(storage) == {"untaken": "written"}
        await record(make_recorder(storage), story.cancelled())
        assert await outcomes(storage) == {"untaken": "written", "stopped": "written"}
    first, second = (body for _, _, body in intercom.notes)
    assert "<b>SMS message not confirmed</b>" in first
    assert "<b>SMS message cancelled</b>" in second
    assert "Stopped by Maria Lopez." in second


async def test_part_that_failed_after_delivery_is_told(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom):
        story = await sent(storage)
        await outcomes(storage)
        part = story.receipt(ReceiptStatus.UNDELIVERED, code="30003", reason=FailureReason.PARTIAL)
        await record(make_recorder(storage), story.receipt(ReceiptStatus.DELIVERED), part)
        assert await outcomes(storage) == {"sent": "written", "partial": "written"}
    assert FailureReason.PARTIAL.advice in intercom.notes[1][2]


async def test_refusal_is_closed_with_its_reason(storage: Pool) -> None:
    intercom = FakeIntercom(answers=[404])
    async with running(storage, intercom):
        await sent(storage)
        assert await outcomes(storage) == {"sent": "refused"}
    assert "404" in await storage.fetchval("SELECT detail FROM tracker.effect")


async def test_token_that_does_not_work_is_tried_again(storage: Pool) -> None:
    intercom = FakeIntercom(answers=[401])
    async with running(storage, intercom):
        await sent(storage)
        assert await outcomes(storage) == {"sent": "written"}


async def test_unknown_workspace_is_closed_with_the_reason(storage: Pool) -> None:
    async with running(storage, FakeIntercom()):
        await sent(storage, workspace_id="w9")
        assert await outcomes(storage) == {"sent": "refused"}


async def test_after_a_day_of_trouble_it_is_given_up(storage: Pool) -> None:
    await sent(storage)
    await storage.execute("UPDATE tracker.effect SET recorded_at = now() - interval '25 hours'")
    async with running(storage, FakeIntercom(answers=[500])):
        assert await outcomes(storage) == {"sent": "given_up"}


async def test_notes_of_a_conversation_come_in_order_although_the_first_has_trouble(storage: Pool) -> None:
    intercom = FakeIntercom(answers=[429])
    async with running(storage, intercom):
        first, second = await sent(storage, text="first"), await sent(storage, text="second")
        await outcomes(storage)
    assert ["first" in intercom.notes[0][2], "second" in intercom.notes[1][2]] == [True, True]
    assert first.request.id != second.request.id


async def test_change_while_a_note_is_made_is_told_by_the_next_note_alone(
    storage: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    intercom, story = FakeIntercom(), Story(make_request())
    shown_of = entries.shown_of
    changes = [story.receipt(ReceiptStatus.UNDELIVERED)]

    async def changing(*about: Any) -> Any:
        while changes:
            await record(make_recorder(storage), changes.pop())
        return await shown_of(*about)

    monkeypatch.setattr(entries, "shown_of", changing)
    await record(make_recorder(storage), story.request, story.accepted())
    async with running(storage, intercom):
        assert await outcomes(storage) == {"sent": "overtaken", "failed": "written"}
    [(_, _, html)] = intercom.notes
    assert marker(story.request.data.message_id, Kind.FAILED) in html


async def test_note_that_something_worse_overtook_is_not_written(storage: Pool) -> None:
    intercom = FakeIntercom()
    story = await sent(storage)
    await record(make_recorder(storage), story.receipt(ReceiptStatus.FAILED))
    async with running(storage, intercom):
        assert await outcomes(storage) == {"sent": "overtaken", "failed": "written"}
    assert len(intercom.notes) == 1


async def test_note_of_a_writer_that_died_is_looked_for_when_its_lease_lapsed(storage: Pool) -> None:
    intercom = FakeIntercom()
    story = await sent(storage)
    await storage.execute(
        "UPDATE tracker.effect SET attempts = 1, may_exist = true, lease_until = now() - interval '1 second'"
    )
    reference = marker(story.request.data.message_id, Kind.SENT)
    intercom.notes.append(("215470001", "814860", f"<p>written before the crash, Ref {reference}</p>"))
    async with running(storage, intercom):
        assert await outcomes(storage) == {"sent": "found"}
    assert intercom.writes == 0


async def test_two_writers_write_each_note_once(storage: Pool) -> None:
    intercom = FakeIntercom()
    recorder = make_recorder(storage)
    for number in range(15):
        story = Story(make_request(conversation_id=f"c{number % 4}"))
        await record(recorder, story.request, story.accepted())
    async with running(storage, intercom, writers=2):
        assert await outcomes(storage) == {"sent": "written"}
    assert len(intercom.notes) == len({body for _, _, body in intercom.notes}) == 15


async def test_verdict_is_noted_once_after_what_may_have_been_sent(storage: Pool) -> None:
    intercom, story = FakeIntercom(), Story(make_request())
    async with running(storage, intercom):
        await record(make_recorder(storage), story.request, story.unknown())
        await outcomes(storage)
        verdict = story.resolved("not_sent")
        await record(make_recorder(storage), verdict, verdict)
        assert await outcomes(storage) == {"unknown": "written", "refuted": "written"}
    first, second = (body for _, _, body in intercom.notes)
    assert "may have been sent" in first
    assert "Maria Lopez marked it as not sent." in second


async def test_effect_that_always_fails_unforeseen_is_given_up_with_the_reason_and_holds_back_no_other(
    storage: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_tracker.thread.MAX_FAILURES", 3)
    intercom, story = FakeIntercom(), Story(make_request())
    await record(make_recorder(storage), story.request, story.unknown())
    await storage.execute("UPDATE tracker.effect SET kind = 'newer'")
    async with running(storage, intercom):
        other = await sent(storage)
        assert await outcomes(storage) == {"newer": "given_up", "sent": "written"}
    row = await storage.fetchrow("SELECT attempts, failures, detail FROM tracker.effect WHERE kind = 'newer'")
    assert row is not None
    assert (row["attempts"], row["failures"]) == (3, 3)
    assert row["detail"] == "Something unexpected went wrong (ValueError)."
    assert [body for _, _, body in intercom.notes if marker(other.request.data.message_id, Kind.SENT) in body]


async def test_note_about_a_message_that_cannot_be_read_is_tried_again_until_it_can(storage: Pool) -> None:
    intercom = FakeIntercom()
    story = await sent(storage)
    await storage.execute("UPDATE tracker.entry SET source = 'newer' WHERE event = 'send_accepted'")
    async with running(storage, intercom):
        async with asyncio.timeout(10):
            while not await storage.fetchval("SELECT failures FROM tracker.effect"):
                await asyncio.sleep(0.02)
        await storage.execute("UPDATE tracker.entry SET source = 'dispatcher' WHERE source = 'newer'")
        assert await outcomes(storage) == {"sent": "written"}
    assert story.request.data.thread.conversation_id == intercom.notes[0][0]
