"""What the fakes answer, held against the official descriptions of the real ones."""

from collections.abc import Callable

import pytest
from aiohttp import ClientResponse

from sandbox import fixtures
from tests.unit.sandbox.descriptions import Description, description, skip_without_any
from tests.unit.sandbox.harness import ACCOUNT, ANNA_PHONE, INFOBIP_KEY, Json, Sandbox, basic

OF_INTERCOM = "intercom_2.16.yaml"
OF_TWILIO = "twilio_messages.json"
OF_META = "meta_whatsapp_messages_patched.yaml"
OF_INFOBIP = "infobip_viber.json"
skip_without_any(OF_INTERCOM, OF_TWILIO, OF_META, OF_INFOBIP)

ANNA = fixtures.ANNA_ID
THREAD = "215470001"
BY_MARIA: Json = {"type": "admin", "admin_id": "814860"}
NOTE: Json = {**BY_MARIA, "message_type": "note", "body": "<p>SMS sent</p>"}
IN_APP: Json = {
    "message_type": "in_app",
    "body": "Hello",
    "from": {"type": "admin", "id": 814860},
    "to": {"type": "user", "id": ANNA},
}
OPENING: Json = {**IN_APP, "create_conversation_without_contact_reply": True}
BY_PHONE: Json = {"query": {"field": "phone", "operator": "=", "value": ANNA_PHONE}}
OF_ANNA: Json = {"query": {"field": "contact_ids", "operator": "=", "value": ANNA}}
NOT_ONE: Json = {"query": {"field": "source.id", "operator": "=", "value": "1"}, "pagination": {"per_page": 5}}
UNKNOWN_ORDER: Json = {**BY_PHONE, "sort": {"field": "name", "order": "desc"}}
NOBODY: Json = {"query": {"field": "email", "operator": "=", "value": "nobody@example.org"}}

# Method, path as in the description, what stands for its names, body, status.
INTERCOM: tuple[tuple[str, str, dict[str, str], Json | None, int], ...] = (
    ("GET", "/me", {}, None, 200),
    ("GET", "/admins", {}, None, 200),
    ("GET", "/tags", {}, None, 200),
    ("POST", "/tags", {}, {"name": "sms"}, 200),
    ("POST", "/contacts/search", {}, BY_PHONE, 200),
    ("POST", "/contacts/search", {}, NOBODY, 200),
    ("POST", "/contacts/search", {}, UNKNOWN_ORDER, 400),
    ("POST", "/contacts/search", {}, {}, 400),
    ("POST", "/conversations/search", {}, OF_ANNA, 200),
    ("POST", "/conversations/search", {}, NOT_ONE, 200),
    ("GET", "/contacts/{contact_id}", {"contact_id": ANNA}, None, 200),
    ("GET", "/contacts/{contact_id}", {"contact_id": fixtures.EMMA_ID}, None, 200),
    ("GET", "/contacts/find_by_external_id/{external_id}", {"external_id": "cust-1002"}, None, 200),
    ("POST", "/contacts", {}, {"email": "new@example.com"}, 200),
    ("POST", "/conversations", {}, {"from": {"type": "user", "id": ANNA}, "body": "Hello"}, 200),
    ("POST", "/conversations", {}, {"from": {"type": "user", "id": "0" * 24}, "body": "Hello"}, 404),
    ("GET", "/conversations/{conversation_id}", {"conversation_id": THREAD}, None, 200),
    ("GET", "/conversations/{conversation_id}", {"conversation_id": "1"}, None, 404),
    ("PUT", "/conversations/{conversation_id}", {"conversation_id": THREAD}, {"read": True}, 200),
    ("PUT", "/conversations/{conversation_id}", {"conversation_id": "1"}, {"read": True}, 404),
    ("POST", "/conversations/{conversation_id}/reply", {"conversation_id": THREAD}, NOTE, 200),
    ("POST", "/conversations/{conversation_id}/reply", {"conversation_id": "1"}, NOTE, 404),
    (
        "POST",
        "/conversations/{conversation_id}/parts",
        {"conversation_id": THREAD},
        {**BY_MARIA, "message_type": "assignment", "assignee_id": "814861"},
        200,
    ),
    ("POST", "/messages", {}, IN_APP, 200),
    ("POST", "/messages", {}, OPENING, 200),
    ("POST", "/messages", {}, {**IN_APP, "message_type": "smoke"}, 400),
    ("POST", "/messages", {}, {**IN_APP, "body": ""}, 400),
    ("POST", "/messages", {}, {**IN_APP, "to": {"type": "visitor", "id": ANNA}}, 400),
    ("POST", "/messages", {}, {**IN_APP, "from": {"type": "admin", "id": "814860"}}, 422),
)

TWILIO = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
META = "/{Version}/{Phone-Number-ID}/messages"
VIBER = "/viber/2/messages"


@pytest.fixture(scope="module")
def intercom() -> Description:
    return description(OF_INTERCOM)


@pytest.fixture(scope="module")
def twilio() -> Description:
    return description(OF_TWILIO)


@pytest.fixture(scope="module")
def meta() -> Description:
    return description(OF_META)


@pytest.fixture(scope="module")
def infobip() -> Description:
    return description(OF_INFOBIP)


# Meta's guide to its errors shows it, the description forgot it.
BEYOND_META = ("error/error_data",)
# Shown where a contact stands alone, forgotten where it is found.
BEYOND_SEARCH = tuple(f"data/{part}/type" for part in ("tags", "notes", "companies", "social_profiles"))


async def agreed(
    response: ClientResponse,
    status: int,
    against: Description,
    method: str,
    path: str,
    beyond: tuple[str, ...] = (),
) -> Json:
    """The answer, after it was found to be what the description says."""
    body: Json = await response.json()
    assert response.status == status, body
    assert against.problems(method, path, status, body, beyond) == []
    return body


