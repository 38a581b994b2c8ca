"""The fake Intercom: token, contacts, conversations, notes, messages, tags, and how it goes wrong."""

import asyncio
import time
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web

from sandbox import fixtures
from sandbox.app import create_app
from tests.unit.sandbox.harness import INTERCOM_TOKEN, Json, Sandbox, make_settings

ANNA = fixtures.ANNA_ID
NOTE: Json = {"message_type": "note", "type": "admin", "admin_id": "814860", "body": "<p>SMS sent</p>"}
IN_APP: Json = {
    "message_type": "in_app",
    "body": "Hello",
    "from": {"type": "admin", "id": 814860},
    "to": {"type": "user", "id": ANNA},
}


async def error_of(response: aiohttp.ClientResponse) -> tuple[int, str]:
    body = await response.json()
    assert body["type"] == "error.list"
    assert body["request_id"]
    return response.status, body["errors"][0]["code"]


async def test_wrong_token_is_unauthorized(sandbox: Sandbox) -> None:
    assert await error_of(await sandbox.intercom("GET", "/me", token="other")) == (401, "unauthorized")


async def test_every_answer_tells_the_rate_limit(sandbox: Sandbox) -> None:
    for path in ("/me", "/contacts/unknown", "/unknown"):
        response = await sandbox.intercom("GET", path)
        assert int(response.headers["X-RateLimit-Remaining"]) < int(response.headers["X-RateLimit-Limit"])
        assert int(response.headers["X-RateLimit-Reset"]) >= time.time()


async def test_me_names_the_workspace(sandbox: Sandbox) -> None:
    me = await sandbox.json(await sandbox.intercom("GET", "/me"))
    assert (me["app"]["id_code"], me["app"]["region"]) == ("sandbox1", "US")


async def test_admins_are_maria_and_tom(sandbox: Sandbox) -> None:
    admins = (await sandbox.json(await sandbox.intercom("GET", "/admins")))["admins"]
    assert [(one["id"], one["name"]) for one in admins] == [("814860", "Maria Lopez"), ("814861", "Tom Becker")]


async def test_merged_contact_points_at_the_living_one(sandbox: Sandbox) -> None:
    for path in (f"/contacts/{fixtures.MERGED_ID}", "/contacts/find_by_external_id/cust-1006"):
        response = await sandbox.intercom("GET", path)
        assert response.headers["Link"] == f'</contacts/{ANNA}>; rel="canonical"'
        assert await error_of(response) == (410, "contact_merged")


async def test_external_id_finds_users(sandbox: Sandbox) -> None:
    contact = await sandbox.json(await sandbox.intercom("GET", "/contacts/find_by_external_id/cust-1002"))
    assert contact["phone"] == "+30 694 123 4567"


async def test_unknown_contact_is_not_found(sandbox: Sandbox) -> None:
    assert await error_of(await sandbox.intercom("GET", "/contacts/nobody")) == (404, "not_found")
    assert await error_of(await sandbox.intercom("GET", "/contacts/find_by_external_id/x")) == (404, "not_found")


async def test_fixture_names_are_the_awkward_ones_that_they_should_be(sandbox: Sandbox) -> None:
    contact = await sandbox.json(await sandbox.intercom("GET", f"/contacts/{fixtures.LONG_NAME_ID}"))
    assert len(contact["name"]) == 80


async def test_second_user_with_the_same_email_conflicts(sandbox: Sandbox) -> None:
    assert (await sandbox.intercom("POST", "/contacts", {"email": "new@example.com"})).status == 200
    response = await sandbox.intercom("POST", "/contacts", {"email": "new@example.com"})
    assert await error_of(response) == (409, "conflict")


async def test_note_is_appended_to_the_thread(sandbox: Sandbox) -> None:
    response = await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)
    part = (await sandbox.json(response))["conversation_parts"]["conversation_parts"][-1]
    assert (part["part_type"], part["body"]) == ("note", "<p>SMS sent</p>")
    assert part["author"]["type"] == "admin"
    assert part["author"]["name"] == "Maria Lopez"
    assert (await sandbox.parts("215470001"))[-1]["id"] == part["id"]


async def test_plain_body_is_kept_as_one_paragraph(sandbox: Sandbox) -> None:
    await sandbox.intercom("POST", "/conversations/215470001/reply", {**NOTE, "body": "Line one"})
    assert (await sandbox.parts("215470001"))[-1]["body"] == "<p>Line one</p>"
    plain = await sandbox.intercom("GET", "/conversations/215470001?display_as=plaintext")
    parts = (await sandbox.json(plain))["conversation_parts"]["conversation_parts"]
    assert parts[-1]["body"] == "Line one"


