"""The history over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from pydantic import SecretStr

from proactive_contracts.envelope import text_digest
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.values import Admin, Service
from runtime import clock
from runtime.http import serve
from runtime.postgres import Pool
from status_tracker import metrics
from status_tracker.http import application
from status_tracker.storage import history, replies
from tests.integration.tracker_support import make_recorder, open_storage, record
from tests.unit.status_tracker.making import NOON, OTHER_CHANNEL_ID, Story, make_reply, make_request


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


@pytest.fixture
async def api(storage: Pool) -> AsyncIterator[aiohttp.ClientSession]:
    app = application(storage, [SecretStr("new-token"), SecretStr("old-token")])
    async with serve(app, "127.0.0.1", 0) as port:
        headers = {"Authorization": "Bearer old-token"}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
            yield session


async def get(api: aiohttp.ClientSession, path: str, **query: str | int) -> tuple[int, Any]:
    async with api.get(path, params=query) as response:
        return response.status, await response.json(content_type=None)


async def test_message_is_told_in_full(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request())
    asked = story.request.data
    accepted, delivered = story.accepted(), story.receipt(ReceiptStatus.DELIVERED)
    await record(make_recorder(storage), story.request, accepted, delivered)
    status, message = await get(api, f"/v1/workspaces/w1/messages/{asked.message_id}")
    timeline = message.pop("timeline")
    assert status == 200
    assert message == {
        "message_id": str(asked.message_id),
        "event_id": str(story.request.id),
        "workspace_id": "w1",
        "channel": "sms",
        "channel_id": str(asked.channel_id),
        "recipient": "+4915112345678",
        "kind": "text",
        "text": "Hello Anna",
        "text_removed_at": None,
        "text_kept_days": None,
        "erased_at": None,
        "requested_by": {"kind": "admin", "id": "814860", "name": "Maria Lopez"},
        "contact": {"id": "6657add46abd0167d9419001", "role": "user", "name": "Anna Schmidt"},
        "conversation_id": "215470001",
        "requested_at": "2026-11-22T12:00:00Z",
        "not_after": "2026-11-22T12:15:00Z",
        "resend_of": None,
        "open_new": False,
        "opened_conversation_ids": [],
        "open_failure": None,
        "status": "delivered",
        "status_at": delivered.data.reported_at.isoformat().replace("+00:00", "Z"),
        "reason": None,
        "detail": None,
        "due_at": None,
        "provider": "twilio",
        "provider_code": None,
        "provider_message_id": story.provider_message_id,
    }
    assert [(entry["event"], entry["status"], entry["source"]) for entry in timeline] == [
        ("send_requested", "queued", "gateway"),
        ("send_accepted", "sent", "dispatcher"),
        ("delivery_reported", "delivered", "receipt"),
    ]


async def test_reply_stands_in_the_timeline_and_changes_no_status(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request())
    asked = story.request.data
    await record(make_recorder(storage), story.request, story.accepted())
    await replies.keep(storage, make_reply("Thank you! " * 1000, at=NOON + timedelta(minutes=1)))
    await replies.keep(storage, make_reply(None, at=NOON + timedelta(minutes=2)))
    await record(make_recorder(storage), story.receipt(ReceiptStatus.DELIVERED))
    _, message = await get(api, f"/v1/workspaces/w1/messages/{asked.message_id}")
    shown = [(entry["event"], entry["status"], entry["source"]) for entry in message["timeline"]]
    assert message["status"] == "delivered"
    assert shown == [
        ("send_requested", "queued", "gateway"),
        ("send_accepted", "sent", "dispatcher"),
        ("delivery_reported", "delivered", "receipt"),
        ("reply", None, "customer"),
        ("reply", None, "customer"),
    ]
    assert message["timeline"][3]["detail"] == ("Thank you! " * 1000)[:4096]
    assert message["timeline"][4]["detail"] is None


async def test_timeline_marks_what_is_about_another_version(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request())
    message_id = story.request.data.message_id
    corrected = Story(make_request("Corrected", message_id=message_id, at=NOON + timedelta(minutes=1)))
    foreign = story.receipt(ReceiptStatus.READ, channel_id=OTHER_CHANNEL_ID)
    events = (story.request, story.accepted(), corrected.request, corrected.refused_as_changed(), foreign)
    await record(make_recorder(storage), *events)
    _, message = await get(api, f"/v1/workspaces/w1/messages/{message_id}")
    assert (message["text"], message["status"]) == ("Hello Anna", "sent")
    told = [(entry["event"], entry["status"], entry["for_this_request"]) for entry in message["timeline"]]
    assert told == [
        ("send_requested", "queued", True),
        ("send_accepted", "sent", True),
        ("send_requested", "queued", False),
        ("send_failed", None, False),
    ]


async def test_message_of_another_workspace_is_not_found(storage: Pool, api: aiohttp.ClientSession) -> None:
    request = make_request()
    await record(make_recorder(storage), request)
    for path in (f"w2/messages/{request.data.message_id}", f"w1/messages/{uuid4()}"):
        status, problem = await get(api, f"/v1/workspaces/{path}")
        assert (status, problem["status"], problem["title"]) == (404, 404, "No such message")


async def test_result_without_its_request_is_not_shown(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request())
    await record(make_recorder(storage), story.accepted())
    assert (await get(api, f"/v1/workspaces/w1/messages/{story.request.data.message_id}"))[0] == 404
    assert (await get(api, "/v1/workspaces/w1/messages"))[1]["messages"] == []


async def test_pages_hold_every_message_once_newest_first(storage: Pool, api: aiohttp.ClientSession) -> None:
    # Five share one moment, so that pages end within it.
    requests = [make_request(at=NOON + timedelta(seconds=max(0, number - 4))) for number in range(12)]
    await record(make_recorder(storage), *requests)
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    sizes = []
    while True:
        _, page = await get(api, "/v1/workspaces/w1/messages", limit=3, **cursor)
        found += page["messages"]
        sizes.append(len(page["messages"]))
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sizes == [3, 3, 3, 3]
    assert {message["message_id"] for message in found} == {str(request.data.message_id) for request in requests}
    places = [(message["requested_at"], message["message_id"]) for message in found]
    assert places == sorted(places, reverse=True)


async def test_filters_narrow_the_list(storage: Pool, api: aiohttp.ClientSession) -> None:
    tom = Admin(id="814861", name="Tom Becker")
    requests = [
        make_request("a", conversation_id="c1"),
        make_request("b", conversation_id="c2", requested_by=tom),
        make_request("c", conversation_id="c1", requested_by=tom),
        make_request("d", conversation_id="c1", requested_by=Service(name="billing")),
        make_request("e", workspace_id="w2", conversation_id="c1"),
    ]
    await record(make_recorder(storage), *requests)

    async def texts(**query: str) -> set[str]:
        _, page = await get(api, "/v1/workspaces/w1/messages", **query)
        return {message["text"] for message in page["messages"]}

    assert await texts() == {"a", "b", "c", "d"}
    assert await texts(conversation_id="c1") == {"a", "c", "d"}
    assert await texts(requested_by="814861") == {"b", "c"}
    assert await texts(conversation_id="c1", requested_by="814861") == {"c"}
    assert await texts(conversation_id="none") == set()


async def test_service_has_a_name_only(storage: Pool, api: aiohttp.ClientSession) -> None:
    await record(make_recorder(storage), make_request(requested_by=Service(name="billing")))
    _, page = await get(api, "/v1/workspaces/w1/messages")
    assert page["messages"][0]["requested_by"] == {"kind": "service", "id": None, "name": "billing"}


async def test_unknown_workspace_has_no_messages(api: aiohttp.ClientSession) -> None:
    assert await get(api, "/v1/workspaces/nobody/messages") == (200, {"messages": [], "next_cursor": None})


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        ("w1/messages", {"limit": 0}, "limit"),
        ("w1/messages", {"limit": 101}, "limit"),
        ("w1/messages", {"limit": "many"}, "limit"),
        ("w1/messages", {"cursor": "nonsense"}, "cursor"),
        ("w1/messages", {"conversation_id": ""}, "conversation_id"),
        ("w1/messages", {"conversation_id": "x" * 201}, "conversation_id"),
        ("w1/messages", {"requested_by": "a\x00b"}, "requested_by"),
        ("w1/messages", {"conversationid": "c1"}, "conversationid"),
        ("w.1/messages", {}, "workspace_id"),
        ("w1/messages/7", {}, "message_id"),
    ],
)
async def test_bad_parameter_is_named(api: aiohttp.ClientSession, path: str, query: dict[str, str], name: str) -> None:
    async with api.get(f"/v1/workspaces/{path}", params=query) as response:
        problem = await response.json(content_type=None)
        assert response.status == 400
        assert response.content_type == "application/problem+json"
    assert f"`{name}`" in problem["detail"]


async def test_parameter_given_twice_is_refused(api: aiohttp.ClientSession) -> None:
    status, problem = await get(api, "/v1/workspaces/w1/messages?limit=1&limit=2")
    assert (status, "`limit`" in problem["detail"]) == (400, True)


async def test_without_a_token_only_the_description_is_given(api: aiohttp.ClientSession) -> None:
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}):
        async with api.get("/v1/workspaces/w1/messages", headers=headers) as response:
            assert (response.status, response.content_type) == (401, "application/problem+json")
        async with api.get("/openapi.json", headers=headers) as response:
            assert response.status == 200
            assert (await response.json())["openapi"] == "3.1.0"


async def test_unknown_path_is_a_problem_document(api: aiohttp.ClientSession) -> None:
    async with api.get("/v1/nothing") as response:
        assert (response.status, response.content_type) == (404, "application/problem+json")


async def test_what_was_put_off_says_why_and_until_when(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request())
    due_at = NOON + timedelta(minutes=2)
    deferred = story.deferred(reason=FailureReason.CHANNEL_PAUSED, due_at=due_at)
    await record(make_recorder(storage), story.request, deferred)
    path = f"/v1/workspaces/w1/messages/{story.request.data.message_id}"
    _, message = await get(api, path)
    assert (message["status"], message["reason"]) == ("waiting", "channel_paused")
    assert (message["due_at"], message["not_after"]) == ("2026-11-22T12:02:00Z", "2026-11-22T12:15:00Z")
    assert (message["timeline"][-1]["reason"], message["timeline"][-1]["due_at"]) == (
        "channel_paused",
        message["due_at"],
    )
    await record(make_recorder(storage), story.accepted(attempt=2))
    _, message = await get(api, path)
    assert (message["status"], message["reason"], message["due_at"]) == ("sent", None, None)


async def test_verdict_stands_in_the_timeline_as_a_person_s(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request())
    await record(make_recorder(storage), story.request, story.unknown(), story.resolved("not_sent"))
    _, message = await get(api, f"/v1/workspaces/w1/messages/{story.request.data.message_id}")
    assert (message["status"], message["detail"]) == ("not_sent", "Maria Lopez marked it as not sent.")
    last = message["timeline"][-1]
    assert (last["event"], last["source"], last["status"]) == ("send_resolved", "person", "not_sent")


async def test_message_that_cannot_be_read_hides_no_other(storage: Pool, api: aiohttp.ClientSession) -> None:
    stories = [Story(make_request(at=NOON + timedelta(seconds=number))) for number in range(5)]
    await record(make_recorder(storage), *(story.request for story in stories))
    ids = [str(story.request.data.message_id) for story in stories]
    await storage.execute("UPDATE tracker.request SET asked = '{}' WHERE message_id = $1", UUID(ids[3]))
    await storage.execute("UPDATE tracker.message SET status = 'newer' WHERE message_id = $1", UUID(ids[1]))
    before = metrics.UNREADABLE.labels("message")._value.get()
    shown, query = [], {"limit": 2}
    while True:
        status, page = await get(api, "/v1/workspaces/w1/messages", **query)
        assert status == 200
        shown += [message["message_id"] for message in page["messages"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": 2, "cursor": page["next_cursor"]}
    assert shown == [ids[4], ids[2], ids[0]]
    assert metrics.UNREADABLE.labels("message")._value.get() == before + 2
    status, trouble = await get(api, f"/v1/workspaces/w1/messages/{ids[3]}")
    assert (status, trouble["title"]) == (500, "Message cannot be read")


async def test_entry_that_cannot_be_read_hides_no_other(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request())
    await record(make_recorder(storage), story.request, story.started(), story.accepted())
    await replies.keep(storage, make_reply())
    await storage.execute("UPDATE tracker.entry SET source = 'newer' WHERE event = 'send_started'")
    await storage.execute("UPDATE tracker.reply SET event = '{}'")
    status, message = await get(api, f"/v1/workspaces/w1/messages/{story.request.data.message_id}")
    assert status == 200
    assert [entry["event"] for entry in message["timeline"]] == ["send_requested", "send_accepted"]


async def repeated(api: aiohttp.ClientSession, text: str, **changes: str) -> list[dict[str, Any]]:
    """What a new message with this text would repeat."""
    query = {"recipient": "+4915112345678", "text_digest": text_digest(text), "message_id": str(uuid4()), **changes}
    status, found = await get(api, "/v1/workspaces/w1/repeated", **query)
    assert (status, found["next_cursor"]) == (200, None)
    messages: list[dict[str, Any]] = found["messages"]
    return messages


async def test_same_words_to_the_same_person_a_moment_ago_are_found(storage: Pool, api: aiohttp.ClientSession) -> None:
    now = clock.now()
    old, first, last = (make_request("Hello  Anna", at=now - timedelta(minutes=ago)) for ago in (11, 9, 2))
    await record(make_recorder(storage), old, first, last)
    for text in ("Hello Anna", " Hello\nAnna "):
        assert [one["message_id"] for one in await repeated(api, text)] == [str(last.data.message_id)]
    await storage.execute("UPDATE tracker.message SET status = 'sent', status_at = requested_at")
    for changes in (
        {"recipient": "+4915112345679"},
        {"within_seconds": "60"},
        {"message_id": str(old.data.message_id)},
    ):
        assert await repeated(api, "Hello Anna", **changes) == []
    assert await repeated(api, "hello Anna") == []
    status, elsewhere = await get(
        api,
        "/v1/workspaces/w2/repeated",
        recipient="+4915112345678",
        text_digest=text_digest("Hello Anna"),
        message_id=str(uuid4()),
    )
    assert (status, elsewhere["messages"]) == (200, [])


@pytest.mark.parametrize(("by", "named"), [(Service(name="shop"), "shop"), (Admin(id="7", name="Tom"), "Tom")])
async def test_repeated_message_names_whoever_sent_it(
    storage: Pool, api: aiohttp.ClientSession, by: Admin | Service, named: str
) -> None:
    await record(make_recorder(storage), make_request(requested_by=by, at=clock.now()))
    assert [one["requested_by"]["name"] for one in await repeated(api, "Hello Anna")] == [named]


async def test_what_was_certainly_not_sent_is_not_repeated(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request(at=clock.now()))
    recorder = make_recorder(storage)
    await record(recorder, story.request)
    assert len(await repeated(api, "Hello Anna")) == 1
    await record(recorder, story.failed(FailureReason.INVALID_NUMBER))
    assert await repeated(api, "Hello Anna") == []


async def test_part_of_a_text_that_arrived_is_asked_about(storage: Pool, api: aiohttp.ClientSession) -> None:
    story = Story(make_request(at=clock.now()))
    partly = story.receipt(ReceiptStatus.FAILED, reason=FailureReason.PARTIAL)
    await record(make_recorder(storage), story.request, story.accepted(), partly)
    [found] = await repeated(api, "Hello Anna")
    assert (found["status"], found["reason"]) == ("failed", "partial")


async def test_ten_minutes_count_from_when_it_left(storage: Pool, api: aiohttp.ClientSession) -> None:
    now = clock.now()
    earlier = now - timedelta(minutes=11)
    story = Story(make_request(at=earlier))
    recorder = make_recorder(storage)
    await record(recorder, story.request, story.deferred(due_at=now + timedelta(seconds=1)))
    assert [one["status"] for one in await repeated(api, "Hello Anna")] == ["waiting"]
    left = story.accepted(attempt=2).model_copy(update={"time": now})
    await record(recorder, left)
    assert [one["status"] for one in await repeated(api, "Hello Anna")] == ["sent"]
    await storage.execute("UPDATE tracker.message SET status_at = now() - interval '10.5 minutes'")
    assert await repeated(api, "Hello Anna") == []


async def test_resend_repeats_neither_its_message_nor_what_that_one_repeats(
    storage: Pool, api: aiohttp.ClientSession
) -> None:
    now = clock.now()
    first = make_request(at=now - timedelta(minutes=3))
    second = make_request(at=now - timedelta(minutes=2), resend_of=first.data.message_id)
    await record(make_recorder(storage), first, second)
    again = {"resend_of": str(second.data.message_id)}
    assert await repeated(api, "Hello Anna", **again) == []
    other = make_request(at=now - timedelta(minutes=4))
    await record(make_recorder(storage), other)
    assert [one["message_id"] for one in await repeated(api, "Hello Anna", **again)] == [str(other.data.message_id)]


async def test_bad_question_about_a_repeat_names_its_parameter(api: aiohttp.ClientSession) -> None:
    status, problem = await get(api, "/v1/workspaces/w1/repeated", recipient="+49", text_digest="x", message_id="1")
    assert status == 400
    assert "`text_digest`" in problem["detail"]
    assert "`message_id`" in problem["detail"]


async def test_repeats_are_found_by_their_index(storage: Pool) -> None:
    await record(make_recorder(storage), *(make_request(at=clock.now()) for _ in range(3)))
    await storage.execute(
        "INSERT INTO tracker.message (workspace_id, message_id, recipient, text_digest, requested_at) "
        "SELECT 'w1', gen_random_uuid(), '+49151' || n, md5(n::text), now() FROM generate_series(1, 20000) n"
    )
    await storage.execute("ANALYZE tracker.message")
    arguments = ("w1", uuid4(), "+4915112345678", text_digest("Hello Anna"), 600.0, sorted(history.NOT_SENT), None)
    plan = await storage.fetch(f"EXPLAIN {history.REPEATED}", *arguments)
    assert any("message_by_text" in row[0] for row in plan), plan