@pytest.mark.parametrize(("method", "path", "names", "body", "status"), INTERCOM)
async def test_intercom_answers_as_described(
    sandbox: Sandbox,
    intercom: Description,
    method: str,
    path: str,
    names: dict[str, str],
    body: Json | None,
    status: int,
) -> None:
    response = await sandbox.intercom(method, path.format(**names), body)
    await agreed(response, status, intercom, method, path, BEYOND_SEARCH if path == "/contacts/search" else ())


@pytest.mark.parametrize(("method", "path"), [("GET", "/admins"), ("POST", "/contacts/search"), ("POST", "/messages")])
async def test_intercom_refuses_a_wrong_token_as_described(
    sandbox: Sandbox, intercom: Description, method: str, path: str
) -> None:
    response = await sandbox.intercom(method, path, {} if method == "POST" else None, token="other")
    await agreed(response, 401, intercom, method, path)


async def test_conversation_with_tag_and_assignment_is_as_described(sandbox: Sandbox, intercom: Description) -> None:
    tag = await sandbox.json(await sandbox.intercom("POST", "/tags", {"name": "whatsapp"}))
    opened = await sandbox.json(await sandbox.intercom("POST", "/messages", OPENING))
    path = f"/conversations/{opened['conversation_id']}"
    tagging = {"id": tag["id"], "admin_id": "814860"}
    tagged = await sandbox.intercom("POST", f"{path}/tags", tagging)
    await agreed(tagged, 200, intercom, "POST", "/conversations/{conversation_id}/tags")
    await sandbox.intercom("POST", f"{path}/parts", {**BY_MARIA, "message_type": "assignment", "assignee_id": "814860"})
    await sandbox.intercom("PUT", path, {"read": True})
    response = await sandbox.intercom("GET", path)
    body = await agreed(response, 200, intercom, "GET", "/conversations/{conversation_id}")
    assert (body["read"], body["admin_assignee_id"], body["source"]["delivered_as"]) == (
        True,
        814860,
        "admin_initiated",
    )


async def test_twilio_answers_as_described(sandbox: Sandbox, twilio: Description) -> None:
    message = await agreed(await sandbox.send_sms(), 201, twilio, "POST", TWILIO)
    base = f"/twilio/2010-04-01/Accounts/{ACCOUNT}"
    listed = await sandbox.client.get(f"{base}/Messages.json", headers=basic())
    await agreed(listed, 200, twilio, "GET", TWILIO)
    one = await sandbox.client.get(f"{base}/Messages/{message['sid']}.json", headers=basic())
    await agreed(one, 200, twilio, "GET", TWILIO.replace(".json", "/{Sid}.json"))


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("normal", 200),
        ("window_closed", 200),
        ("invalid_number", 400),
        ("unauthorized", 401),
        ("rate_limited", 429),
        ("error", 500),
    ],
)
async def test_meta_answers_as_described(sandbox: Sandbox, meta: Description, mode: str, status: int) -> None:
    await sandbox.behave("meta", mode=mode, receipts="none")
    await agreed(await sandbox.send_whatsapp(), status, meta, "POST", META, BEYOND_META)


@pytest.mark.parametrize(
    ("mode", "status"),
    [("normal", 200), ("invalid_number", 200), ("unauthorized", 401), ("error", 500)],
)
async def test_infobip_answers_as_described(sandbox: Sandbox, infobip: Description, mode: str, status: int) -> None:
    await sandbox.behave("infobip", mode=mode, receipts="none")
    await agreed(await sandbox.send_viber(), status, infobip, "POST", VIBER)
    headers = {"Authorization": f"App {INFOBIP_KEY}"}
    empty = await sandbox.client.post(f"/infobip{VIBER}", json={"messages": []}, headers=headers)
    await agreed(empty, 401 if mode == "unauthorized" else empty.status, infobip, "POST", VIBER)


def _without(field: str) -> Callable[[Json], object]:
    return lambda body: body.pop(field)


def _with(**fields: object) -> Callable[[Json], object]:
    return lambda body: body.update(fields)


@pytest.mark.parametrize(
    "break_it",
    [_with(id=1), _with(created_at="yesterday"), _with(read="yes"), _with(colour="red"), _with(tags=[])],
)
async def test_broken_conversation_is_caught(
    sandbox: Sandbox, intercom: Description, break_it: Callable[[Json], object]
) -> None:
    body = await sandbox.json(await sandbox.intercom("GET", f"/conversations/{THREAD}"))
    break_it(body)
    assert intercom.problems("GET", "/conversations/{conversation_id}", 200, body)


@pytest.mark.parametrize(
    "break_it", [_with(sid="SM1"), _with(status="eaten"), _with(num_segments=1), _with(colour="red")]
)
async def test_broken_sms_is_caught(sandbox: Sandbox, twilio: Description, break_it: Callable[[Json], object]) -> None:
    body = await sandbox.json(await sandbox.send_sms())
    break_it(body)
    assert twilio.problems("POST", TWILIO, 201, body)


@pytest.mark.parametrize("break_it", [_without("code"), _without("type"), _with(code="190"), _with(message=None)])
async def test_broken_refusal_of_metas_is_caught(
    sandbox: Sandbox, meta: Description, break_it: Callable[[Json], object]
) -> None:
    body = await sandbox.json(await sandbox.send_whatsapp("other"))
    break_it(body["error"])
    assert meta.problems("POST", META, 401, body)


async def test_answer_that_is_not_described_at_all_is_caught(intercom: Description) -> None:
    with pytest.raises(AssertionError, match="may answer"):
        intercom.problems("GET", "/me", 418, {})
