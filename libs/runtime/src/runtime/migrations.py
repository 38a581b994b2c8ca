"""Numbered SQL files, applied once each, in order, by one runner at a time."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from runtime.postgres import Connection

_LOCK = 7_206_154_118
"""A number of our own for PostgreSQL's advisory lock."""


@dataclass(frozen=True)
class Source:
    """The schema that a package owns; its files are `<package>/migrations/NNNN_name.sql`."""

    schema: str
    package: str


@dataclass(frozen=True)
class Migration:
    """One SQL file."""

    schema: str
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest of the file, to notice one that was changed after it was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class MigrationChanged(Exception):
    """A file differs from what was applied under its name: add a new file instead of changing an old one."""


def found(source: Source) -> list[Migration]:
    """The source's files in order."""
    folder = resources.files(source.package) / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [Migration(source.schema, file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in files]


async def pending(connection: Connection, sources: Sequence[Source]) -> list[Migration]:
    """
    What `migrate` would apply.

    Raises:
        MigrationChanged: a file was changed after it was applied.
    """
    waiting: list[Migration] = []
    for source in sources:
        known_names = await applied(connection, source.schema)
        for migration in found(source):
            known = known_names.get(migration.name)
            if known is None:
                waiting.append(migration)
            elif known != migration.sha256:
                raise MigrationChanged(f"{source.schema}/{migration.name}.sql was changed after it was applied")
    return waiting


async def migrate(connection: Connection, sources: Sequence[Source]) -> list[Migration]:
    """
    Apply what is pending, one transaction a file, and return it. Waits for another runner to end.

    Raises:
        MigrationChanged: a file was changed after it was applied; nothing is applied then.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        waiting = await pending(connection, sources)
        for migration in waiting:
            await _apply(connection, migration)
        return waiting
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _apply(connection: Connection, migration: Migration) -> None:
    schema = migration.schema
    async with connection.transaction():
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        await connection.execute(
            f'CREATE TABLE IF NOT EXISTS "{schema}".migration '
            "(name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        await connection.execute(migration.sql)
        await connection.execute(
            f'INSERT INTO "{schema}".migration (name, sha256) VALUES ($1, $2)',
            migration.name,
            migration.sha256,
        )


async def applied(connection: Connection, schema: str) -> dict[str, str]:
    """The names of what was applied, in order, with the digest of each."""
    if await connection.fetchval("SELECT to_regclass($1)", f'"{schema}".migration') is None:
        return {}
    rows = await connection.fetch(f'SELECT name, sha256 FROM "{schema}".migration ORDER BY name')
    return {row["name"]: row["sha256"] for row in rows}
