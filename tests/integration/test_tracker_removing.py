"""What the tracker removes: texts and messages after their time, and everything of a person who is erased."""

import csv
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

import directory
from directory.retention import Kept
from proactive_contracts.envelope import Event, text_digest
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status
from proactive_contracts.values import TemplateContent, TemplateVariable
from runtime import clock
from runtime.http import serve
from runtime.migrations import migrate
from runtime.postgres import Pool
from status_tracker import export
from status_tracker.answers import as_message, as_message_with_timeline
from status_tracker.domain.entries import Request, entry_of
from status_tracker.handlers import Fact
from status_tracker.operators import operators_app
from status_tracker.retaining import Retaining
from status_tracker.storage import entries, erasing, history, replies, retention
from status_tracker.storage.filters import Filters
from tests.integration.tracker_support import announced, make_recorder, open_storage, record, row_of
from tests.support.plans import rows_read
from tests.unit.status_tracker.making import PHONE, Story, make_reply, make_request

OTHER = "+4915187654321"
KEPT = Kept("w1", 30, 13)
NOW = clock.now().replace(microsecond=0)


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [directory.SOURCE])
    await connection.close()
    async with open_storage(database_url) as opened:
        yield opened


def days_ago(days: float) -> dict[str, Any]:
    return {"at": NOW - timedelta(days=days)}


async def delivered(storage: Pool, request: Event[SendRequested], *, noted: bool = True, told: bool = True) -> Story:
    """A message whose life is over, as far as `noted` in Intercom and `told` to listeners."""
    story = Story(request)
    await record(make_recorder(storage), request, story.accepted(), story.receipt(ReceiptStatus.DELIVERED))
    if noted:
        await storage.execute("UPDATE tracker.effect SET closed_at = now(), detail = 'told'")
    if told:
        await storage.execute("DELETE FROM tracker.outgoing")
    return story


async def holding(storage: Pool, *words: str) -> list[str]:
    """The tables of which a row holds one of these words."""
    tables = ("message", "request", "entry", "provider_message", "reply", "outgoing", "effect", "opened")
    found = []
    for table in tables:
        patterns = [f"%{word}%" for word in words]
        if await storage.fetchval(
            f"SELECT EXISTS (SELECT FROM tracker.{table} t WHERE to_jsonb(t)::text LIKE ANY($1))", patterns
        ):
            found.append(table)
    return found


async def rows(storage: Pool) -> dict[str, int]:
    """How many rows each table has."""
    tables = ("message", "request", "entry", "provider_message", "reply", "effect", "opened")
    return {table: await storage.fetchval(f"SELECT count(*) FROM tracker.{table}") for table in tables}


async def test_text_goes_after_its_time_and_it_is_said_since_when(storage: Pool) -> None:
    story = await delivered(storage, make_request("Gone soon", **days_ago(31)))
    young = await delivered(storage, make_request("Still there", **days_ago(29)))
    assert await retention.remove(storage, KEPT) == (1, 0, False)
    assert await retention.remove(storage, KEPT) == (0, 0, False)
    assert await holding(storage, "Gone soon") == []
    shown = as_message(await row_of(storage, story.request))
    assert (shown.text, shown.text_kept_days, shown.recipient) == (None, 30, PHONE)
    assert shown.text_removed_at is not None
    kept = as_message(await row_of(storage, young.request))
    assert (kept.text, kept.text_removed_at, kept.text_kept_days) == ("Still there", None, None)


async def test_late_receipt_of_a_message_without_text_is_told(storage: Pool) -> None:
    story = await delivered(storage, make_request("Gone soon", **days_ago(31)))
    await retention.remove(storage, KEPT)
    await record(make_recorder(storage), story.receipt(ReceiptStatus.READ), story.request)
    assert [one["data"]["status"] for one in await announced(storage)] == ["read"]
    shown = as_message(await row_of(storage, story.request))
    assert (shown.status, shown.recipient, shown.text) == ("read", PHONE, None)
    assert await holding(storage, "Gone soon") == []


