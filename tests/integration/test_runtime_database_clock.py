"""The database's clock, read on a machine whose own clock is wrong."""

from datetime import UTC, datetime, timedelta

import asyncpg
import time_machine

from runtime.database_clock import DatabaseClock
from runtime.postgres import pool


async def test_database_clock_does_not_follow_a_wrong_machine(database_url: str) -> None:
    async with pool(database_url, application="test") as connections:
        with time_machine.travel(datetime(2001, 1, 1, tzinfo=UTC), tick=True):
            async with DatabaseClock(connections) as clock:
                shown = clock.now()
                real: datetime = await connections.fetchval("SELECT clock_timestamp()")
    assert abs(real - shown) < timedelta(seconds=5)


async def test_database_clock_goes_on_without_its_database(database_url: str) -> None:
    connections = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    async with DatabaseClock(connections) as clock:
        before = clock.now()
        await connections.close()
        assert clock.now() >= before
