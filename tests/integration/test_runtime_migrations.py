"""Migrations are applied once each, in order, by one runner at a time, and never changed afterwards."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import asyncpg
import pytest

from runtime.migrations import Migration, MigrationChanged, Source, found, migrate, pending

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

FIRST = "CREATE TABLE {schema}.message (id uuid PRIMARY KEY);"
SECOND = """
ALTER TABLE {schema}.message ADD COLUMN text text;
INSERT INTO {schema}.message VALUES (gen_random_uuid(), 'a');
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def make_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], Source]:
    """A package with these SQL files, owning a schema of its own."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def make(files: Mapping[str, str]) -> Source:
        name = f"owner_{uuid4().hex}"
        write(tmp_path, Source(name, name), files)
        return Source(name, name)

    return make


def write(folder: Path, source: Source, files: Mapping[str, str]) -> None:
    migrations = folder / source.package / "migrations"
    migrations.mkdir(parents=True, exist_ok=True)
    (folder / source.package / "__init__.py").touch()
    for name, sql in files.items():
        (migrations / name).write_text(sql.format(schema=source.schema))


MakeSource = Callable[[Mapping[str, str]], Source]


def names(migrations: list[Migration]) -> list[str]:
    return [migration.name for migration in migrations]


async def test_files_are_applied_once_in_order(connection: Connection, make_source: MakeSource) -> None:
    source = make_source({"0002_text.sql": SECOND, "0001_message.sql": FIRST, "README.md": "no SQL"})
    assert names(await pending(connection, [source])) == ["0001_message", "0002_text"]
    assert names(await migrate(connection, [source])) == ["0001_message", "0002_text"]
    assert await pending(connection, [source]) == []
    assert await migrate(connection, [source]) == []
    assert await connection.fetchval(f"SELECT count(*) FROM {source.schema}.message") == 1
    rows = await connection.fetch(f"SELECT name, sha256, applied_at FROM {source.schema}.migration ORDER BY name")
    assert [(row["name"], row["sha256"]) for row in rows] == [(file.name, file.sha256) for file in found(source)]


async def test_later_file_is_applied_on_top(connection: Connection, make_source: MakeSource, tmp_path: Path) -> None:
    source = make_source({"0001_message.sql": FIRST})
    await migrate(connection, [source])
    write(tmp_path, source, {"0002_text.sql": SECOND})
    assert names(await migrate(connection, [source])) == ["0002_text"]


async def test_changed_file_is_refused_and_nothing_is_applied(
    connection: Connection, make_source: MakeSource, tmp_path: Path
) -> None:
    source = make_source({"0001_message.sql": FIRST})
    await migrate(connection, [source])
    write(tmp_path, source, {"0001_message.sql": FIRST + " -- better", "0002_text.sql": SECOND})
    other = make_source({"0001_message.sql": FIRST})
    for look in (pending, migrate):
        with pytest.raises(MigrationChanged, match=f"{source.schema}/0001_message.sql was changed"):
            await look(connection, [other, source])
    assert await connection.fetchval("SELECT to_regclass($1)", f"{other.schema}.message") is None


async def test_failing_file_leaves_no_trace_and_those_before_it_stay(
    connection: Connection, make_source: MakeSource, tmp_path: Path
) -> None:
    broken = "CREATE TABLE {schema}.half (id int); SELECT no_such_column;"
    source = make_source({"0001_message.sql": FIRST, "0002_half.sql": broken})
    with pytest.raises(asyncpg.UndefinedColumnError):
        await migrate(connection, [source])
    assert names(await pending(connection, [source])) == ["0002_half"]
    assert await connection.fetchval("SELECT to_regclass($1)", f"{source.schema}.half") is None
    write(tmp_path, source, {"0002_half.sql": "CREATE TABLE {schema}.half (id int);"})
    assert names(await migrate(connection, [source])) == ["0002_half"]


async def test_two_runners_at_once_apply_each_file_once(
    connection: Connection, database_url: str, make_source: MakeSource
) -> None:
    slow = FIRST + " SELECT pg_sleep(0.3);"
    source = make_source({"0001_message.sql": slow, "0002_text.sql": SECOND})
    others = [await asyncpg.connect(database_url) for _ in range(3)]
    try:
        runs = await asyncio.gather(*(migrate(runner, [source]) for runner in (connection, *others)))
    finally:
        for other in others:
            await other.close()
    assert sorted(map(len, runs)) == [0, 0, 0, 2]


async def test_owners_keep_their_own_lists(connection: Connection, make_source: MakeSource) -> None:
    one, two = make_source({"0001_message.sql": FIRST}), make_source({"0001_message.sql": FIRST})
    applied = await migrate(connection, [one, two])
    assert [migration.schema for migration in applied] == [one.schema, two.schema]
