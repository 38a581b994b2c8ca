"""What the history is asked for, on a real PostgreSQL: every filter, alone and with others, by an index."""

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from pydantic import SecretStr

from proactive_contracts.status import Status
from proactive_contracts.values import Admin, Channel, Contact
from runtime.http import serve
from runtime.postgres import Pool
from status_tracker.domain import searches
from status_tracker.domain.cursors import Position
from status_tracker.export import COLUMNS
from status_tracker.http import TOO_MANY, UNCLEAR, application
from status_tracker.storage.filters import Filters, Statement, ending_in, wanted
from status_tracker.storage.history import MAX_NUMBERS, page
from tests.bench.filling import BEGIN, SPAN, WORKSPACE, fill, number
from tests.integration.tracker_support import make_recorder, open_storage, record
from tests.unit.status_tracker.making import MARIA, NOON, PHONE, Story, make_request

TOM = Admin(id="814861", name="Tom Becker")
FILLED = 20_000


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


@pytest.fixture
async def api(storage: Pool) -> AsyncIterator[aiohttp.ClientSession]:
    async with serve(application(storage, [SecretStr("token")]), "127.0.0.1", 0) as port:
        headers = {"Authorization": "Bearer token"}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
            yield session


async def texts(api: aiohttp.ClientSession, **query: str) -> str:
    """The texts of all that fits, newest first; every page has one message, so that paging is tried as well."""
    found = ""
    while True:
        async with api.get("/v1/workspaces/w1/messages", params={"limit": "1", **query}) as answer:
            page = await answer.json()
        assert answer.status == 200, page
        found += "".join(message["text"] for message in page["messages"])
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def refusal(api: aiohttp.ClientSession, path: str = "messages", **query: str) -> dict[str, Any]:
    async with api.get(f"/v1/workspaces/w1/{path}", params=query) as answer:
        assert (answer.status, answer.content_type) == (400, "application/problem+json")
        problem: dict[str, Any] = await answer.json(content_type=None)
        return problem


async def tell(storage: Pool) -> list[UUID]:
    """Six messages named a to f, a minute apart, and one of another workspace."""
    other_number = "+4917012345678"
    stories = [
        Story(make_request("a", at=NOON)),
        Story(make_request("b", at=NOON + timedelta(minutes=1), requested_by=TOM, channel=Channel.WHATSAPP)),
        Story(make_request("c", at=NOON + timedelta(minutes=2), recipient=other_number)),
        Story(make_request("d", at=NOON + timedelta(minutes=3), conversation_id="c2", channel=Channel.VIBER)),
        Story(make_request("e", at=NOON + timedelta(minutes=4), requested_by=TOM, recipient="+12025550123")),
        Story(make_request("f", at=NOON + timedelta(minutes=5), channel=Channel.WHATSAPP, recipient="US.1234")),
        Story(make_request("x", workspace_id="w2")),
    ]
    await record(make_recorder(storage), *(story.request for story in stories))
    results = [stories[0].accepted(), stories[1].failed(), stories[2].failed(), stories[3].unknown()]
    await record(make_recorder(storage), *results)
    return [story.request.data.message_id for story in stories]