async def words_known(storage: Pool, event: Event[SendRequested]) -> str | None:
    """By which the same words would be recognised."""
    statement = "SELECT text_digest FROM tracker.message WHERE message_id = $1"
    digest: str | None = await storage.fetchval(statement, event.data.message_id)
    return digest


async def test_words_are_not_recognised_without_their_text_whatever_comes_later(storage: Pool) -> None:
    removed = await delivered(storage, make_request("Gone soon", **days_ago(31)))
    erased = await delivered(storage, make_request("Gone as well", recipient=OTHER))
    assert await words_known(storage, removed.request) == text_digest("Gone soon")
    await retention.remove(storage, KEPT)
    await erasing.erase(storage, "w1", OTHER, None)
    for story in (removed, erased):
        assert await words_known(storage, story.request) is None
        await record(make_recorder(storage), story.receipt(ReceiptStatus.READ), story.request)
        assert as_message(await row_of(storage, story.request)).status == "read"
        assert await words_known(storage, story.request) is None


async def test_pages_searches_and_exports_tell_what_was_removed(storage: Pool) -> None:
    removed = await delivered(storage, make_request("Gone soon", **days_ago(31)))
    erased = await delivered(storage, make_request("Gone as well", recipient=OTHER))
    await retention.remove(storage, KEPT)
    await erasing.erase(storage, "w1", OTHER, None)

    async def ids(**filters: Any) -> list[UUID]:
        found = await history.page(storage, "w1", Filters(**filters), None, 10)
        return [as_message(one).message_id for one in found.messages]

    both = [erased.request.data.message_id, removed.request.data.message_id]
    assert await ids() == await ids(statuses=[Status.DELIVERED]) == both
    assert await ids(search=PHONE) == both[1:]
    assert await ids(search=OTHER) == []
    assert await ids(search=both[0]) == both[:1]
    exported = b"".join([part async for part in export.rows(storage, "w1", Filters())]).decode()
    told = {row["message_id"]: row for row in csv.DictReader(exported.splitlines())}
    first, second = (told[str(message_id)] for message_id in both)
    assert (first["recipient"], first["text"], first["contact_name"], first["status"]) == ("", "", "", "delivered")
    assert first["erased_at"]
    assert first["text_removed_at"]
    assert (second["recipient"], second["text"], second["erased_at"]) == (PHONE, "", "")
    assert second["text_removed_at"]


async def test_text_of_a_version_that_came_later_goes_after_its_own_time(storage: Pool) -> None:
    story = await delivered(storage, make_request("Gone soon", **days_ago(80)))
    await retention.remove(storage, KEPT)
    for days, removed in ((29, 0), (31, 1)):
        later = make_request(f"Late {days}", message_id=story.request.data.message_id, **days_ago(days))
        await record(make_recorder(storage), later, Story(later).refused_as_changed())
        assert (await retention.remove(storage, KEPT))[0] == removed
    assert await holding(storage, "Late 31") == []
    assert await holding(storage, "Late 29") == ["request"]


async def test_what_is_under_way_or_still_to_be_noted_is_never_touched(storage: Pool) -> None:
    await record(make_recorder(storage), make_request("Queued", **days_ago(900)))
    await delivered(storage, make_request("Not noted", **days_ago(900)), noted=False)
    assert await retention.remove(storage, KEPT) == (0, 0, False)
    assert await holding(storage, "Queued", "Not noted") == ["request"]


async def test_texts_of_replies_go_and_the_timeline_says_that_there_was_one(storage: Pool) -> None:
    story = await delivered(storage, make_request(**days_ago(31)))
    await replies.keep(storage, make_reply("My answer", at=story.request.time + timedelta(minutes=1)))
    await storage.execute("UPDATE tracker.reply SET recorded_at = now() - interval '31 days'")
    assert (await retention.remove(storage, KEPT))[0] == 2
    assert await holding(storage, "My answer") == []
    remembered = await row_of(storage, story.request)
    key = ("w1", story.request.data.message_id)
    said, answers = await entries.timeline_of(storage, key), await replies.to_message(storage, remembered)
    line = as_message_with_timeline(remembered, said, answers).timeline[-1]
    assert (line.event, line.detail) == ("reply", None)


