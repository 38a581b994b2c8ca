"""Searching as Intercom does: operators, nesting, order, pages, and what it refuses."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sandbox.fixtures import ANNA_ID, GIORGOS_ID, TIME_ZONE
from tests.unit.sandbox.harness import Json, Sandbox

ANNAS, GIORGOS, EMMAS, SAMS = "215470001", "215470002", "215470003", "215470007"
OPENING: Json = {
    "message_type": "in_app",
    "body": "<p>Your table is booked &amp; paid.</p>",
    "from": {"type": "admin", "id": 814860},
    "to": {"type": "user", "id": ANNA_ID},
    "create_conversation_without_contact_reply": True,
}


def where(field: str, operator: str, value: object) -> Json:
    return {"field": field, "operator": operator, "value": value}


def group(operator: str, *parts: Json) -> Json:
    return {"operator": operator, "value": list(parts)}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (where("phone", "=", "+30 694 123 4567"), {"Giorgos Papadopoulos"}),
        (where("phone", "=", "+306941234567"), set()),
        (where("phone", "IN", ["+306941234567", "+30 694 123 4567"]), {"Giorgos Papadopoulos"}),
        (where("phone", "~", "694"), {"Giorgos Papadopoulos"}),
        (where("phone", "^", "+491"), {"Anna Schmidt", "M"}),
        (where("phone", "=", None), {"Emma Wilson"}),
        (where("email", "=", "SHARED@example.org"), {"Li Wei", "Li Na"}),
        (where("external_id", "=", "cust-1001"), {"Anna Schmidt"}),
        (where("id", "=", "6657add46abd0167d9419003"), {"Emma Wilson"}),
        (where("role", "=", "lead"), {"Emma Wilson"}),
        (where("name", "~", "schmidt"), {"Anna Schmidt"}),
        (where("email_domain", "=", "example.net"), {"Emma Wilson"}),
        (where("phone", "!~", "1"), {"Emma Wilson"}),
    ],
)
async def test_operator_finds_exactly(sandbox: Sandbox, query: Json, found: set[str]) -> None:
    # "M" stands for the contact with the very long name.
    assert {name if len(name) < 80 else "M" for name in await sandbox.search(query)} == found


async def test_merged_contacts_are_never_found(sandbox: Sandbox) -> None:
    assert await sandbox.search(where("external_id", "=", "cust-1006")) == []


async def test_groups_nest(sandbox: Sandbox) -> None:
    either = group("OR", where("name", "=", "Li Na"), where("name", "=", "Anna Schmidt"))
    both = group("AND", either, group("AND", where("email", "!=", "shared@example.org")))
    assert await sandbox.search(both) == ["Anna Schmidt"]


@pytest.mark.parametrize(
    ("operator", "hours", "found"),
    [("=", 0, True), ("=", 24, False), (">", 0, False), (">", -24, True), ("<", 0, False), ("<", 24, True)],
)
async def test_contacts_are_searched_by_whole_days_of_the_workspace(
    sandbox: Sandbox, operator: str, hours: int, found: bool
) -> None:
    contact = await sandbox.json(await sandbox.intercom("POST", "/contacts", {"role": "user", "name": "New"}))
    moment = datetime.fromtimestamp(contact["created_at"], ZoneInfo(TIME_ZONE))
    noon = moment.replace(hour=12, minute=0, second=0) + timedelta(hours=hours)
    query = group("AND", where("name", "=", "New"), where("created_at", operator, int(noon.timestamp())))
    assert await sandbox.search(query) == (["New"] if found else [])


async def test_pages_lead_through_all(sandbox: Sandbox) -> None:
    names: list[str] = []
    pagination: Json = {"per_page": 3}
    for _ in range(3):
        body = {
            "query": where("role", "IN", ["user", "lead"]),
            "pagination": pagination,
            "sort": {"field": "name", "order": "ascending"},
        }
        answer = await sandbox.json(await sandbox.intercom("POST", "/contacts/search", body))
        names += [contact["name"] for contact in answer["data"]]
        if "next" not in answer["pages"]:
            break
        pagination = answer["pages"]["next"]
    assert len(names) == answer["total_count"] == 8
    assert answer["pages"]["total_pages"] == 3
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "parameter_missing"),
        ({"query": where("shoe_size", "=", "42")}, "parameter_invalid"),
        ({"query": where("email", "LIKE", "x")}, "parameter_invalid"),
        ({"query": where("email", "IN", "x")}, "parameter_invalid"),
        ({"query": {"operator": "AND", "value": []}}, "parameter_invalid"),
        ({"query": group("AND", where("email", "=", "x"), group("OR", where("id", "=", "x")))}, "parameter_invalid"),
        ({"query": where("email", "=", 5)}, "parameter_invalid"),
        ({"query": where("created_at", "=", "foobar")}, "parameter_invalid"),
        ({"query": where("created_at", "!=", 1)}, "parameter_invalid"),
        ({"query": where("created_at", ">=", 1)}, "parameter_invalid"),
        ({"query": where("created_at", "IN", [1])}, "parameter_invalid"),
        ({"query": where("email", "=", "x"), "sort": {"field": "name", "order": "desc"}}, "invalid_sort_order"),
        ({"query": where("email", "=", "x"), "pagination": {"starting_after": "x"}}, "parameter_invalid"),
        ({"query": where("email", "=", "x"), "pagination": {"per_page": 151}}, "parameter_invalid"),
    ],
)
async def test_query_that_intercom_does_not_take_is_refused(sandbox: Sandbox, body: Json, code: str) -> None:
    response = await sandbox.intercom("POST", "/contacts/search", body)
    assert response.status == 400
    assert (await response.json())["errors"][0]["code"] == code


async def test_third_level_of_nesting_is_refused(sandbox: Sandbox) -> None:
    query = where("email", "=", "x")
    for _ in range(3):
        query = {"operator": "AND", "value": [query]}
    assert (await sandbox.intercom("POST", "/contacts/search", {"query": query})).status == 400


async def conversations(sandbox: Sandbox, query: Json, **more: Json) -> Json:
    """The answer of a search for conversations."""
    response = await sandbox.intercom("POST", "/conversations/search", {"query": query, **more})
    assert response.status == 200, await response.text()
    return await sandbox.json(response)


async def ids(sandbox: Sandbox, query: Json) -> list[str]:
    return [one["id"] for one in (await conversations(sandbox, query))["conversations"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (where("contact_ids", "=", ANNA_ID), {ANNAS}),
        (where("contact_ids", "IN", [ANNA_ID, GIORGOS_ID]), {ANNAS, GIORGOS}),
        (where("contact_ids", "NIN", [ANNA_ID, GIORGOS_ID]), {EMMAS, SAMS}),
        (where("id", "=", SAMS), {SAMS}),
        (where("source.body", "=", "appointment"), {GIORGOS}),
        (where("source.body", "=", "my appointment"), set()),
        (where("source.body", "!=", "my"), {EMMAS, SAMS}),
        (where("source.author.type", "=", "lead"), {EMMAS}),
        (where("teammate_ids", "=", "814861"), {ANNAS, GIORGOS}),
        (where("admin_assignee_id", "=", "0"), {ANNAS, GIORGOS, EMMAS, SAMS}),
        (where("open", "=", False), set()),
        (where("state", "^", "op"), {ANNAS, GIORGOS, EMMAS, SAMS}),
        (where("created_at", "<", 0), set()),
        (where("created_at", ">", "1306054154"), {ANNAS, GIORGOS, EMMAS, SAMS}),
        (group("OR", where("contact_ids", "=", ANNA_ID), where("id", "=", EMMAS)), {ANNAS, EMMAS}),
    ],
)
async def test_conversations_are_found_exactly(sandbox: Sandbox, query: Json, found: set[str]) -> None:
    assert set(await ids(sandbox, query)) == found


async def test_conversations_are_searched_by_the_second(sandbox: Sandbox) -> None:
    began = (await conversations(sandbox, where("id", "=", ANNAS)))["conversations"][0]["created_at"]
    for operator, moment, holds in (
        (">", began - 1, True),
        (">", began, True),  # "Greater (or equal) than"
        (">", began + 1, False),
        ("<", began, True),
        ("<", began - 1, False),
        ("=", began, True),
        ("=", began + 1, False),
    ):
        query = group("AND", where("contact_ids", "=", ANNA_ID), where("created_at", operator, moment))
        assert await ids(sandbox, query) == ([ANNAS] if holds else []), (operator, moment - began)


async def test_conversation_is_found_by_the_message_that_opened_it(sandbox: Sandbox) -> None:
    message = await sandbox.json(await sandbox.intercom("POST", "/messages", OPENING))
    assert await ids(sandbox, where("source.id", "=", message["id"])) == [message["conversation_id"]]
    recent = where("created_at", ">", message["created_at"] - 60)
    assert await ids(sandbox, group("AND", where("contact_ids", "=", ANNA_ID), recent)) == [message["conversation_id"]]
    assert await ids(sandbox, where("source.body", "=", "BOOKED")) == [message["conversation_id"]]


async def test_pages_lead_through_all_conversations(sandbox: Sandbox) -> None:
    found: list[str] = []
    pagination: Json = {"per_page": 3}
    for _ in range(2):
        answer = await conversations(sandbox, where("state", "=", "open"), pagination=pagination)
        found += [one["id"] for one in answer["conversations"]]
        pagination = answer["pages"].get("next", {})
    assert (found, answer["total_count"]) == ([ANNAS, GIORGOS, EMMAS, SAMS], 4)
    assert (answer["pages"]["page"], answer["pages"]["total_pages"], "next" in answer["pages"]) == (2, 2, False)
    usual = await conversations(sandbox, where("state", "=", "open"))
    assert (usual["pages"]["per_page"], "next" in usual["pages"]) == (20, False)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": where("statistics.count_reopens", "=", 1)},
        {"query": where("contact_ids", ">", "x")},
        {"query": where("created_at", ">=", 1)},
        {"query": where("created_at", ">", "foobar")},
        {"query": where("created_at", ">", None)},
        {"query": where("open", "=", "yes")},
        {"query": where("admin_assignee_id", "=", True)},
        {"query": group("AND", *[where("id", "=", "x")] * 16)},
        {"query": where("id", "=", "x"), "pagination": {"per_page": 151}},
        {"query": where("id", "=", "x"), "pagination": {"starting_after": "YWZ0ZXI6LTE="}},
        {"query": where("id", "=", "x"), "pagination": 5},
    ],
)
async def test_search_for_conversations_that_intercom_does_not_take_is_refused(sandbox: Sandbox, body: Json) -> None:
    response = await sandbox.intercom("POST", "/conversations/search", body)
    assert response.status == 400
    assert (await response.json())["type"] == "error.list"
