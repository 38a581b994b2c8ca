"""What can be seen from outside: the sandbox's ledger, the database's rows, the broker's queues, and the logs."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

import asyncpg
import pika
import pika.exceptions

from devstack.demo.calls import call
from devstack.probes import run_async
from tests.chaos.world import LISTENER, SANDBOX, World
from tests.support.bus import channel_to
from tests.support.panel import MARK

Row = Mapping[str, Any]

NUMBERS = r"49151\d{8}"
"""Every customer's number in these tests, without its plus sign."""

NO_SECRETS = {"node_token", "twilio_account_sid"}
"""Part of the broker's name, and an account's public id."""

QUERY_SECONDS = 10.0


# The database


def query(world: World, *statements: tuple[Any, ...]) -> list[list[Row]]:
    """The rows of each statement, `(sql, argument, …)`, read straight from the database."""
    return run_async(_query(world.database_url, statements))


async def _query(url: str, statements: Sequence[tuple[Any, ...]]) -> list[list[Row]]:
    async with asyncio.timeout(QUERY_SECONDS):
        connection = await asyncpg.connect(url, timeout=QUERY_SECONDS)
        try:
            return [[dict(row) for row in await connection.fetch(*statement)] for statement in statements]
        finally:
            await connection.close()


# The sandbox


def control(world: World, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """One call of the sandbox's own HTTP; what it answered."""
    encoded = None if body is None else json.dumps(body).encode()
    answer = call(method, world.stack.sandbox_url + path, encoded, {"Content-Type": "application/json"})
    assert answer.status == 200, f"the sandbox answered {method} {path}: {answer}"
    return answer.json()


def ledger(world: World, to: str | None = None) -> list[Row]:
    """Every submission that came to a provider, oldest first."""
    rows: list[Row] = control(world, "GET", "/sandbox/ledger" + (f"?to={quote(to)}" if to else ""))["submissions"]
    return rows


def message_of(submission: Row) -> UUID | None:
    """Whose submission it is: our id, where it travels with each provider."""
    query_of_callback = parse_qs(urlsplit(str(submission["status_callback"] or "")).query)
    for said in (*query_of_callback.get("mid", ()), submission["reference"], submission["provider_message_id"]):
        try:
            return UUID(str(said))
        except ValueError:
            continue
    return None


# The broker


def ready(world: World, *queues: str) -> dict[str, int]:
    """Messages that wait in queues, by name; those that a consumer holds do not count. -1: there is no such queue."""
    counts = {}
    connection = pika.BlockingConnection(pika.URLParameters(world.broker.amqp_url))
    try:
        for name in queues:
            channel = connection.channel()
            try:
                counts[name] = channel.queue_declare(name, passive=True).method.message_count
                channel.close()
            except pika.exceptions.ChannelClosedByBroker:
                counts[name] = -1
    finally:
        connection.close()
    return counts


def held(world: World) -> dict[str, int]:
    """Messages that consumers hold, by queue; as of half a second ago. Slow: it starts a program of the broker's."""
    said = world.broker.ctl(
        "list_queues", "-p", "proactive", "--quiet", "--no-table-headers", "name", "messages_unacknowledged"
    )
    found = (line.split() for line in said.splitlines() if line.strip())
    return {name: int(count) for name, count in found if count.isdigit()}


def drain(world: World, queue: str, seconds: float = 0.3) -> list[tuple[pika.BasicProperties, bytes]]:
    """Take everything out of a queue; `seconds`: how long nothing has to come for it to be called empty."""
    taken = []
    with channel_to(world.broker.amqp_url) as channel:
        channel.basic_qos(prefetch_count=500)
        for frame, properties, body in channel.consume(queue, inactivity_timeout=seconds):
            if frame is None:
                break
            taken.append((properties, body))
            channel.basic_ack(frame.delivery_tag)
        channel.cancel()
    return taken


def heard(world: World) -> list[Row]:
    """The status events that came to our listener since this was last asked, in order; one told twice counts once."""
    events: dict[str, Row] = {}
    for _properties, body in drain(world, f"listener.{LISTENER}"):
        event = json.loads(body)
        events.setdefault(event["id"], event)
    return list(events.values())


# The logs


class Logs:
    """Looks through what was written since it last looked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._read: dict[Path, int] = {}
        secrets = asdict(world.stack.surroundings.secrets)
        words = [MARK, *(value for name, value in secrets.items() if name not in NO_SECRETS)]
        self._forbidden = re.compile("|".join([NUMBERS, *map(re.escape, words)]).encode())

    def leaks(self) -> list[str]:
        """What must not stand there, with the line that it stands in."""
        found = []
        for path in sorted(self._world.state.logs.glob("*.log")):
            if path.stem == SANDBOX:
                continue
            for line in self._new_lines(path):
                if leaked := self._forbidden.search(line):
                    found.append(f"{path.stem}: {leaked[0].decode()} in {line[:300].decode(errors='replace')}")
        return found

    def _new_lines(self, path: Path) -> list[bytes]:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        return whole.splitlines()
