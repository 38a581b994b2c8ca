"""New Intercom conversations: opened once the provider took the message, and linked from the note."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from directory import Workspace
from directory.retention import Kept
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.values import Contact, Service
from runtime import clock
from runtime.http import client_session
from runtime.postgres import Pool
from status_tracker.answers import as_message
from status_tracker.clients.connection import Connection
from status_tracker.clients.conversations import IntercomConversations
from status_tracker.clients.threads import IntercomThreads
from status_tracker.storage import retention
from status_tracker.thread import ThreadWriter
from tests.integration.tracker_support import FakeIntercom, make_recorder, open_storage, record, row_of
from tests.unit.status_tracker.making import Story, make_request

ADDRESS = "https://app.eu.intercom.com/a/inbox/w1/inbox/conversation/"


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


class Workspaces:
    """One connected workspace, in Europe."""

    def __init__(self, **settings: Any) -> None:
        self.workspace = Workspace(**{"id": "w1", "name": "Test", "region": "eu", **settings})

    async def get(self, workspace_id: str) -> Workspace | None:
        return self.workspace if workspace_id == "w1" else None

    async def token(self, workspace_id: str) -> str:
        return f"token-of-{workspace_id}"


@asynccontextmanager
async def running(
    storage: Pool, intercom: FakeIntercom, patience: float = 60, look: float = 0.2, **settings: Any
) -> AsyncIterator[ThreadWriter]:
    async with intercom.served() as url, client_session(5) as session:
        connection = Connection(session, Workspaces(**settings), url)  # type: ignore[arg-type]
        parts = IntercomThreads(connection), IntercomConversations(connection)
        writer = ThreadWriter(
            storage, *parts, poll_seconds=0.02, first_pause=0.02, patience_seconds=patience, look_seconds=look
        )
        async with writer:
            yield writer


async def outcomes(storage: Pool) -> dict[str, str]:
    """What the effects ended as, by kind; returns once all are closed."""
    async with asyncio.timeout(15):
        while await storage.fetchval("SELECT count(*) FROM tracker.effect WHERE closed_at IS NULL"):
            await asyncio.sleep(0.02)
    return {row["kind"]: row["outcome"] for row in await storage.fetch("SELECT kind, outcome FROM tracker.effect")}


async def sent(storage: Pool, **fields: Any) -> Story:
    story = Story(make_request(**{"open_new": True, **fields}))
    await record(make_recorder(storage), story.request, story.accepted())
    return story


async def shown(storage: Pool, story: Story) -> tuple[bool, list[str], str | None]:
    message = as_message(await row_of(storage, story.request))
    return message.open_new, message.opened_conversation_ids, message.open_failure


async def test_conversation_is_opened_as_the_sender_with_the_text_and_linked_in_the_note(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom):
        story = await sent(storage, text="5 < 6 & <b>7</b>\nYours")
        assert await outcomes(storage) == {"open": "opened", "sent": "written"}
    assert intercom.opened == [
        {
            "message_type": "in_app",
            "body": "<p>5 &lt; 6 &amp; &lt;b&gt;7&lt;/b&gt;<br>Yours</p>",
            "from": {"type": "admin", "id": 814860},
            "to": {"type": "user", "id": "6657add46abd0167d9419001"},
            "create_conversation_without_contact_reply": True,
        }
    ]
    assert await shown(storage, story) == (True, ["new1"], None)
    assert f'<a href="{ADDRESS}new1">' in intercom.notes[0][2]
    assert intercom.settled == [("new1", {"read": True})]


async def test_nothing_is_opened_where_nobody_asked_for_it(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom):
        story = await sent(storage, open_new=False)
        assert await outcomes(storage) == {"sent": "written"}
    assert intercom.opened == []
    assert "conversation" not in intercom.notes[0][2]
    assert await shown(storage, story) == (False, [], None)


async def test_nothing_is_opened_before_the_provider_took_the_message(storage: Pool) -> None:
    intercom = FakeIntercom()
    story = Story(make_request(open_new=True))
    async with running(storage, intercom):
        await record(make_recorder(storage), story.request, story.unknown())
        assert await outcomes(storage) == {"unknown": "written"}
        assert intercom.opened == []
        await record(make_recorder(storage), story.receipt(ReceiptStatus.DELIVERED))
        assert await outcomes(storage) == {"unknown": "written", "open": "opened", "sent": "written"}
    assert len(intercom.opened) == 1


async def test_later_receipts_open_nothing_more(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom):
        story = await sent(storage)
        await outcomes(storage)
        for status in (ReceiptStatus.DELIVERED, ReceiptStatus.READ):
            await record(make_recorder(storage), story.receipt(status))
        assert await outcomes(storage) == {"open": "opened", "sent": "written"}
    assert intercom.tries == 1


async def test_message_that_failed_meanwhile_opens_nothing(storage: Pool) -> None:
    intercom = FakeIntercom()
    story = await sent(storage)
    await record(make_recorder(storage), story.receipt(ReceiptStatus.UNDELIVERED))
    async with running(storage, intercom):
        assert await outcomes(storage) == {"open": "refused", "sent": "overtaken", "failed": "written"}
    assert intercom.opened == []
    assert await shown(storage, story) == (True, [], "The message did not reach the customer: Failed.")


async def test_workspace_may_want_it_assigned_and_left_unread(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom, open_new_read=False, open_new_assign=True):
        await sent(storage)
        await outcomes(storage)
    assigned = {"message_type": "assignment", "type": "admin", "admin_id": "814860", "assignee_id": "814860"}
    assert intercom.settled == [("new1", assigned)]


async def test_service_opens_as_the_default_teammate_and_assigns_nobody(storage: Pool) -> None:
    intercom = FakeIntercom()
    settings: dict[str, Any] = {"default_admin_id": "814861", "open_new_assign": True}
    async with running(storage, intercom, **settings):
        await sent(storage, requested_by=Service(name="billing"), conversation_id=None)
        assert await outcomes(storage) == {"open": "opened"}
    assert intercom.opened[0]["from"] == {"type": "admin", "id": 814861}
    assert intercom.settled == [("new1", {"read": True})]


async def test_lead_that_was_merged_is_written_to_as_the_user_they_became(storage: Pool) -> None:
    intercom = FakeIntercom(contact={"id": "6657add46abd0167d9419009", "role": "user"})
    async with running(storage, intercom):
        await sent(storage, contact=Contact(id="6657add46abd0167d9419006", role="lead"))
        await outcomes(storage)
    assert intercom.opened[0]["to"] == {"type": "user", "id": "6657add46abd0167d9419009"}


@pytest.mark.parametrize(
    ("contact", "role", "words"),
    [(None, "user", "names no user or lead"), (Contact(id="c9"), "visitor", "this one is a visitor")],
)
async def test_without_a_user_or_lead_it_is_refused_with_the_reason(
    storage: Pool, contact: Contact | None, role: str, words: str
) -> None:
    intercom = FakeIntercom(contact={"id": "c9", "role": role})
    async with running(storage, intercom):
        story = await sent(storage, contact=contact)
        assert await outcomes(storage) == {"open": "refused", "sent": "written"}
    _, opened, failure = await shown(storage, story)
    assert (opened, words in (failure or "")) == ([], True)
    assert "The new conversation could not be opened." in intercom.notes[0][2]


async def test_refusal_for_good_is_told_in_the_history_and_in_the_note(storage: Pool) -> None:
    intercom = FakeIntercom(openings=[422])
    async with running(storage, intercom):
        story = await sent(storage)
        assert await outcomes(storage) == {"open": "refused", "sent": "written"}
    assert (await shown(storage, story))[2] == "Intercom refused it (422 made_up as the test wants)."
    assert "Intercom refused it (422" in intercom.notes[0][2]


@pytest.mark.parametrize("trouble", [429, 401, 403, 404])
async def test_trouble_that_passes_is_waited_for(storage: Pool, trouble: int) -> None:
    intercom = FakeIntercom(openings=[trouble])
    async with running(storage, intercom):
        await sent(storage)
        assert await outcomes(storage) == {"open": "opened", "sent": "written"}
    assert len(intercom.opened) == 1


async def test_contact_that_stays_unknown_is_refused_after_some_minutes(storage: Pool) -> None:
    story = await sent(storage)
    await storage.execute("UPDATE tracker.effect SET recorded_at = now() - interval '11 minutes'")
    async with running(storage, FakeIntercom(contact=None)):
        assert (await outcomes(storage))["open"] == "refused"
    assert (await shown(storage, story))[2] == "Intercom does not know this user or lead (404)."


async def test_opening_whose_answer_was_lost_is_found_and_not_repeated(storage: Pool) -> None:
    intercom = FakeIntercom(openings=["lost"])
    async with running(storage, intercom):
        story = await sent(storage)
        assert await outcomes(storage) == {"open": "opened", "sent": "written", "look": "nothing_more"}
    assert intercom.tries == 1
    assert await shown(storage, story) == (True, ["new1"], None)


async def test_opening_that_was_lost_and_not_found_in_time_is_repeated_and_both_are_shown(storage: Pool) -> None:
    intercom = FakeIntercom(openings=["lost"], found=False)
    real_message = intercom.message

    async def found_from_the_second_on(request: Any) -> Any:
        intercom.found = intercom.tries == 1
        return await real_message(request)

    intercom.message = found_from_the_second_on  # type: ignore[method-assign]
    async with running(storage, intercom):
        story = await sent(storage)
        assert await outcomes(storage) == {"open": "opened", "sent": "written", "look": "nothing_more"}
    opened = (await shown(storage, story))[1]
    assert sorted(opened) == ["new1", "new2"]
    assert all(f"{ADDRESS}{one}" in intercom.notes[0][2] for one in opened)


async def test_what_intercom_leaves_unclear_again_and_again_is_opened_twice_at_most(storage: Pool) -> None:
    intercom = FakeIntercom(openings=["lost"] * 5, found=False)
    async with running(storage, intercom, look=4):
        story = await sent(storage)
        async with asyncio.timeout(10):
            while (failure := (await shown(storage, story))[2]) is None:
                await asyncio.sleep(0.02)
        assert "customer's profile" in failure
        intercom.found = True
        ended = await outcomes(storage)
    assert (ended["open"], ended["look"], ended["found"]) == ("refused", "found", "written")
    assert len(intercom.opened) == 2
    assert await shown(storage, story) == (True, ["new1", "new2"], None)
    assert all(f"{ADDRESS}{one}" in intercom.notes[-1][2] for one in ("new1", "new2"))


async def test_refusals_do_not_count_as_unclear(storage: Pool) -> None:
    intercom = FakeIntercom(openings=[401, 401, 401, "lost", 401, 200], found=False)
    async with running(storage, intercom):
        story = await sent(storage)
        assert (await outcomes(storage))["open"] == "opened"
    assert (await shown(storage, story))[1] == ["new2"]


async def test_thread_is_told_of_what_was_found_after_it_was_given_up(storage: Pool) -> None:
    intercom = FakeIntercom(openings=["lost"] + [401] * 500, found=False)
    async with running(storage, intercom, patience=0, look=2):
        story = await sent(storage)
        async with asyncio.timeout(10):
            while not intercom.notes:
                await asyncio.sleep(0.02)
            await storage.execute(
                "UPDATE tracker.effect SET recorded_at = now() - interval '25 hours' WHERE kind = 'open'"
            )
            while len(intercom.notes) < 2:
                await asyncio.sleep(0.02)
        assert "could not be opened" in intercom.notes[-1][2]
        intercom.found = True
        assert (await outcomes(storage))["found"] == "written"
    assert f"{ADDRESS}new1" in intercom.notes[-1][2]
    assert (await shown(storage, story))[1:] == (["new1"], None)


async def test_conversation_is_not_opened_with_a_text_that_is_not_kept_any_more(storage: Pool) -> None:
    intercom = FakeIntercom()
    story = Story(make_request(open_new=True, at=clock.now() - timedelta(days=31)))
    async with running(storage, intercom):
        await record(make_recorder(storage), story.request, story.unknown())
        await outcomes(storage)
        await retention.remove(storage, Kept("w1", 30, 13))
        await record(make_recorder(storage), story.receipt(ReceiptStatus.DELIVERED))
        assert (await outcomes(storage))["open"] == "refused"
    assert intercom.opened == []
    assert "not kept any more" in ((await shown(storage, story))[2] or "")
    assert all("(removed)" not in note[2] for note in intercom.notes)


async def test_opening_that_is_found_much_later_is_shown_and_noted_as_well(storage: Pool) -> None:
    intercom = FakeIntercom(openings=["lost"], found=False)
    async with running(storage, intercom, look=4):
        story = await sent(storage)
        async with asyncio.timeout(10):
            while (await shown(storage, story))[1] != ["new2"]:
                await asyncio.sleep(0.02)
        intercom.found = True
        ended = {"open": "opened", "sent": "written", "look": "found", "found": "written"}
        assert await outcomes(storage) == ended
    assert sorted((await shown(storage, story))[1]) == ["new1", "new2"]
    assert all(f"{ADDRESS}{one}" in intercom.notes[1][2] for one in ("new1", "new2"))
    assert "<b>Opened new conversations:</b>" in intercom.notes[1][2]
    assert {one for one, _ in intercom.settled} == {"new1", "new2"}


async def test_conversation_of_another_message_with_the_same_text_is_not_taken_for_ours(storage: Pool) -> None:
    intercom = FakeIntercom()
    async with running(storage, intercom):
        first = await sent(storage)
        await outcomes(storage)
        intercom.openings = [500]
        second = await sent(storage)
        assert await outcomes(storage) == {"open": "opened", "sent": "written", "look": "nothing_more"}
    assert (await shown(storage, first))[1] == ["new1"]
    assert (await shown(storage, second))[1] == ["new2"]


@pytest.mark.parametrize(
    ("author_type", "author_id", "delivered_as"),
    [
        ("user", "6657add46abd0167d9419001", "customer_initiated"),
        ("lead", "814860", "customer_initiated"),
        ("admin", "814861", "admin_initiated"),
        ("admin", "814860", "automated"),
        ("bot", "814860", "operator_initiated"),
    ],
)
async def test_conversation_that_another_began_with_the_same_words_is_not_taken_for_ours(
    storage: Pool, author_type: str, author_id: str, delivered_as: str
) -> None:
    intercom = FakeIntercom(openings=[500])
    intercom.begin(author_type, author_id, delivered_as, "<p>Hello Anna</p>")
    async with running(storage, intercom):
        story = await sent(storage)
        assert await outcomes(storage) == {"open": "opened", "sent": "written", "look": "nothing_more"}
    assert (await shown(storage, story))[1] == ["new1"]
    assert [one for one, _ in intercom.settled] == ["new1"]


async def test_opening_of_a_writer_that_died_is_looked_for(storage: Pool) -> None:
    intercom = FakeIntercom()
    story = await sent(storage)
    await storage.execute(
        "UPDATE tracker.effect SET attempts = 1, may_exist = true, lease_until = now() - interval '1 second'"
        " WHERE kind = 'open'"
    )
    opened = {"body": "<p>Hello Anna</p>", "from": {"id": 814860}, "to": {"id": "6657add46abd0167d9419001"}}
    intercom.opened.append(opened)
    async with running(storage, intercom):
        assert await outcomes(storage) == {"open": "opened", "sent": "written", "look": "nothing_more"}
    assert intercom.tries == 0
    assert (await shown(storage, story))[1] == ["new1"]


async def test_text_that_intercom_took_without_saying_where_is_not_sent_again(storage: Pool) -> None:
    intercom = FakeIntercom(names_conversation=False, found=False)
    async with running(storage, intercom):
        story = await sent(storage)
        assert await outcomes(storage) == {"open": "refused", "sent": "written"}
    assert intercom.tries == 1
    assert "does not say where" in ((await shown(storage, story))[2] or "")


async def test_note_does_not_wait_for_ever_and_another_one_brings_the_link(storage: Pool) -> None:
    intercom = FakeIntercom(openings=[401] * 4)
    async with running(storage, intercom, patience=0):
        await sent(storage)
        assert await outcomes(storage) == {"open": "opened", "sent": "written", "opened": "written"}
    assert "The new conversation is not open yet" in intercom.notes[0][2]
    assert f"{ADDRESS}new1" in intercom.notes[1][2]


async def test_trouble_after_opening_opens_nothing_again(storage: Pool) -> None:
    intercom = FakeIntercom(settling=[500, 429])
    async with running(storage, intercom):
        story = await sent(storage)
        assert await outcomes(storage) == {"open": "opened", "sent": "written"}
    assert intercom.tries == 1
    assert intercom.settled == [("new1", {"read": True})]
    assert (await shown(storage, story))[1] == ["new1"]


async def test_history_is_right_while_the_conversation_is_not_open_yet(storage: Pool) -> None:
    story = await sent(storage)
    message = as_message(await row_of(storage, story.request))
    assert message.status == "sent"
    assert await shown(storage, story) == (True, [], None)
