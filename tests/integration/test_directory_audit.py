"""What operators did: noted before, closed after, without numbers."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from directory import SOURCE, Audit
from runtime import postgres
from runtime.migrations import migrate
from runtime.postgres import Pool


@pytest.fixture
async def audit(database_url: str) -> AsyncIterator[Audit]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [SOURCE])
    await connection.execute("TRUNCATE directory.audit")
    await connection.close()
    async with postgres.pool(database_url, application="test", size=2) as connections:
        pool: Pool = connections
        yield Audit(pool)


async def test_act_is_open_until_its_first_end(audit: Audit) -> None:
    number = await audit.begin("maria", "parked.drop", "dispatcher.sms.bulk.parked", {"limit": 5, "reason": None})
    [begun] = await audit.list()
    assert (begun.who, begun.action, begun.outcome, begun.ended_at) == ("maria", "parked.drop", None, None)
    assert begun.detail == {"limit": 5, "reason": None}

    await audit.end(number, "5 dropped")
    await audit.end(number, "something else")
    [ended] = await audit.list()
    assert ended.outcome == "5 dropped"
    assert ended.ended_at is not None


async def test_phone_numbers_and_passwords_are_never_kept(audit: Audit) -> None:
    number = await audit.begin("maria", "message.cancel", "+49 151 12345678", {"note": "to +4915112345678"})
    await audit.end(number, "amqp://user:s3cret@host refused 4915112345678")
    [act] = await audit.list()
    assert "12345678" not in repr(act)
    assert "s3cret" not in repr(act)


async def test_newest_come_first_and_can_be_chosen(audit: Audit) -> None:
    for action, subject in (("channel.pause", "c1"), ("channel.resume", "c1"), ("channel.pause", "c2")):
        await audit.begin("maria", action, subject, {})
    assert [act.subject for act in await audit.list(action="channel.pause")] == ["c2", "c1"]
    assert [act.action for act in await audit.list(subject="c1")] == ["channel.resume", "channel.pause"]
    assert len(await audit.list(limit=2)) == 2