async def test_message_goes_with_everything_about_it(storage: Pool) -> None:
    old = await delivered(storage, make_request(**days_ago(420)))
    await replies.keep(storage, make_reply(at=NOW, message_id=old.request.data.message_id))
    await storage.execute(
        "INSERT INTO tracker.opened (workspace_id, conversation_id, message_id) VALUES ('w1', '1', $1)",
        old.request.data.message_id,
    )
    assert (await retention.remove(storage, KEPT))[1] == 1
    assert set((await rows(storage)).values()) == {0}


async def test_what_nobody_asked_for_goes_as_well(storage: Pool) -> None:
    story, unmatched = Story(make_request()), Story(make_request())
    await record(make_recorder(storage), story.accepted(), unmatched.receipt(ReceiptStatus.SENT, echoed=False))
    assert (await retention.remove(storage, KEPT))[1] == 0
    await storage.execute("UPDATE tracker.entry SET recorded_at = now() - interval '14 months'")
    assert (await retention.remove(storage, KEPT))[1] == 2
    assert set((await rows(storage)).values()) == {0}


async def test_loop_goes_on_until_nothing_is_left(storage: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention.remove, "__defaults__", (2,))
    for _ in range(5):
        await delivered(storage, make_request("Gone soon", **days_ago(31)))
    retaining = Retaining(storage, poll_seconds=60)
    turns = [await retaining.turn() for _ in range(3)]
    assert turns == [True, True, False]
    assert await holding(storage, "Gone soon") == []


async def test_batches_read_what_they_remove_however_much_is_kept(storage: Pool) -> None:
    request = make_request()
    await storage.execute(
        """
        INSERT INTO tracker.message (workspace_id, message_id, event_id, requested_at, not_after, status,
                                     text_removed_at)
        SELECT 'w1', gen_random_uuid(), gen_random_uuid(), now() - n * interval '1 minute', now() - interval '40 days',
               'delivered', CASE WHEN n > 60000 THEN now() END
        FROM generate_series(1, 70000) AS n
        """
    )
    await storage.execute(
        """
        INSERT INTO tracker.request (workspace_id, message_id, event_id, at, asked)
        SELECT workspace_id, message_id, event_id, requested_at, $1 FROM tracker.message
        """,
        request.data.model_dump(mode="json"),
    )
    await storage.execute(
        """
        INSERT INTO tracker.reply (event_id, workspace_id, event, recorded_at)
        SELECT gen_random_uuid(), 'w1', '{"data": {"text": "x"}}', now() - n * interval '1 minute'
        FROM generate_series(1, 70000) AS n
        """
    )
    await storage.execute("ANALYZE tracker.message, tracker.request, tracker.reply")
    texts, messages = retention.REMOVE_TEXTS, retention.REMOVE_MESSAGES
    for table in ("message", "request"):
        assert await rows_read(storage, table, texts, "w1", 30, 50) <= 250
        assert await rows_read(storage, table, messages, "w1", 1, 50) <= 250
    await storage.execute("UPDATE tracker.request SET asked = asked - 'content' WHERE at < now() - interval '30 days'")
    assert await rows_read(storage, "request", retention.REMOVE_LATE_TEXTS, "w1", 30, 50) <= 250
    assert await rows_read(storage, "reply", retention.REMOVE_REPLY_TEXTS, "w1", 30, 50) <= 250
    assert await rows_read(storage, "reply", retention.REMOVE_REPLIES, "w1", 1, 50) <= 250
    assert await rows_read(storage, "message", messages, "w1", 13, 50) == 0


