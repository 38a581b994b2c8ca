"""Installations under way: one use, ten minutes, one browser."""

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from directory import SOURCE, Installs, Taken, Vault, Workspace, Workspaces
from runtime import postgres
from runtime.migrations import migrate
from runtime.postgres import Pool


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [SOURCE])
    await connection.execute("TRUNCATE directory.install")
    await connection.close()
    async with postgres.pool(database_url, application="test", size=2) as connections:
        yield connections


async def test_state_is_good_once(pool: Pool) -> None:
    installs = Installs(pool)
    begun = await installs.begin()

    assert await Installs(pool).take(begun.state, begun.browser) is Taken.GOOD
    assert await installs.take(begun.state, begun.browser) is Taken.UNKNOWN


async def test_another_browser_uses_it_up_for_nothing(pool: Pool) -> None:
    installs = Installs(pool)
    mine, theirs = await installs.begin(), await installs.begin()

    assert await installs.take(mine.state, theirs.browser) is Taken.OTHER_BROWSER
    assert await installs.take(mine.state, mine.browser) is Taken.UNKNOWN
    assert await installs.take(theirs.state, "") is Taken.OTHER_BROWSER


@pytest.mark.parametrize("state", ["", "made up", "\ud800", "x" * 100_000])
async def test_state_that_is_not_ours_is_unknown(pool: Pool, state: str) -> None:
    assert await Installs(pool).take(state, "browser") is Taken.UNKNOWN


async def test_state_is_over_after_ten_minutes_and_then_forgotten(pool: Pool) -> None:
    installs = Installs(pool)
    begun = await installs.begin()
    left = await pool.fetchval("SELECT extract(epoch FROM expires_at - now())::int FROM directory.install")
    assert 595 <= left <= 600
    await pool.execute("UPDATE directory.install SET expires_at = now() - interval '1 second'")

    await installs.begin()
    assert await pool.fetchval("SELECT count(*) FROM directory.install") == 1
    assert await installs.take(begun.state, begun.browser) is Taken.UNKNOWN


async def test_state_that_is_over_and_still_there_is_unknown(pool: Pool) -> None:
    begun = await Installs(pool).begin()
    await pool.execute("UPDATE directory.install SET expires_at = now() - interval '1 second'")
    assert await Installs(pool).take(begun.state, begun.browser) is Taken.UNKNOWN


async def test_what_travels_is_not_in_the_database(pool: Pool) -> None:
    begun = await Installs(pool).begin()
    row = await pool.fetchval("SELECT install::text FROM directory.install AS install")
    assert begun.state not in row
    assert begun.browser not in row
    assert min(len(begun.state), len(begun.browser)) >= 43


async def test_renewed_workspace_keeps_its_settings(pool: Pool) -> None:
    workspaces = Workspaces(pool, Vault([SecretStr(Fernet.generate_key().decode())]))
    workspace = Workspace(id="renewed", name="Ours", time_zone="Europe/Athens", open_new_assign=True)
    assert not await workspaces.renew(workspace.id, "new", "eu")
    assert await workspaces.get(workspace.id) is None

    await workspaces.put(workspace, "old")
    assert await workspaces.renew(workspace.id, "new", "eu")
    assert await workspaces.get(workspace.id) == replace(workspace, region="eu")
    assert await workspaces.token(workspace.id) == "new"