@pytest.mark.parametrize(
    ("path", "change", "expected"),
    [
        ("/conversations/1/reply", {}, (404, "not_found")),
        ("/conversations/215470001/reply", {"admin_id": "9"}, (404, "admin_not_found")),
        ("/conversations/215470001/reply", {"body": ""}, (400, "parameter_invalid")),
        ("/conversations/215470001/reply", {"message_type": "shout"}, (400, "parameter_invalid")),
    ],
)
async def test_bad_note_is_refused(sandbox: Sandbox, path: str, change: Json, expected: tuple[int, str]) -> None:
    assert await error_of(await sandbox.intercom("POST", path, {**NOTE, **change})) == expected


async def test_contact_answers_in_the_last_conversation(sandbox: Sandbox) -> None:
    reply = {"message_type": "comment", "type": "user", "intercom_user_id": ANNA, "body": "Thank you"}
    response = await sandbox.intercom("POST", "/conversations/last/reply", reply)
    assert (await sandbox.json(response))["id"] == "215470001"


async def test_conversation_from_a_contact_is_a_user_message(sandbox: Sandbox) -> None:
    body = {"from": {"type": "user", "id": ANNA}, "body": "Hello"}
    message = await sandbox.json(await sandbox.intercom("POST", "/conversations", body))
    assert (message["type"], message["message_type"]) == ("user_message", "inapp")
    assert await sandbox.parts(message["conversation_id"]) == []


async def test_in_app_message_opens_a_conversation_only_when_asked(sandbox: Sandbox) -> None:
    silent = await sandbox.json(await sandbox.intercom("POST", "/messages", IN_APP))
    assert "conversation_id" not in silent
    flag = {"create_conversation_without_contact_reply": True}
    opened = await sandbox.json(await sandbox.intercom("POST", "/messages", {**IN_APP, **flag}))
    conversation = await sandbox.json(await sandbox.intercom("GET", f"/conversations/{opened['conversation_id']}"))
    assert conversation["source"]["author"]["name"] == "Maria Lopez"
    assert conversation["contacts"]["contacts"][0]["id"] == ANNA


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ({"type": "visitor", "id": ANNA}, (400, "parameter_invalid")),
        ({"type": "lead", "id": ANNA}, (404, "not_found")),
        ({"type": "user", "id": "nobody"}, (404, "not_found")),
        ({"type": "user", "id": fixtures.MERGED_ID}, (410, "contact_merged")),
    ],
)
async def test_in_app_message_wants_a_user_or_lead(sandbox: Sandbox, to: Json, expected: tuple[int, str]) -> None:
    assert await error_of(await sandbox.intercom("POST", "/messages", {**IN_APP, "to": to})) == expected


async def test_in_app_message_wants_an_integer_admin_id(sandbox: Sandbox) -> None:
    body = {**IN_APP, "from": {"type": "admin", "id": "814860"}}
    assert await error_of(await sandbox.intercom("POST", "/messages", body)) == (422, "parameter_invalid")


async def test_tag_and_assignment_show_in_the_conversation(sandbox: Sandbox) -> None:
    tag = await sandbox.json(await sandbox.intercom("POST", "/tags", {"name": "sms"}))
    path = "/conversations/215470001"
    await sandbox.intercom("POST", f"{path}/tags", {"id": tag["id"], "admin_id": "814860"})
    assign = {"message_type": "assignment", "type": "admin", "admin_id": "814860", "assignee_id": "814861"}
    await sandbox.intercom("POST", f"{path}/parts", assign)
    conversation = await sandbox.json(await sandbox.intercom("GET", path))
    assert [one["name"] for one in conversation["tags"]["tags"]] == ["sms"]
    assert conversation["admin_assignee_id"] == 814861


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/parts", {"message_type": "close"}),
        ("/parts", {"message_type": "close", "type": "team"}),
        ("/parts", {"message_type": "assignment", "assignee_id": "814861"}),
        ("/parts", {"message_type": "assignment", "type": "admin", "assignee_id": "814861", "admin_id": 814860}),
        ("/parts", {"message_type": "snoozed"}),
        ("/parts", {"message_type": "snoozed", "snoozed_until": "tomorrow"}),
        ("/tags", {"id": "1", "admin_id": None}),
    ],
)
async def test_change_that_is_not_as_described_is_refused(sandbox: Sandbox, path: str, change: Json) -> None:
    response = await sandbox.intercom("POST", f"/conversations/215470001{path}", {"admin_id": "814860", **change})
    assert await error_of(response) == (400, "parameter_invalid")


async def test_bad_read_mark_and_bad_opener_are_refused(sandbox: Sandbox) -> None:
    response = await sandbox.intercom("PUT", "/conversations/215470001", {"read": "yes"})
    assert await error_of(response) == (400, "parameter_invalid")
    stranger = {"from": {"type": "visitor", "id": ANNA}, "body": "Hello"}
    response = await sandbox.intercom("POST", "/conversations", stranger)
    assert await error_of(response) == (400, "parameter_invalid")


async def test_rate_limited_says_when_to_come_back(sandbox: Sandbox) -> None:
    await sandbox.behave("intercom", mode="rate_limited", remaining=1)
    response = await sandbox.intercom("GET", "/me")
    assert await error_of(response) == (429, "rate_limit_exceeded")
    assert response.headers["X-RateLimit-Remaining"] == "0"
    assert int(response.headers["X-RateLimit-Reset"]) > time.time()
    assert (await sandbox.intercom("GET", "/me")).status == 200