async def test_every_filter_finds_what_fits_and_nothing_else(storage: Pool, api: aiohttp.ClientSession) -> None:
    ids = await tell(storage)
    assert await texts(api) == "fedcba"
    for query, expected in (
        ({"channel": "sms"}, "eca"),
        ({"channel": "sms,viber"}, "edca"),
        ({"channel": "sms, sms"}, "eca"),
        ({"status": "failed"}, "cb"),
        ({"status": "unknown,not_confirmed,sent"}, "da"),
        ({"status": "read"}, ""),
        ({"channel": "whatsapp", "status": "failed"}, "b"),
        ({"channel": "viber", "status": "failed"}, ""),
        ({"requested_by": TOM.id, "status": "queued"}, "e"),
        ({"requested_by": MARIA.id, "channel": "sms"}, "ca"),
        ({"requested_by": MARIA.id, "channel": "sms", "status": "failed"}, "c"),
        ({"conversation_id": "c2", "channel": "viber", "status": "unknown"}, "d"),
        ({"conversation_id": "c2", "status": "failed"}, ""),
        ({"search": str(ids[2])}, "c"),
        ({"search": str(ids[2]), "status": "sent"}, ""),
        ({"search": str(ids[6])}, ""),
        ({"search": str(uuid4())}, ""),
        ({"search": PHONE}, "dba"),
        ({"search": PHONE, "requested_by": TOM.id}, "b"),
        ({"search": PHONE, "channel": "viber,sms"}, "da"),
        ({"search": "0049 (0)170 123-456-78"}, "c"),
        ({"search": "0151 12345678"}, "dba"),
        ({"search": "345678"}, "dcba"),
        ({"search": "345678", "status": "failed", "requested_by": MARIA.id}, "c"),
        ({"search": "US.1234"}, "f"),
        ({"search": "+49170000000"}, ""),
        ({"search": "999999"}, ""),
        ({"from": "2026-11-22T12:02:00Z"}, "fedc"),
        ({"to": "2026-11-22T14:02:00+02:00"}, "ba"),
        ({"from": "2026-11-22T12:01:00+00:00", "to": "2026-11-22T12:04:00Z"}, "dcb"),
        ({"from": "2026-11-22T12:01:00Z", "status": "failed", "channel": "sms"}, "c"),
    ):
        assert await texts(api, **query) == expected, query


async def test_plus_sign_that_was_not_encoded_is_understood(storage: Pool, api: aiohttp.ClientSession) -> None:
    await tell(storage)
    async with api.get("/v1/workspaces/w1/messages?from=2026-11-22T14:05:00+02:00&search=%2B49 151 12345678") as answer:
        assert (answer.status, (await answer.json())["messages"]) == (200, [])
    async with api.get("/v1/workspaces/w1/messages?from=2026-11-22T14:05:00+02:00") as answer:
        assert [message["text"] for message in (await answer.json())["messages"]] == ["f"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"channel": "fax"}, "`channel`: has to be one or more of sms, whatsapp, viber, with commas between them."),
        ({"channel": ""}, "`channel`: has to be"),
        ({"status": "sent,"}, "`status`: has to be one or more of queued, "),
        ({"status": "Sent"}, "`status`: has to be"),
        ({"search": ""}, "`search`: "),
        ({"from": "yesterday"}, "`from`: "),
        ({"from": "2026-11-22"}, "`from`: "),
        ({"from": "2026-11-22T00:00:00"}, "`from`: "),
        ({"from": "1763800000"}, "`from`: has to be a moment with its time zone, such as"),
        ({"to": "0001-01-01T00:00:00+14:00"}, "`to`: "),
        ({"from": "2026-11-22T00:00:00Z", "to": "2026-11-22T00:00:00Z"}, "`from` has to be before `to`."),
        ({"since": "2026-11-22T00:00:00Z"}, "`since` is unknown; there are channel, conversation_id, "),
    ],
)
async def test_bad_filter_is_named(api: aiohttp.ClientSession, query: dict[str, str], sentence: str) -> None:
    for path in ("messages", "messages.csv"):
        problem = await refusal(api, path, **query)
        assert problem["detail"].startswith(sentence), problem


async def test_bad_cursor_is_refused_with_a_sentence(api: aiohttp.ClientSession) -> None:
    problem = await refusal(api, cursor="nonsense")
    assert problem["detail"] == (
        "`cursor`: not a cursor of this API; pass on `next_cursor` as it was given, or begin without one."
    )
    assert "`cursor` is unknown" in (await refusal(api, "messages.csv", cursor="x"))["detail"]


async def test_search_that_is_not_understood_says_what_is(api: aiohttp.ClientSession) -> None:
    for path in ("messages", "messages.csv"):
        problem = await refusal(api, path, search="Anna")
        assert (problem["type"], problem["title"]) == (UNCLEAR, "Search not understood")
        assert problem["detail"] == (
            "`search`: give a message's id, a number such as +4915112345678, or its last 6 digits or more."
        )


