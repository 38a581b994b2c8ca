"""A dispatcher on a real broker and database, with providers of our own that keep a ledger of what reached them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

import aio_pika
import aiohttp
import asyncpg
from aiohttp import web
from cryptography.fernet import Fernet
from pydantic import SecretStr

import directory
from directory.channels import Channels, ConnectedChannel
from directory.secrets import Vault
from directory.workspaces import Workspace, Workspaces
from dispatcher.app import run_webhooks, run_worker
from dispatcher.settings import WebhooksSettings, WorkerSettings
from dispatcher.storage import SOURCE
from proactive_contracts.codec import decode, make_event
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.requests import SendRequested
from proactive_contracts.topology import EVENTS, parked, send_queue, topology
from proactive_contracts.values import Channel, Lane, Service, TextContent
from runtime import clock
from runtime.amqp.connection import Link
from runtime.amqp.publisher import Publisher
from runtime.amqp.topology import apply
from runtime.lifecycle import Stopping
from runtime.migrations import migrate
from runtime.postgres import Pool, pool
from tests.support.ports import free_port

PHONE_NUMBER_ID = "106540352242922"
META_CREDENTIALS = {"access_token": "a-token-of-meta", "app_secret": "a-secret-of-meta", "verify_token": "ours"}
INFOBIP_CREDENTIALS = {"api_key": "a-key-of-infobip", "webhook_secret": "a-secret-of-infobip"}
ACCOUNT = "AC0123456789abcdef0123456789abcdef"
TOKEN = "a-secret-token-of-twilio"
OPERATORS_TOKEN = "operators-token"
TEXT = "The text of this message is private"
WAIT_SECONDS = 60.0


@dataclass
class Submission:
    """One POST that reached the provider."""

    to: str
    mid: UUID
    text: str
    at: float = field(default_factory=time.monotonic)


class FakeTwilio:
    """
    Accepts everything, after `seconds`; `behave` may answer otherwise. The ledger is the judge.

    `listed` is what it took, as its list of messages has it; `lists` is false where that is late.
    """

    def __init__(self) -> None:
        self.ledger: list[Submission] = []
        self.listed: list[dict[str, Any]] = []
        self.lists = True
        self.looks = 0
        self.seconds = 0.0
        self.slow_for: str | None = None
        self.behave: Callable[[web.Request], web.StreamResponse] | None = None
        self.url = ""
        self._port = 0

    async def __aenter__(self) -> Self:
        """Also after it was away: at the same address."""
        app = web.Application()
        app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", self._create)
        app.router.add_get("/2010-04-01/Accounts/{account}/Messages.json", self._list)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        to, mid = str(form["To"]), str(form["StatusCallback"]).partition("mid=")[2]
        self.ledger.append(Submission(to, UUID(mid), str(form["Body"])))
        if self.slow_for in {None, to}:
            await asyncio.sleep(self.seconds)
        if self.behave is not None:
            return self.behave(request)
        return web.json_response(self.take(form), status=201)

    def take(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """Note a message as taken, whatever is answered."""
        taken = {
            "sid": f"SM{uuid4().hex}",
            "to": str(form["To"]),
            "from": str(form["From"]),
            "body": str(form["Body"]),
            "direction": "outbound-api",
            "date_created": format_datetime(clock.now()),
            "num_segments": "1",
        }
        self.listed.insert(0, taken)
        return taken

    async def _list(self, request: web.Request) -> web.Response:
        self.looks += 1
        wanted = (request.query["To"], request.query["From"])
        found = [one for one in self.listed if (one["to"], one["from"]) == wanted] if self.lists else []
        return web.json_response({"messages": found[: int(request.query["PageSize"])]})

    def count(self, message_id: UUID) -> int:
        return sum(submission.mid == message_id for submission in self.ledger)


class FakeJsonProvider:
    """Stands for Meta and Infobip: keeps whole requests with their headers, and answers what `answer` says."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.answer: Callable[[dict[str, Any]], web.Response] = lambda _fields: web.json_response({}, status=500)
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(self._path, self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        fields = await request.json()
        self.requests.append((dict(request.headers), fields))
        return self.answer(fields)


class Told:
    """Every event on the events exchange since this began."""

    def __init__(self, url: str) -> None:
        self._queue = f"test.{uuid4()}"
        self._link = Link(url, self._queue, self._session)
        self._listening = asyncio.Event()
        self.events: list[Event[Any]] = []

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        await asyncio.wait_for(self._listening.wait(), WAIT_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.__aexit__()

    async def _session(self, connection: aio_pika.abc.AbstractConnection) -> None:
        """The broker may be restarted meanwhile, and keeps what is told until it was taken here."""
        channel = await connection.channel()
        queue = await channel.declare_queue(self._queue, durable=True)
        for key in ("delivery.#", "receipt.#", "reply.#"):
            await queue.bind(EVENTS, key)
        await queue.consume(self._take)
        self._listening.set()
        await channel.closed()

    async def _take(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        event = decode(message.body)
        if not (message.redelivered and event in self.events):
            self.events.append(event)
        await message.ack()

    def words(self, message_id: UUID) -> list[str]:
        return [event.type.split(".")[1] for event in self.events if event.correlationid == str(message_id)]

    async def result_of(self, event: Event[Any], *, count: int = 1) -> Event[Any]:
        """The newest result for `event`, once there are `count`; SendStarted is none."""
        found: list[Event[Any]] = []

        def there() -> bool:
            found[:] = [e for e in self.events if e.causationid == event.id and "started" not in e.type]
            return len(found) >= count

        await until(there, f"a result of {event.id}")
        return found[-1]


@dataclass
class Scene:
    """What every test of the dispatcher needs."""

    amqp_url: str
    database: Pool
    database_url: str
    keys: str
    channel_id: UUID
    twilio: FakeTwilio
    told: Told
    publisher: Publisher
    logs: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def request(self, *, seconds: float = 600, **changes: Any) -> Event[SendRequested]:
        fields: dict[str, Any] = {
            "message_id": uuid4(),
            "workspace_id": "w1",
            "channel": Channel.SMS,
            "channel_id": self.channel_id,
            "recipient": "+4915112345678",
            "content": TextContent(text=TEXT),
            "requested_by": Service(name="test"),
            "not_after": clock.now() + timedelta(seconds=seconds),
        }
        request = SendRequested(**fields | changes)
        return make_event(request, id=request_id(request), time=clock.now(), source="test")

    async def publish(self, event: Event[Any], lane: Lane = Lane.INTERACTIVE) -> None:
        await self.publisher.send(event, lane=lane, timeout=20)

    def environment(self, **changes: str) -> dict[str, str]:
        return {
            "AMQP_URL": self.amqp_url,
            "DATABASE_URL": self.database_url,
            "PROACTIVE_CHANNEL_KEYS": self.keys,
            "PROACTIVE_WEBHOOKS_URL": "https://proactive.example",
            "PROACTIVE_LOG_LEVEL": "debug",
            "PROACTIVE_LOG_FORMAT": "json",
            "PROACTIVE_LEASE_SECONDS": "2",
            "PROACTIVE_CALL_SECONDS": "1",
            "PROACTIVE_SCHEDULER_SECONDS": "0.2",
            "PROACTIVE_SETTLING_SECONDS": "0.3",
        } | changes

    @asynccontextmanager
    async def worker(self, channel: Channel = Channel.SMS, **changes: Any) -> AsyncIterator[None]:
        """The real composition, in this process."""
        fields: dict[str, Any] = {
            "amqp_url": SecretStr(self.amqp_url),
            "database_url": SecretStr(self.database_url),
            "channel_keys": self.keys,
            "webhooks_url": "https://proactive.example",
            "lease_seconds": 8,
            "call_seconds": 4,
            "scheduler_seconds": 0.2,
            "settling_seconds": 0.3,
            "ops_port": free_port(),
        }
        settings = WorkerSettings(**fields | changes)
        stopping = Stopping()
        async with AsyncExitStack() as stack:
            running = asyncio.create_task(run_worker(settings, channel, stack, stopping))
            await ready(settings.ops_port, running)
            yield
            stopping.request()
            await running

    @asynccontextmanager
    async def webhooks(self) -> AsyncIterator[tuple[str, str]]:
        """The real composition, in this process; yields the public and the operators' address."""
        settings = WebhooksSettings(
            amqp_url=SecretStr(self.amqp_url),
            database_url=SecretStr(self.database_url),
            channel_keys=self.keys,  # type: ignore[arg-type]  # parsed like the variable
            webhooks_url="https://proactive.example",  # type: ignore[arg-type]
            port=free_port(),
            operators_port=free_port(),
            operators_tokens=OPERATORS_TOKEN,  # type: ignore[arg-type]
            ops_port=free_port(),
        )
        stopping = Stopping()
        async with AsyncExitStack() as stack:
            running = asyncio.create_task(run_webhooks(settings, stack, stopping))
            await ready(settings.ops_port, running)
            yield f"http://127.0.0.1:{settings.port}", f"http://127.0.0.1:{settings.operators_port}"
            stopping.request()
            await running

    async def connect(
        self,
        channel: Channel,
        provider: str,
        credentials: Mapping[str, str],
        workspace_id: str = "w1",
        **settings: str,
    ) -> UUID:
        """Another channel of a workspace that is connected already, or of a new one."""
        vault = Vault([SecretStr(self.keys)])
        return await put_channel(self.database, vault, channel, provider, credentials, workspace_id, settings)

    async def process(self, channel: Channel = Channel.SMS, **changes: str) -> subprocess.Popen[bytes]:
        """A worker as operators start it; its log goes to `logs`."""
        changes.setdefault("PROACTIVE_OPS_PORT", str(free_port()))
        environment = {**os.environ, **self.environment(**changes)}
        with self.logs.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dispatcher", "worker", "--channel", channel.value], env=environment, stderr=log
            )
        self.processes.append(process)
        await ready(int(changes["PROACTIVE_OPS_PORT"]))
        return process

    @property
    def log(self) -> str:
        """What the processes logged so far."""
        return self.logs.read_text() if self.logs.exists() else ""

    async def stop(self, process: subprocess.Popen[bytes]) -> int:
        process.send_signal(signal.SIGTERM)
        return await exited(process)

    async def until_state(self, event: Event[SendRequested], state: str) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while await self.state(event) != state:
                await asyncio.sleep(0.05)

    async def state(self, event: Event[SendRequested]) -> str | None:
        found: str | None = await self.database.fetchval(
            "SELECT state FROM dispatch.job WHERE message_id = $1", event.data.message_id
        )
        return found

    async def hasten(self) -> None:
        """Let the time until the next look at a finished job pass at once; leases are left alone."""
        await self.database.execute(
            "UPDATE dispatch.job SET due_at = now() WHERE due_at IS NOT NULL AND state NOT IN ('sending', 'waiting')"
        )

    async def parked_messages(self, lane: Lane, count: int) -> list[aio_pika.abc.AbstractIncomingMessage]:
        connection = await aio_pika.connect(self.amqp_url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.get_queue(parked(send_queue(Channel.SMS, lane)))
            found: list[aio_pika.abc.AbstractIncomingMessage] = []
            async with asyncio.timeout(WAIT_SECONDS):
                while len(found) < count:
                    message = await queue.get(no_ack=True, fail=False)
                    if message is None:
                        await asyncio.sleep(0.05)
                    else:
                        found.append(message)
            return found


@asynccontextmanager
async def set_scene(amqp_url: str, database_url: str, logs: Path) -> AsyncIterator[Scene]:
    """Topology, schemas, a workspace with one channel; whatever a test started is gone afterwards."""
    await apply(amqp_url, topology())
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [directory.SOURCE, SOURCE])
    await connection.execute("TRUNCATE dispatch.job, dispatch.sender, dispatch.host, dispatch.recipient")
    await connection.close()
    await purge(amqp_url)
    keys = Fernet.generate_key().decode()
    async with (
        FakeTwilio() as twilio,
        Told(amqp_url) as told,
        Publisher(amqp_url, "test") as publisher,
        pool(database_url, application="test", size=3) as database,
    ):
        channel_id = await connect_channel(database, keys, twilio.url)
        scene = Scene(amqp_url, database, database_url, keys, channel_id, twilio, told, publisher, logs)
        try:
            yield scene
        finally:
            for process in scene.processes:
                if process.poll() is None:
                    process.kill()
                process.wait()


async def connect_channel(database: Pool, keys: str, base_url: str) -> UUID:
    vault = Vault([SecretStr(keys)])
    credentials = {"account_sid": ACCOUNT, "auth_token": TOKEN}
    return await put_channel(database, vault, Channel.SMS, "twilio", credentials, "w1", {"base_url": base_url})


async def put_channel(
    database: Pool,
    vault: Vault,
    kind: Channel,
    provider: str,
    credentials: Mapping[str, str],
    workspace_id: str,
    settings: Mapping[str, str],
) -> UUID:
    workspace = Workspace(workspace_id, "Test", "us", "Europe/Athens", None, open_new_read=False, open_new_assign=False)
    await Workspaces(database, vault).put(workspace, "intercom-token")
    channel = ConnectedChannel(
        uuid4(), workspace_id, f"Support {uuid4()}", kind, provider, "+4915700000001", dict(settings)
    )
    await Channels(database, vault).put(channel, credentials)
    return channel.id


async def purge(amqp_url: str) -> None:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        for queue in topology().queues:
            await (await channel.get_queue(queue.name)).purge()


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {WAIT_SECONDS:g} s"
        await asyncio.sleep(0.02)


async def exited(process: subprocess.Popen[bytes]) -> int:
    await until(lambda: process.poll() is not None, "the end of the process")
    return process.wait()


async def ready(port: int, running: asyncio.Task[None] | None = None) -> None:
    """Wait until it is; a service in this process that ended instead raises what ended it."""
    deadline = time.monotonic() + WAIT_SECONDS
    async with aiohttp.ClientSession() as session:
        while True:
            found = "no answer"
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                    found = await response.text()
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            if running and running.done():
                running.result()
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.05)
