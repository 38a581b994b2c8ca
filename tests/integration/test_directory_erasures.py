"""Whom an operator erased: known by a keyed hash, and only for what was asked for before."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from directory import SOURCE, Erasures, Vault
from runtime import clock, postgres
from runtime.migrations import migrate
from runtime.postgres import Pool

OLD, NEW, FOREIGN = (SecretStr(Fernet.generate_key().decode()) for _ in range(3))
NUMBER = "+4915112345678"


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [SOURCE])
    await connection.execute("TRUNCATE directory.erasure")
    await connection.close()
    async with postgres.pool(database_url, application="test", size=2) as connections:
        yield connections


async def test_erasure_covers_what_was_asked_for_before_it_only(storage: Pool) -> None:
    erasures = Erasures(storage, Vault([OLD]))
    before = clock.now() - timedelta(seconds=1)
    assert not await erasures.covers("w1", NUMBER, before)
    await erasures.note("w1", NUMBER)
    after = clock.now() + timedelta(seconds=1)
    assert await erasures.covers("w1", NUMBER, before)
    assert not await erasures.covers("w1", NUMBER, after)
    assert not await erasures.covers("w1", "+4915112345679", before)
    assert not await erasures.covers("w2", NUMBER, before)


async def test_person_who_is_erased_again_is_so_until_then(storage: Pool) -> None:
    erasures = Erasures(storage, Vault([OLD]))
    await erasures.note("w1", NUMBER)
    between = clock.now()
    await erasures.note("w1", NUMBER)
    assert await erasures.covers("w1", NUMBER, between)


async def test_number_is_kept_as_a_hash_that_only_its_key_makes(storage: Pool) -> None:
    before = clock.now() - timedelta(seconds=1)
    await Erasures(storage, Vault([OLD])).note("w1", NUMBER)
    [row] = await storage.fetch("SELECT person FROM directory.erasure")
    assert len(row["person"]) == 64
    assert await Erasures(storage, Vault([NEW, OLD])).covers("w1", NUMBER, before), "after a rotation"
    assert not await Erasures(storage, Vault([FOREIGN])).covers("w1", NUMBER, before)
    assert Erasures(storage, Vault([OLD])).person("w1", NUMBER) != Erasures(storage, Vault([OLD])).person("w2", NUMBER)