async def test_person_is_erased_and_what_became_of_their_messages_stays(storage: Pool) -> None:
    theirs = await delivered(storage, make_request("To be erased"))
    stays = await delivered(storage, make_request("Stays", recipient=OTHER))
    await replies.keep(storage, make_reply("My answer"))
    found = await erasing.find(storage, "w1", PHONE, None)
    assert (list(found.under_way), found.ended, found.replies) == ([], 1, 1)
    for _ in range(2):
        await erasing.erase(storage, "w1", PHONE, None)
    assert await holding(storage, PHONE[1:], "To be erased", "My answer", theirs.provider_message_id) == []
    assert await holding(storage, "Stays") == ["request"]
    shown = as_message(await row_of(storage, theirs.request))
    assert (shown.status, shown.recipient, shown.text, shown.contact) == ("delivered", "", None, None)
    assert shown.erased_at is not None
    assert shown.requested_by.name == "Maria Lopez"
    assert as_message(await row_of(storage, stays.request)).recipient == OTHER


async def test_results_whose_request_never_came_are_erased_by_their_ids(storage: Pool) -> None:
    theirs = Story(make_request(), provider_message_id=f"wamid.{PHONE[1:]}")
    refused = theirs.receipt(ReceiptStatus.FAILED, detail=f"{PHONE[1:]} is not on WhatsApp")
    strangers = Story(make_request(recipient=OTHER), provider_message_id="wamid.other")
    await record(make_recorder(storage), theirs.accepted(), refused, strangers.accepted())
    ids = [theirs.request.data.message_id]
    assert (await erasing.find(storage, "w1", PHONE, None)).ended == 0
    assert (await erasing.find(storage, "w1", PHONE, None, ids)).ended == 1
    await erasing.erase(storage, "w1", PHONE, None, ids)
    assert await holding(storage, PHONE[1:]) == []
    assert await holding(storage, "wamid.other")
    assert (await erasing.find(storage, "w1", PHONE, None, ids)).ended == 0
    late = Story(make_request(recipient=OTHER))
    await record(make_recorder(storage), late.request)
    await erasing.erase(storage, "w1", PHONE, None, [late.request.data.message_id])
    assert as_message(await row_of(storage, late.request)).recipient == OTHER, "whose request says whom it was for"


async def test_what_is_not_over_is_erased_once_it_is(storage: Pool) -> None:
    queued = Story(make_request())
    await record(make_recorder(storage), queued.request)
    unnoted = await delivered(storage, make_request(), noted=False, told=False)
    await erasing.erase(storage, "w1", PHONE, None)
    found = await erasing.find(storage, "w1", PHONE, None)
    assert set(found.under_way) == {queued.request.data.message_id, unnoted.request.data.message_id}
    await record(make_recorder(storage), queued.cancelled())
    await storage.execute("DELETE FROM tracker.outgoing")
    await storage.execute("UPDATE tracker.effect SET closed_at = now()")
    await erasing.erase(storage, "w1", PHONE, None)
    assert await holding(storage, PHONE[1:]) == []
    assert as_message(await row_of(storage, queued.request)).status == "cancelled"


async def test_only_the_messages_that_are_meant_are_erased(storage: Pool) -> None:
    meant, later = await delivered(storage, make_request("Meant")), await delivered(storage, make_request("Later"))
    await replies.keep(storage, make_reply("My answer"))
    await erasing.erase(storage, "w1", PHONE, [meant.request.data.message_id])
    assert await holding(storage, "Meant") == []
    assert await holding(storage, "Later", "My answer") == ["request", "reply"]
    assert as_message(await row_of(storage, later.request)).recipient == PHONE


async def test_late_receipts_bring_nobody_back(storage: Pool) -> None:
    story = await delivered(storage, make_request("To be erased"))
    await erasing.erase(storage, "w1", PHONE, None)
    late = story.receipt(ReceiptStatus.READ)
    await record(make_recorder(storage), late, story.request)
    assert as_message(await row_of(storage, story.request)).status == "read"
    assert await holding(storage, PHONE[1:], "To be erased", story.provider_message_id) == []
    assert [one["data"]["status"] for one in await announced(storage)] == ["read"]