async def test_ending_of_too_many_numbers_is_refused_until_more_digits_are_given(
    storage: Pool, api: aiohttp.ClientSession
) -> None:
    requests = [make_request("x", recipient=f"+49{1510 + place}345678") for place in range(MAX_NUMBERS + 1)]
    await record(make_recorder(storage), *requests[:-1])
    assert len(await texts(api, search="345678")) == MAX_NUMBERS
    await record(make_recorder(storage), requests[-1])
    for path in ("messages", "messages.csv"):
        problem = await refusal(api, path, search="345678")
        assert (problem["type"], problem["title"]) == (TOO_MANY, "Too many numbers")
        assert "more than 20 numbers end so; give more of their digits" in problem["detail"]
    assert len(await texts(api, search="1510345678")) == 1


async def test_pages_of_two_ranges_that_share_moments_hold_every_message_once(
    storage: Pool, api: aiohttp.ClientSession
) -> None:
    requests = [
        make_request("x", at=NOON + timedelta(seconds=place // 4), channel=channel)
        for place, channel in enumerate([Channel.SMS, Channel.VIBER] * 6)
    ]
    await record(make_recorder(storage), *requests)
    for query in ({"channel": "sms,viber"}, {"status": "queued"}, {"search": PHONE}, {"search": PHONE[-6:]}):
        assert len(await texts(api, **query)) == 12, query


async def lines_of(answer: aiohttp.ClientResponse) -> list[dict[str, str]]:
    text = (await answer.read()).decode()
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_export_holds_all_that_fits_over_many_pages(
    storage: Pool, api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_tracker.export._PAGE", 2)
    ids = await tell(storage)
    async with api.get("/v1/workspaces/w1/messages.csv") as answer:
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="messages-w1.csv"'
        assert answer.headers["Cache-Control"] == "no-store"
        lines = await lines_of(answer)
    assert [line["text"] for line in lines] == list("fedcba")
    assert lines[-1] == dict.fromkeys(COLUMNS, "") | {
        "message_id": str(ids[0]),
        "requested_at": "2026-11-22T12:00:00Z",
        "status": "sent",
        "status_at": lines[-1]["status_at"],
        "channel": "sms",
        "channel_id": "0b5ad1a0-0000-4000-8000-000000000001",
        "recipient": PHONE,
        "contact_id": "6657add46abd0167d9419001",
        "contact_name": "Anna Schmidt",
        "requested_by_kind": "admin",
        "requested_by_id": "814860",
        "requested_by_name": "Maria Lopez",
        "conversation_id": "215470001",
        "not_after": "2026-11-22T12:15:00Z",
        "provider": "twilio",
        "provider_message_id": lines[-1]["provider_message_id"],
        "text": "a",
    }
    async with api.get("/v1/workspaces/w1/messages.csv", params={"status": "failed", "search": "345678"}) as answer:
        assert [line["text"] for line in await lines_of(answer)] == ["c", "b"]
    async with api.get("/v1/workspaces/w3/messages.csv") as answer:
        assert await answer.text() == ",".join(COLUMNS) + "\r\n"


async def test_export_quotes_and_disarms_what_people_wrote(storage: Pool, api: aiohttp.ClientSession) -> None:
    said = ['He said "hi", twice', "two\r\nlines", "=HYPERLINK(1)", "-1", "\t@x", "  +1", "schön 👩‍👩‍👧"]
    name = Contact(id="1", role="lead", name='=cmd|"/C calc"!A0')
    requests = [make_request(text, contact=name, at=NOON - timedelta(minutes=at)) for at, text in enumerate(said)]
    await record(make_recorder(storage), *requests)
    async with api.get("/v1/workspaces/w1/messages.csv") as answer:
        raw = await answer.read()
        lines = await lines_of(answer)
    assert b'"He said ""hi"", twice"' in raw
    assert [line["text"] for line in lines] == [
        said[0],
        said[1],
        "'=HYPERLINK(1)",
        "'-1",
        "'\t@x",
        "'  +1",
        said[6],
    ]
    assert {line["contact_name"] for line in lines} == {'\'=cmd|"/C calc"!A0'}
    assert {line["recipient"] for line in lines} == {PHONE}


@pytest.mark.parametrize("trouble", [OSError, ConnectionRefusedError, ConnectionResetError, TimeoutError, ValueError])
async def test_export_that_breaks_off_has_no_end(
    storage: Pool, api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
) -> None:
    monkeypatch.setattr("status_tracker.export._PAGE", 2)
    await tell(storage)
    calls = 0

    async def fail_later(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise trouble("the database has gone")
        return await page(*arguments)

    monkeypatch.setattr("status_tracker.storage.history.page", fail_later)
    async with api.get("/v1/workspaces/w1/messages.csv") as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
    monkeypatch.undo()
    assert await texts(api) == "fedcba", "the service goes on"


async def test_export_needs_a_token(api: aiohttp.ClientSession) -> None:
    async with api.get("/v1/workspaces/w1/messages.csv", headers={"Authorization": "Bearer x"}) as answer:
        assert answer.status == 401


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


async def _scans(pool: Pool, statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """How `message` was read, by the plan that the sixth and later executions of a prepared statement have."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            found = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values)
        finally:
            await transaction.rollback()
    return [node for node in _nodes(json.loads(found)[0]["Plan"]) if node.get("Relation Name") == "message"]


def _read(scans: Sequence[dict[str, Any]]) -> float:
    gone = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    return sum(
        float(node["Actual Loops"] * (node["Actual Rows"] + sum(node.get(name, 0) for name in gone))) for node in scans
    )


CONVERSATION, TEAMMATE, BUSIEST, A_NUMBER = "17", "t150", "t0", number(77)
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"channels": [Channel.VIBER]},
    {"statuses": [Status.FAILED]},
    {"statuses": [Status.NOT_SENT]},
    {"channels": [Channel.VIBER, Channel.SMS], "statuses": [Status.UNKNOWN, Status.NOT_CONFIRMED]},
    {"channels": [Channel.VIBER], "statuses": [Status.NOT_SENT]},
)
SCOPES: tuple[dict[str, Any], ...] = (
    {},
    {"requested_by_id": TEAMMATE},
    {"requested_by_id": BUSIEST},
    {"conversation_id": CONVERSATION},
    {"search": UUID(int=7)},
    {"search": A_NUMBER},
    {"search": A_NUMBER, "requested_by_id": BUSIEST},
    {"search": A_NUMBER, "conversation_id": CONVERSATION},
    {"since": BEGIN + SPAN / 2},
    {"since": BEGIN + SPAN / 2, "until": BEGIN + SPAN * 0.51},
    {"since": BEGIN + SPAN / 2, "requested_by_id": BUSIEST},
)


@pytest.mark.parametrize("analyzed", [False, True])
async def test_every_plan_reads_by_an_index_and_little_more_than_a_page(storage: Pool, analyzed: bool) -> None:
    async with storage.acquire() as connection:
        await fill(connection, FILLED, lambda _: None)
        if not analyzed:
            await connection.execute("DELETE FROM pg_statistic WHERE starelid = 'tracker.message'::regclass")
    middle = Position(BEGIN + SPAN / 3, UUID(int=1))
    for scope, kind, after in product(SCOPES, KINDS, (None, middle)):
        filters = Filters(**scope, **kind)
        numbers = [filters.search] if isinstance(filters.search, str) else []
        made: Statement = wanted(WORKSPACE, filters, numbers, after)
        scans = await _scans(storage, made.places(11), made.values)
        how = [(node["Node Type"], node.get("Index Name"), node["Actual Rows"]) for node in scans]
        assert scans, filters
        assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}, (filters, how)
        assert _read(scans) <= 11 * len(Channel) * len(Status), (filters, how)
    statement, values = ending_in(WORKSPACE, searches.Ending(A_NUMBER[-8:]), 21)
    scans = await _scans(storage, statement, values)
    assert {node.get("Index Name") for node in scans} == {"message_by_number"}
    assert _read(scans) <= 4
    found = await page(storage, WORKSPACE, Filters(search=searches.Ending(A_NUMBER[-8:])), None, 10)
    assert {message.row["recipient"] for message in found.messages} == {A_NUMBER}
