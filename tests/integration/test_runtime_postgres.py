"""The pool waits for its database, and errors of a statement are told apart from a database that cannot answer."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from devstack.backends import Database
from runtime.postgres import TROUBLE, pool


async def test_values_come_back_as_python_has_them(database_url: str) -> None:
    value = {"list": [1, "zwei", None], "nested": {"ü": True}}
    now = datetime.now(UTC)
    async with pool(database_url, application="tests") as connections:
        row = await connections.fetchrow("SELECT $1::jsonb AS value, $2::timestamptz AS at", value, now)
        assert row is not None
        assert row["value"] == value
        assert row["at"] == now
        assert row["at"].tzinfo is not None
        assert await connections.fetchval("SELECT current_setting('application_name')") == "tests"


@pytest.mark.parametrize(
    ("statement", "arguments"),
    [
        ("SELECT no_such_column", ()),
        ("SELECT $1::int", ("no number",)),
        ("SELECT $1::int", (2**40,)),
        ("SELECT $1::text", ("a\x00b",)),
        ("SELECT 1/0", ()),
        ("SELECT FROM WHERE", ()),
    ],
)
async def test_wrong_statement_or_value_is_no_trouble(
    database_url: str, statement: str, arguments: tuple[object, ...]
) -> None:
    async with pool(database_url, application="tests") as connections:
        with pytest.raises(Exception) as raised:
            await connections.fetchval(statement, *arguments)
        assert not isinstance(raised.value, TROUBLE)
        assert await connections.fetchval("SELECT 1") == 1


async def test_pool_waits_for_its_database(database: Database, database_url: str) -> None:
    await asyncio.to_thread(database.stop)
    try:
        opening = pool(database_url, application="tests")
        entering = asyncio.ensure_future(opening.__aenter__())
        await asyncio.sleep(0.5)
        assert not entering.done()
    finally:
        await asyncio.to_thread(database.start)
    connections = await asyncio.wait_for(entering, 15)
    assert await connections.fetchval("SELECT 1") == 1
    await opening.__aexit__(None, None, None)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_database_that_goes_away_is_trouble_and_comes_back(
    database: Database, database_url: str, mode: str
) -> None:
    async with pool(database_url, application="tests", size=2) as connections:
        assert await connections.fetchval("SELECT 1") == 1
        sleeping = asyncio.ensure_future(connections.execute("SELECT pg_sleep(30)"))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(database.stop, mode)
        try:
            with pytest.raises(TROUBLE):
                await sleeping
            with pytest.raises(TROUBLE):
                await connections.fetchval("SELECT 1")
        finally:
            await asyncio.to_thread(database.start)
        assert await connections.fetchval("SELECT 1") == 1


async def test_statement_that_takes_too_long_is_trouble(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.postgres.STATEMENT_SECONDS", 0.2)
    async with pool(database_url, application="tests") as connections:
        with pytest.raises(TROUBLE):
            await connections.execute("SELECT pg_sleep(5)")
        assert await connections.fetchval("SELECT 1") == 1


async def test_wrong_password_is_told_at_once(database_url: str) -> None:
    user, _, rest = database_url.removeprefix("postgresql://").partition(":")
    wrong = f"postgresql://{user}:wrong@{rest.partition('@')[2]}"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await pool(wrong, application="tests").__aenter__()