async def test_nothing_is_noted_in_intercom_about_a_person_who_was_erased(storage: Pool) -> None:
    kinds = "SELECT array_agg(kind::text ORDER BY effect_id) FROM tracker.effect WHERE message_id = $1"
    stories = [Story(make_request(recipient=number)) for number in (PHONE, OTHER)]
    for story in stories:
        await record(make_recorder(storage), story.request, story.accepted())
    await storage.execute("UPDATE tracker.effect SET closed_at = now()")
    await storage.execute("DELETE FROM tracker.outgoing")
    await erasing.erase(storage, "w1", PHONE, None)
    for story in stories:
        await record(make_recorder(storage), story.receipt(ReceiptStatus.UNDELIVERED))
    noted = [len(await storage.fetchval(kinds, story.request.data.message_id)) for story in stories]
    assert noted == [1, 2]


async def test_request_from_before_an_erasure_is_known_without_its_person(storage: Pool) -> None:
    request = make_request("To be erased")
    fact = Fact(entry_of(request), Request(request.id, request.time, request.data), erased=True)
    await make_recorder(storage).record(fact)
    await record(make_recorder(storage), Story(request).cancelled())
    assert await holding(storage, PHONE[1:], "To be erased", "Anna Schmidt") == []
    shown = as_message(await row_of(storage, request))
    assert (shown.status, shown.recipient, shown.text) == ("cancelled", "", None)


async def test_another_version_that_went_to_them_is_erased_and_the_message_stays(storage: Pool) -> None:
    story = await delivered(storage, make_request("Stays", recipient=OTHER))
    changed = make_request("To be erased", message_id=story.request.data.message_id)
    await record(make_recorder(storage), changed, Story(changed).refused_as_changed())
    await storage.execute("DELETE FROM tracker.outgoing")
    await erasing.erase(storage, "w1", PHONE, None)
    assert await holding(storage, PHONE[1:], "To be erased") == []
    shown = as_message(await row_of(storage, story.request))
    assert (shown.recipient, shown.text, shown.erased_at) == (OTHER, "Stays", None)


async def test_operators_http_counts_and_erases_with_a_token_of_its_own(storage: Pool) -> None:
    await delivered(storage, make_request())
    app = operators_app(storage, [SecretStr("operators")])
    path, asked = "/v1/workspaces/w1/erasures", {"number": PHONE, "by": "maria", "erase": False}
    async with serve(app, "127.0.0.1", 0) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def post(body: Any, token: str = "operators") -> tuple[int, Any]:
            async with session.post(path, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
                return answer.status, await answer.json(content_type=None)

        assert (await post(asked, "a-service"))[0] == 401
        changes: list[dict[str, Any]] = [{"number": "0151"}, {"erase": "yes"}, {"only": ["x"]}, {"more": 1}]
        for wrong in ([], {}, *(asked | change for change in changes)):
            status, problem = await post(wrong)
            assert (status, problem["title"]) == (400, "Bad request")
        counts = {"under_way": 0, "ended": 1, "replies": 0, "left": []}
        assert await post(asked) == (200, counts)
        assert await post({**asked, "erase": True}) == (200, counts)
        assert await post(asked) == (200, {**counts, "ended": 0})


async def test_template_is_still_told_to_have_been_one(storage: Pool) -> None:
    request = make_request(**days_ago(31))
    content = TemplateContent(name="parcel", language="en", variables=(TemplateVariable(name="1", value="Gone soon"),))
    template = request.model_copy(update={"data": request.data.model_copy(update={"content": content})})
    await delivered(storage, template)
    await retention.remove(storage, KEPT)
    await erasing.erase(storage, "w1", PHONE, None)
    assert await holding(storage, "Gone soon", PHONE[1:]) == []
    shown = as_message(await row_of(storage, request))
    assert (shown.kind, shown.text) == ("template", None)
