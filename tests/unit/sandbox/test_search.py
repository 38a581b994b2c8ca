"""Searching contacts as Intercom does: operators, nesting, order, pages, and what it refuses."""

import pytest

from tests.unit.sandbox.harness import Json, Sandbox


def where(field: str, operator: str, value: object) -> Json:
    return {"field": field, "operator": operator, "value": value}


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
    ],
)
async def test_operator_finds_exactly(sandbox: Sandbox, query: Json, found: set[str]) -> None:
    # "M" stands for the contact with the very long name.
    assert {name if len(name) < 80 else "M" for name in await sandbox.search(query)} == found


async def test_merged_contacts_are_never_found(sandbox: Sandbox) -> None:
    assert await sandbox.search(where("external_id", "=", "cust-1006")) == []


async def test_groups_nest(sandbox: Sandbox) -> None:
    either = {"operator": "OR", "value": [where("name", "=", "Li Na"), where("name", "=", "Anna Schmidt")]}
    both = {"operator": "AND", "value": [either, where("email", "!=", "shared@example.org")]}
    assert await sandbox.search(both) == ["Anna Schmidt"]


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
        ({"query": where("email", "=", "x"), "sort": {"field": "name", "order": "desc"}}, "invalid_sort_order"),
        ({"query": where("email", "=", "x"), "pagination": {"starting_after": "x"}}, "parameter_invalid"),
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
