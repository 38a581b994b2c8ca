"""Finding contacts, writing and finding notes, opening conversations, and the end of an installation."""

from datetime import UTC, datetime

import aiohttp
import pytest

from intercom_api import Contact, Intercom, NoAnswer, NotFound, Refused, exchange_code, inbox_url
from tests.unit.intercom_api.fake_intercom import Answer, FakeIntercom, refuses, says

ANNA = "6657add46abd0167d9419001"
ANNA_FIELDS = {
    "type": "contact",
    "id": ANNA,
    "external_id": "cust-1001",
    "role": "user",
    "name": "Anna Schmidt",
    "email": "anna.schmidt@example.com",
    "phone": "+4915112345678",
    "last_seen_at": 1734537424,
}
OLDER_FIELDS = {**ANNA_FIELDS, "id": "6657add46abd0167d9419004", "last_seen_at": 1600000000}
NEVER_SEEN_FIELDS = {**ANNA_FIELDS, "id": "6657add46abd0167d9419005", "role": "lead", "last_seen_at": None}
NOBODY = says(200, {"type": "list", "data": []})


async def test_contact_is_read_with_our_version_and_token(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers(f"GET /contacts/{ANNA}", says(200, ANNA_FIELDS))

    contact = await intercom.get_contact(ANNA)

    assert contact == Contact(
        id=ANNA,
        external_id="cust-1001",
        role="user",
        name="Anna Schmidt",
        email="anna.schmidt@example.com",
        phone="+4915112345678",
        last_seen_at=datetime(2024, 12, 18, 15, 57, 4, tzinfo=UTC),
    )
    assert fake.headers[0]["Intercom-Version"] == "2.16"
    assert fake.headers[0]["Authorization"] == "Bearer token-of-test"


async def test_empty_fields_are_read_as_nothing(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers(f"GET /contacts/{ANNA}", says(200, {"id": ANNA, "name": "  ", "phone": None, "email": ""}))

    assert await intercom.get_contact(ANNA) == Contact(id=ANNA)


async def test_merged_contact_is_followed_once(fake: FakeIntercom, intercom: Intercom) -> None:
    merged = says(410, {"errors": [{"code": "contact_merged"}]}, Link=f'</contacts/{ANNA}>; rel="canonical"')
    fake.answers("GET /contacts/6657add46abd0167d9419006", merged)
    fake.answers(f"GET /contacts/{ANNA}", says(200, ANNA_FIELDS))

    assert (await intercom.get_contact("6657add46abd0167d9419006")).id == ANNA

    fake.answers(f"GET /contacts/{ANNA}", merged)
    with pytest.raises(NotFound, match="merged more than once"):
        await intercom.get_contact("6657add46abd0167d9419006")


async def test_merged_contact_without_a_link_is_not_found(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers(f"GET /contacts/{ANNA}", refuses(410, "contact_merged"))

    with pytest.raises(NotFound, match="does not say into which"):
        await intercom.get_contact(ANNA)


async def test_intercom_id_is_looked_up_directly(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers(f"GET /contacts/{ANNA}", says(200, ANNA_FIELDS))

    assert [contact.id for contact in await intercom.find_by_id(f" {ANNA.upper()} ")] == [ANNA]
    assert fake.asked == [("GET", f"/contacts/{ANNA}")]


async def test_external_id_of_24_hexadecimal_digits_is_found(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("GET /contacts/find_by_external_id/aaaaaaaaaaaaaaaaaaaaaaaa", says(200, ANNA_FIELDS))

    assert [contact.id for contact in await intercom.find_by_id("aaaaaaaaaaaaaaaaaaaaaaaa")] == [ANNA]


async def test_external_id_of_a_lead_is_searched(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("POST /contacts/search", says(200, {"type": "list", "data": [NEVER_SEEN_FIELDS]}))

    assert [contact.role for contact in await intercom.find_by_id("cust/10 01")] == ["lead"]
    assert fake.asked[0] == ("GET", "/contacts/find_by_external_id/cust%2F10%2001")
    assert fake.bodies[1]["query"] == {"field": "external_id", "operator": "=", "value": "cust/10 01"}


@pytest.mark.parametrize("text", ["..", "."])
async def test_id_that_is_a_way_up_stays_inside_the_path(fake: FakeIntercom, intercom: Intercom, text: str) -> None:
    fake.answers("POST /contacts/search", NOBODY)

    assert await intercom.find_by_id(text) == []
    assert fake.asked == [("POST", "/contacts/search")]


async def test_search_answers_each_contact_once_newest_seen_first(fake: FakeIntercom, intercom: Intercom) -> None:
    found = [NEVER_SEEN_FIELDS, OLDER_FIELDS, ANNA_FIELDS, OLDER_FIELDS]
    fake.answers("POST /contacts/search", says(200, {"type": "list", "data": found}))

    contacts = await intercom.find_by_email(" shared@example.org ")

    assert [contact.id[-4:] for contact in contacts] == ["9001", "9004", "9005"]
    assert fake.bodies[0]["query"] == {"field": "email", "operator": "=", "value": "shared@example.org"}


async def test_phone_is_searched_in_the_usual_spellings(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("POST /contacts/search", says(200, {"type": "list", "data": [ANNA_FIELDS]}))

    assert len(await intercom.find_by_phone("+306941234567")) == 1
    query = fake.bodies[0]["query"]
    assert query["operator"] == "OR"
    assert {"field": "phone", "operator": "=", "value": "+30 694 123 4567"} in query["value"]


async def test_nothing_to_look_for_asks_nothing(fake: FakeIntercom, intercom: Intercom) -> None:
    assert await intercom.find_by_id(" ") == []
    assert await intercom.find_by_email("") == []
    assert await intercom.find_by_phone("  ") == []
    assert fake.asked == []


async def test_note_is_written_and_its_part_named(fake: FakeIntercom, intercom: Intercom) -> None:
    parts = [{"id": 131, "part_type": "comment"}, {"id": "132", "part_type": "note", "body": "<p>Sent</p>"}]
    body = {"type": "conversation", "conversation_parts": {"conversation_parts": parts}}
    fake.answers("POST /conversations/215470001/reply", says(200, body))

    assert await intercom.add_note("215470001", "814860", "<p>Sent</p>") == "132"
    assert fake.bodies == [
        {"message_type": "note", "type": "admin", "admin_id": "814860", "body": "<p>Sent</p>"},
    ]


async def test_note_that_the_answer_does_not_name_counts_as_written(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("POST /conversations/215470001/reply", says(200, {"type": "conversation"}))

    assert await intercom.add_note("215470001", "814860", "<p>Sent</p>") is None


async def test_marker_is_looked_for_in_every_part(fake: FakeIntercom, intercom: Intercom) -> None:
    parts = [{"id": "1", "body": None}, {"id": "2", "body": "<p>Sent. Ref 4f2a</p>"}]
    body = {"conversation_parts": {"conversation_parts": parts}}
    fake.answers("GET /conversations/215470001", says(200, body))

    assert await intercom.conversation_parts_contain("215470001", "4f2a")
    assert not await intercom.conversation_parts_contain("215470001", "4f2b")


async def test_token_tells_its_workspace_and_teammates(fake: FakeIntercom, intercom: Intercom) -> None:
    app = {"id_code": "sandbox1", "name": "Sandbox", "region": "EU", "timezone": "Europe/Athens"}
    maria = {"type": "admin", "id": "814860", "name": "Maria Lopez", "email": "maria@example.com"}
    fake.answers("GET /me", says(200, {**maria, "app": app}))
    fake.answers("GET /admins", says(200, {"type": "admin.list", "admins": [maria]}))

    identity = await intercom.me()

    assert (identity.workspace_id, identity.region) == ("sandbox1", "eu")
    assert [admin.name for admin in await intercom.admins()] == ["Maria Lopez"]


ANNA_CONTACT = Contact(id=ANNA, role="user")
OPENED = {"type": "admin_message", "id": "403918396", "message_type": "inapp", "body": "<p>Hello</p>"}
CONVERSATION_FIELDS = {
    "type": "conversation",
    "id": "215470010",
    "created_at": 1734537546,
    "source": {
        "delivered_as": "admin_initiated",
        "body": "<p>Hello</p>",
        "author": {"type": "admin", "id": "814860"},
    },
}


def conversations(*found: dict[str, object]) -> dict[str, object]:
    return {"type": "conversation.list", "conversations": list(found)}


async def test_conversation_is_opened_with_an_in_app_message(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("POST /messages", says(200, {**OPENED, "conversation_id": "215470010"}))

    assert await intercom.open_conversation(814860, ANNA_CONTACT, "<p>Hello</p>") == "215470010"
    assert fake.bodies == [
        {
            "message_type": "in_app",
            "body": "<p>Hello</p>",
            "from": {"type": "admin", "id": 814860},
            "to": {"type": "user", "id": ANNA},
            "create_conversation_without_contact_reply": True,
        }
    ]


async def test_conversation_that_the_answer_does_not_name_is_searched(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("POST /messages", says(200, OPENED))
    fake.answers("POST /conversations/search", says(200, conversations(CONVERSATION_FIELDS)))

    assert await intercom.open_conversation(814860, ANNA_CONTACT, "<p>Hello</p>") == "215470010"
    assert fake.bodies[1]["query"] == {"field": "source.id", "operator": "=", "value": "403918396"}


@pytest.mark.parametrize("search", [says(200, conversations()), refuses(429, "rate_limit_exceeded"), refuses(500, "x")])
async def test_message_that_was_taken_is_never_told_as_an_error(
    fake: FakeIntercom, intercom: Intercom, search: Answer
) -> None:
    fake.answers("POST /messages", says(200, OPENED))
    fake.answers("POST /conversations/search", search)

    assert await intercom.open_conversation(814860, ANNA_CONTACT, "<p>Hello</p>") is None


async def test_conversations_since_a_moment_come_oldest_first(fake: FakeIntercom, intercom: Intercom) -> None:
    bare = {"id": "215470011", "created_at": 1734537600}
    fake.answers("POST /conversations/search", says(200, conversations(bare, CONVERSATION_FIELDS)))

    found = await intercom.conversations_since(ANNA, datetime(2024, 12, 18, tzinfo=UTC))

    assert [(one.id, one.author_id, one.body) for one in found] == [
        ("215470010", "814860", "<p>Hello</p>"),
        ("215470011", None, None),
    ]
    assert [one.was_begun_by("814860") for one in found] == [True, False]
    assert fake.bodies[0]["query"] == {
        "operator": "AND",
        "value": [
            {"field": "contact_ids", "operator": "=", "value": ANNA},
            {"field": "created_at", "operator": ">", "value": 1734480000},
        ],
    }


async def test_conversation_is_marked_as_read_and_assigned(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("PUT /conversations/7", says(200, CONVERSATION_FIELDS))
    fake.answers("POST /conversations/7/parts", says(200, CONVERSATION_FIELDS))

    await intercom.mark_as_read("7")
    await intercom.assign("7", "814860")

    assert fake.bodies == [
        {"read": True},
        {"message_type": "assignment", "type": "admin", "admin_id": "814860", "assignee_id": "814860"},
    ]


@pytest.mark.parametrize(("region", "host"), [("us", "app"), ("eu", "app.eu"), ("au", "app.au"), ("mars", "app")])
def test_conversations_are_read_in_the_region_of_the_workspace(region: str, host: str) -> None:
    assert inbox_url("a b", region, "1/2") == f"https://{host}.intercom.com/a/inbox/a%20b/inbox/conversation/1%2F2"


async def exchange(fake: FakeIntercom, session: aiohttp.ClientSession) -> str:
    given = {"client_id": "id", "client_secret": "secret", "code": "c=="}
    return await exchange_code(session, fake.base_url, **given, timeout_seconds=1)


@pytest.mark.parametrize("answer", [{"access_token": "t", "token": "t"}, {"token": "t"}])
async def test_code_is_exchanged_without_a_token_of_ours(
    fake: FakeIntercom, session: aiohttp.ClientSession, answer: dict[str, str]
) -> None:
    fake.reads_json = False
    fake.answers("POST /auth/eagle/token", says(200, {"token_type": "Bearer", **answer}))

    assert await exchange(fake, session) == "t"
    assert "Authorization" not in fake.headers[0]
    assert fake.bodies == ["code=c%3D%3D&client_id=id&client_secret=secret"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refuses(401, "unauthorized", "Unauthorized Code"), Refused),
        (refuses(500, "server_error"), NoAnswer),
        (says(200, {"token": ""}), NoAnswer),
        (says(200, {}), NoAnswer),
    ],
)
async def test_code_that_is_not_exchanged_says_why(
    fake: FakeIntercom, session: aiohttp.ClientSession, answer: Answer, error: type[Exception]
) -> None:
    fake.reads_json = False
    fake.answers("POST /auth/eagle/token", answer)

    with pytest.raises(error):
        await exchange(fake, session)