async def test_rate_limit_ends_at_its_reset(sandbox: Sandbox) -> None:
    await sandbox.behave("intercom", mode="rate_limited", delay_seconds=1, only="notes")
    resets = set()
    for _ in range(2):
        response = await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)
        assert response.status == 429
        resets.add(int(response.headers["X-RateLimit-Reset"]))
    [resets_at] = resets
    await asyncio.sleep(resets_at - time.time())
    assert (await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)).status == 200
    assert (await sandbox.behaviour("intercom"))["mode"] == "normal"


async def test_slow_after_doing_has_done_it_for_a_caller_that_gave_up(sandbox: Sandbox) -> None:
    before = len(await sandbox.parts("215470001"))
    await sandbox.behave("intercom", mode="slow_after_doing", delay_seconds=2, remaining=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)
    assert len(await sandbox.parts("215470001")) == before + 1


async def test_error_does_nothing_and_error_after_doing_does_it(sandbox: Sandbox) -> None:
    before = len(await sandbox.parts("215470001"))
    for mode, more in (("error", 0), ("error_after_doing", 1)):
        await sandbox.behave("intercom", mode=mode, remaining=1)
        response = await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)
        assert await error_of(response) == (500, "server_error")
        assert len(await sandbox.parts("215470001")) == before + more


async def test_down_closes_the_connection(sandbox: Sandbox) -> None:
    await sandbox.behave("intercom", mode="down")
    with pytest.raises(aiohttp.ClientConnectionError):
        await sandbox.intercom("GET", "/me")


async def test_behaviour_of_notes_leaves_contacts_alone(sandbox: Sandbox) -> None:
    await sandbox.behave("intercom", mode="error", only="notes", remaining=1)
    assert (await sandbox.intercom("GET", f"/contacts/{ANNA}")).status == 200
    assert (await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)).status == 500
    assert (await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)).status == 200


async def test_behaviour_of_messages_leaves_searches_alone(sandbox: Sandbox) -> None:
    await sandbox.behave("intercom", mode="error_after_doing", only="messages")
    opening = {**IN_APP, "create_conversation_without_contact_reply": True}
    assert (await sandbox.intercom("POST", "/messages", opening)).status == 500
    query = {"field": "source.delivered_as", "operator": "=", "value": "admin_initiated"}
    found = await sandbox.json(await sandbox.intercom("POST", "/conversations/search", {"query": query}))
    assert [one["contacts"]["contacts"][0]["id"] for one in found["conversations"]] == [ANNA]


async def test_caller_that_gave_up_on_a_slow_answer_leaves_no_trace_in_the_log(
    resources: AsyncExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    runner = web.AppRunner(await create_app(make_settings()))  # unlike a TestServer, it lets handlers go on
    resources.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here, headers = f"http://127.0.0.1:{runner.addresses[0][1]}", {"Authorization": f"Bearer {INTERCOM_TOKEN}"}
    note = f"{here}/intercom/conversations/215470001/reply"
    async with aiohttp.ClientSession() as client:
        await client.put(f"{here}/sandbox/behaviour/intercom", json={"mode": "slow", "delay_seconds": 1.5})
        with pytest.raises(TimeoutError):
            await client.post(note, json=NOTE, headers=headers, timeout=aiohttp.ClientTimeout(total=0.5))
        await asyncio.sleep(1.5)
        thread = await (await client.get(f"{here}/sandbox/conversations/215470001")).text()
    assert (caplog.text, NOTE["body"] in thread) == ("", False)


async def test_conversations_of_the_same_words_tell_who_began_them(sandbox: Sandbox) -> None:
    opening = {**IN_APP, "create_conversation_without_contact_reply": True}
    await sandbox.intercom("POST", "/messages", opening)
    begun = {"from": {"type": "user", "id": ANNA}, "body": IN_APP["body"]}
    await sandbox.intercom("POST", "/conversations", begun)
    query = {"field": "contact_ids", "operator": "=", "value": ANNA}
    found = await sandbox.json(await sandbox.intercom("POST", "/conversations/search", {"query": query}))
    sources = [one["source"] for one in found["conversations"] if one["source"]["body"] == "<p>Hello</p>"]
    assert sorted((one["author"]["type"], one["author"]["id"], one["delivered_as"]) for one in sources) == [
        ("admin", str(IN_APP["from"]["id"]), "admin_initiated"),
        ("user", ANNA, "customer_initiated"),
    ]


async def test_slow_answers_after_the_delay(sandbox: Sandbox) -> None:
    await sandbox.behave("intercom", mode="slow", delay_seconds=0.2)
    begun = time.monotonic()
    assert (await sandbox.intercom("GET", "/me")).status == 200
    assert time.monotonic() - begun >= 0.2
