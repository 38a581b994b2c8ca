"""A tracker as operators start it: one process, a real broker and a real database."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import asyncpg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from directory import SOURCE as DIRECTORY
from directory import Vault, Workspace, Workspaces
from proactive_contracts import topology
from proactive_contracts.codec import Properties, decode
from proactive_contracts.envelope import Event
from proactive_contracts.receipts import ReceiptStatus
from runtime import clock
from runtime.amqp import topology as broker_topology
from runtime.amqp.publisher import Publisher
from runtime.migrations import migrate
from runtime.postgres import pool
from tests.integration.tracker_support import FakeIntercom, FakeJobs, prepare
from tests.support.ports import free_port
from tests.unit.status_tracker.making import Story, make_request

TOKEN = "history-token"
KEY = Fernet.generate_key().decode()


@dataclass
class World:
    """Everything around a tracker."""

    database_url: str
    amqp_url: str
    intercom: FakeIntercom
    jobs: FakeJobs
    environment: Mapping[str, str]
    logs: Path

    async def published(self, *events: Event[Any]) -> None:
        async with Publisher(self.amqp_url, "test") as publisher:
            for event in events:
                await publisher.send(event)

    async def count(self, statement: str, *values: object) -> int:
        connection = await asyncpg.connect(self.database_url)
        try:
            return int(await connection.fetchval(statement, *values))
        finally:
            await connection.close()


@dataclass
class Tracker:
    """A running process."""

    process: asyncio.subprocess.Process
    api: str
    ops: str

    async def get(self, url: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
            return response.status, await response.json(content_type=None)

    async def status_of(self, story: Story) -> str | None:
        message_id = story.request.data.message_id
        _, message = await self.get(f"{self.api}/v1/workspaces/w1/messages/{message_id}")
        status: str | int = message["status"]
        return None if status == 404 else str(status)

    async def ready(self) -> tuple[int, Any]:
        return await self.get(f"{self.ops}/readyz")


async def eventually(check: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.05)


@pytest.fixture
async def world(database_url: str, amqp_url: str, tmp_path: Path) -> AsyncIterator[World]:
    await prepare(database_url)
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [DIRECTORY])
    await connection.close()
    async with pool(database_url, application="test") as directory:
        workspaces = Workspaces(directory, Vault([SecretStr(KEY)]))
        await workspaces.put(Workspace(id="w1", name="Test", default_admin_id="814861"), "token-of-w1")
    wanted = topology.topology()
    await broker_topology.apply(amqp_url, wanted)
    await empty(amqp_url, *(queue.name for queue in wanted.queues))
    intercom, jobs = FakeIntercom(), FakeJobs()
    async with intercom.served() as intercom_url, jobs.served() as jobs_url:
        environment = os.environ | {
            "DATABASE_URL": database_url,
            "AMQP_URL": amqp_url,
            "PROACTIVE_LOG_FORMAT": "json",
            "PROACTIVE_SERVICE_TOKENS": TOKEN,
            "PROACTIVE_WORKSPACE_KEYS": KEY,
            "PROACTIVE_INTERCOM_URL": intercom_url,
            "PROACTIVE_DISPATCHER_URL": jobs_url,
            "PROACTIVE_DISPATCHER_TOKEN": "operators-token",
            "PROACTIVE_NOT_TAKEN_GRACE_SECONDS": "1",
            "PROACTIVE_SWEEP_SECONDS": "0.2",
        }
        yield World(database_url, amqp_url, intercom, jobs, environment, tmp_path)


async def empty(amqp_url: str, *queues: str) -> None:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        for name in queues:
            await (await channel.get_queue(name)).purge()


@asynccontextmanager
async def tracking(world: World, failpoints: str = "", *, wait: bool = True) -> AsyncIterator[Tracker]:
    """A running tracker; at the end it is stopped as an operator would."""
    api, ops = free_port(), free_port()
    ports = {"PROACTIVE_PORT": str(api), "PROACTIVE_OPS_PORT": str(ops), "PROACTIVE_FAILPOINTS": failpoints}
    with (world.logs / "tracker.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "status_tracker", env={**world.environment, **ports}, stdout=log, stderr=log
        )
    tracker = Tracker(process, f"http://127.0.0.1:{api}", f"http://127.0.0.1:{ops}")

    async def answers() -> bool:
        try:
            return not wait or (await tracker.ready())[0] == 200
        except aiohttp.ClientError:
            return process.returncode is not None

    try:
        await eventually(answers)
        yield tracker
        if process.returncode is None:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 15) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def listening(world: World) -> AsyncIterator[list[Event[Any]]]:
    """Status events as another service gets them."""
    heard: list[Event[Any]] = []
    connection = await aio_pika.connect(world.amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(topology.EVENTS, topology.status_key("w1"))

        async def hear(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            heard.append(decode(message.body))
            await message.ack()

        await queue.consume(hear)
        yield heard


async def test_message_is_followed_from_the_request_to_its_delivery(world: World) -> None:
    story = Story(make_request(at=clock.now()))
    async with tracking(world) as tracker, listening(world) as heard:
        for event, status in (
            (story.request, "queued"),
            (story.started(), "sending"),
            (story.accepted(), "sent"),
            (story.receipt(ReceiptStatus.DELIVERED), "delivered"),
        ):
            await world.published(event)
            await eventually(lambda status=status: shows(tracker, story, status))  # type: ignore[misc]
        await eventually(lambda: heard_all(heard, "queued", "sending", "sent", "delivered"))
        await eventually(lambda: noted(world, 1))
    assert len({event.id for event in heard}) == 4


async def test_tracker_killed_after_the_commit_announces_and_notes_once_it_is_back(world: World) -> None:
    story = Story(make_request(at=clock.now()))
    async with listening(world) as heard:
        async with tracking(world, "tracker.after_commit:kill") as tracker:
            await world.published(story.request, story.accepted())
            await asyncio.wait_for(tracker.process.wait(), 15)
        assert heard == []
        async with tracking(world) as tracker:
            await eventually(lambda: shows(tracker, story, "sent"))
            await eventually(lambda: heard_all(heard, "queued", "sent"))
            await eventually(lambda: noted(world, 1))
    assert await world.count("SELECT count(*) FROM tracker.outgoing") == 0


async def test_tracker_killed_after_a_publish_repeats_the_same_event(world: World) -> None:
    story = Story(make_request(at=clock.now()))
    async with listening(world) as heard:
        async with tracking(world, "tracker.after_publish:kill") as tracker:
            await world.published(story.request)
            await asyncio.wait_for(tracker.process.wait(), 15)
        await end_leases(world)
        async with tracking(world):
            await eventually(lambda: heard_all(heard, "queued", "queued"))
    assert len({event.id for event in heard}) == 1


async def test_tracker_killed_after_a_note_does_not_write_it_again(world: World) -> None:
    story = Story(make_request(at=clock.now()))
    async with tracking(world, "tracker.after_note:kill") as tracker:
        await world.published(story.request, story.accepted())
        await asyncio.wait_for(tracker.process.wait(), 15)
    await end_leases(world)
    async with tracking(world):
        await eventually(lambda: closed(world, "found"))
    assert len(world.intercom.notes) == 1


async def test_what_cannot_be_read_is_parked_and_the_rest_goes_on(world: World) -> None:
    story = Story(make_request(at=clock.now()))
    parked = topology.parked(topology.HISTORY_QUEUE)
    async with tracking(world) as tracker:
        async with Publisher(world.amqp_url, "test") as publisher:
            for body in (b"nonsense", b'{"type": "proactive.send_requested.v9"}'):
                properties = Properties(str(clock.new_id()), "", None, clock.now(), "test")
                await publisher.publish(topology.EVENTS, "receipt.sms", body, properties)
        await world.published(story.request)
        await eventually(lambda: shows(tracker, story, "queued"))
        await eventually(lambda: depth_is(world, parked, 2))


async def test_message_that_nobody_takes_becomes_not_confirmed(world: World) -> None:
    late = Story(make_request(at=clock.now().replace(year=2025)))
    async with tracking(world) as tracker:
        await world.published(late.request)
        await eventually(lambda: shows(tracker, late, "not_confirmed"))
    assert world.jobs.asked == [str(late.request.data.message_id)]
    assert "message_not_taken" in (world.logs / "tracker.log").read_text()


async def test_without_its_schema_it_waits_and_says_what_is_missing(world: World) -> None:
    connection = await asyncpg.connect(world.database_url)
    await connection.execute("DROP SCHEMA tracker CASCADE")
    async with tracking(world, wait=False) as tracker:
        await eventually(lambda: says(tracker, "proactivectl migrate"))
        await prepare(world.database_url)
        await eventually(lambda: is_ready(tracker))
    await connection.close()


async def test_logs_hold_no_text_and_no_number(world: World) -> None:
    story = Story(make_request("a text that stays secret", at=clock.now()))
    async with tracking(world) as tracker:
        await world.published(story.request, story.failed(detail="no such number +4915112345678"))
        await eventually(lambda: shows(tracker, story, "failed"))
        await eventually(lambda: noted(world, 1))
    logs = (world.logs / "tracker.log").read_text()
    assert "4915112345678" not in logs
    assert "stays secret" not in logs
    assert TOKEN not in logs


async def shows(tracker: Tracker, story: Story, status: str) -> bool:
    return await tracker.status_of(story) == status


async def heard_all(heard: list[Event[Any]], *statuses: str) -> bool:
    return [str(event.data.status) for event in heard] == list(statuses)


async def noted(world: World, count: int) -> bool:
    return len(world.intercom.notes) == count


async def closed(world: World, outcome: str) -> bool:
    return await world.count("SELECT count(*) FROM tracker.effect WHERE outcome = $1", outcome) == 1


async def says(tracker: Tracker, words: str) -> bool:
    try:
        return words in str((await tracker.ready())[1]["missing"])
    except aiohttp.ClientError:
        return False


async def depth_is(world: World, queue: str, count: int) -> bool:
    connection = await aio_pika.connect(world.amqp_url)
    async with connection:
        found = await (await connection.channel()).get_queue(queue)
        return found.declaration_result.message_count == count


async def end_leases(world: World) -> None:
    connection = await asyncpg.connect(world.database_url)
    for table in ("outgoing", "effect"):
        await connection.execute(f"UPDATE tracker.{table} SET lease_until = '-infinity'")
    await connection.close()


async def is_ready(tracker: Tracker) -> bool:
    return (await tracker.ready())[0] == 200
