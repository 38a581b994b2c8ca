"""`proactivectl parked` on a real broker: nothing is lost, whatever happens, and a dry run changes nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from proactive_contracts.codec import Properties, encode, make_event, properties_of
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.requests import SendRequested
from proactive_contracts.topology import DEAD, HISTORY_QUEUE, parked, send_key, send_queue
from proactive_contracts.values import Channel, Lane, Service, TextContent
from runtime import clock
from runtime.amqp.connection import connect
from runtime.amqp.consumer import Consumer, Delivery, Park
from runtime.amqp.publisher import Publisher
from tests.unit.proactivectl.command import Command

BULK, PHONE, TEXT = send_queue(Channel.SMS, Lane.BULK), "+4915112345678", "Your parcel is here."
KEY = send_key(Channel.SMS, Lane.BULK)
NAMELESS = {"x-proactive-reason": "invalid"}

Result = TypeVar("Result")


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], amqp_url: str, database_url: str
) -> Command:
    """Migrated and declared, with empty queues."""
    monkeypatch.setenv("AMQP_URL", amqp_url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PROACTIVE_OPERATOR", "maria")
    monkeypatch.delenv("PROACTIVE_MANAGEMENT_URL", raising=False)
    command = Command(monkeypatch, capsys)
    command("migrate")
    command("topology", "apply")
    for queue in (BULK, HISTORY_QUEUE, parked(BULK), parked(HISTORY_QUEUE)):
        on_channel(lambda channel, queue=queue: purge(channel, queue))  # type: ignore[misc]
    return command


def on_channel(work: Callable[[AbstractChannel], Awaitable[Result]]) -> Result:
    """Do something on a channel of its own to the broker of the environment."""

    async def do() -> Result:
        connection = await connect(os.environ["AMQP_URL"], "test")
        try:
            return await work(await connection.channel())
        finally:
            await connection.close()

    return asyncio.run(do())


async def purge(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue)).purge()


@dataclass(frozen=True)
class Lying:
    """What is in a queue, as far as a replay has to keep it."""

    body: bytes
    message_id: str | None
    type: str | None
    correlation_id: str | None
    timestamp: datetime | None
    headers: dict[str, Any]


def lying_in(queue: str) -> list[Lying]:
    """Everything in a queue in its order; it stays there."""

    async def look(channel: AbstractChannel) -> list[Lying]:
        there = await channel.get_queue(queue)
        found = []
        while message := await there.get(fail=False):
            headers = {name: value for name, value in message.headers.items() if name != "x-delivery-count"}
            headers.pop("x-acquired-count", None)
            found.append(
                Lying(
                    message.body,
                    message.message_id,
                    message.type,
                    message.correlation_id,
                    message.timestamp,
                    headers,
                )
            )
        return found

    return on_channel(look)


def as_published(event: Event[Any]) -> Lying:
    """As whoever asks for it publishes it."""
    about, trace = str(event.data.message_id), {"traceparent": event.traceparent}
    return Lying(encode(event), str(event.id), event.type, about, event.time, trace)


def in_any_order(lying: list[Lying]) -> list[Lying]:
    return sorted(lying, key=lambda one: one.body)


def make_request() -> Event[Any]:
    now = datetime.now(UTC).replace(microsecond=0)
    asked = SendRequested(
        message_id=uuid4(),
        workspace_id="w1",
        channel=Channel.SMS,
        channel_id=UUID(int=7),
        recipient=PHONE,
        content=TextContent(text=TEXT),
        requested_by=Service(name="billing"),
        not_after=now + timedelta(minutes=15),
    )
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    return make_event(asked, id=request_id(asked), time=now, source="billing", traceparent=trace)


def park(*events: Event[Any], reason: str = "unstorable", detail: str = f"cannot hold {PHONE}") -> None:
    """Park requests as a consumer does."""

    async def do() -> None:
        async with Publisher(os.environ["AMQP_URL"], "test") as publisher:
            for event in events:
                headers = {
                    "x-proactive-reason": reason,
                    "x-proactive-detail": detail,
                    "x-proactive-queue": BULK,
                    "x-proactive-routing-key": KEY,
                    "x-proactive-message-id": str(event.id),
                }
                mirrored = properties_of(event)
                properties = Properties(
                    str(uuid4()), mirrored.type, mirrored.correlation_id, clock.now(), mirrored.app_id, headers=headers
                )
                await publisher.publish(DEAD, parked(BULK), encode(event), properties)

    asyncio.run(do())


def park_as_is(body: bytes, headers: dict[str, Any]) -> None:
    """Anything at all."""

    async def do(channel: AbstractChannel) -> None:
        dead = await channel.get_exchange(DEAD)
        await dead.publish(aio_pika.Message(body, headers=headers), routing_key=parked(BULK))

    on_channel(do)


def let_a_consumer_park(queue: str) -> None:
    """A consumer of ours reads the queue until it is empty; it parks everything."""

    async def handle(_delivery: Delivery) -> None:
        raise Park("unexpected", "the test wants it")

    async def consume() -> None:
        url = os.environ["AMQP_URL"]
        async with Publisher(url, "test") as publisher:
            consumer = Consumer(url, [queue], handle, publisher, concurrency=5, name="test", trouble=())
            async with consumer, asyncio.timeout(20):
                while consumer.read_up_to is None:
                    await asyncio.sleep(0.1)

    asyncio.run(consume())


def subprocess_run(*arguments: str, failpoint: str) -> int:
    """The command line in a process of its own, which a failpoint may end."""
    environment = os.environ | {"PROACTIVE_FAILPOINTS": failpoint}
    return subprocess.run([sys.executable, "-m", "proactivectl", *arguments], env=environment, check=False).returncode


def test_list_groups_by_queue_and_reason(run: Command) -> None:
    first, *others = [make_request() for _ in range(5)]
    park(first, *others)
    park(make_request(), reason="unexpected")
    groups = {group["reason"]: group for group in run("parked", "list", "--json").document["parked"]}
    assert {reason: group["count"] for reason, group in groups.items()} == {"unstorable": 5, "unexpected": 1}
    unstorable = groups["unstorable"]
    assert unstorable["queue"] == parked(BULK)
    assert set(unstorable["examples"]) < {str(event.id) for event in (first, *others)}
    assert datetime.now(UTC) - datetime.fromisoformat(unstorable["oldest"]) < timedelta(minutes=1)
    assert PHONE not in unstorable["detail"]
    assert [
        group["count"] for group in run("parked", "list", "--reason", "unexpected", "--json").document["parked"]
    ] == [1]
    assert "delivery" not in (words := run("parked", "list", "--queue", BULK).out)
    assert "unstorable" in words
    assert "Nothing is parked" in run("parked", "list", "--queue", HISTORY_QUEUE).out


def test_show_tells_where_it_came_from_without_text_and_number(run: Command) -> None:
    event = make_request()
    park(event)
    for wanted in (str(event.id), str(event.data.message_id)):
        ended = run("parked", "show", wanted, "--json")
        document = ended.document
        assert (document["origin"], document["routing_key"], document["reason"]) == (BULK, KEY, "unstorable")
        assert document["event"]["data"]["recipient"] == "***5678"
        assert document["event"]["data"]["content"] == {"kind": "text", "text": "[hidden, 20 characters]"}
        assert PHONE not in ended.out + run("parked", "show", wanted).out
        assert TEXT not in ended.out + run("parked", "show", wanted).out
    assert "is not parked" in run("parked", "show", str(uuid4()), code=1).err


def test_message_is_found_by_its_id_though_only_the_data_of_a_broken_event_names_it(run: Command) -> None:
    message_id = str(uuid4())
    park_as_is(json.dumps({"type": "proactive.nothing.v1", "data": {"message_id": message_id}}).encode(), NAMELESS)
    park_as_is(json.dumps({"data": {"message_id": PHONE}}).encode(), NAMELESS)
    assert run("parked", "show", message_id, "--json").document["message_id"] == message_id
    assert run("parked", "replay", "--message-id", message_id, "--json").document["matched"] == 1
    assert "is not parked" in run("parked", "show", PHONE, code=1).err


def test_dry_run_changes_nothing(run: Command) -> None:
    park(*(make_request() for _ in range(3)))
    before = in_any_order(lying_in(parked(BULK)))
    assert len(before) == 3
    replaying = run("parked", "replay", "--all", "--json").document
    assert (replaying["dry_run"], replaying["matched"], replaying["replayed"]) == (True, 3, 0)
    dropping = run("parked", "drop", "--all", "--json").document
    assert (dropping["dry_run"], dropping["matched"], dropping["dropped"]) == (True, 3, 0)
    assert "nothing was changed" in run("parked", "replay", "--queue", BULK).out
    assert in_any_order(lying_in(parked(BULK))) == before
    assert lying_in(BULK) == []
    assert run("audit", "list", "--json").document["acts"] == []


def test_replay_brings_each_back_as_it_was_and_a_second_one_nothing(run: Command) -> None:
    events = [make_request() for _ in range(3)]
    park(*events)
    assert run("parked", "replay", "--queue", BULK, "--yes", "--json").document["replayed"] == 3
    assert lying_in(parked(BULK)) == []
    assert in_any_order(lying_in(BULK)) == in_any_order([as_published(event) for event in events])
    assert lying_in(HISTORY_QUEUE) == [], "who had no trouble with it gets no second copy"
    assert run("parked", "replay", "--queue", BULK, "--yes", "--json").document["replayed"] == 0
    assert len(lying_in(BULK)) == 3
    second, first = run("audit", "list", "--action", "parked.replay", "--json").document["acts"][:2]
    assert (first["who"], first["subject"], first["outcome"]) == ("maria", parked(BULK), "3 replayed, 0 left")
    assert second["outcome"] == "0 replayed, 0 left"


def test_replay_killed_half_way_loses_none(run: Command) -> None:
    events = [make_request() for _ in range(4)]
    park(*events)
    ids = [str(event.id) for event in events]
    arguments = ("parked", "replay", "--queue", BULK, "--yes")
    assert subprocess_run(*arguments, failpoint="proactivectl.after_replay:kill") == -signal.SIGKILL
    eventually_lies(parked(BULK), 4)
    (published,) = [one.message_id for one in lying_in(BULK)]
    assert published in ids, "published, and still parked"
    assert run("audit", "list", "--json").document["acts"][0]["outcome"] is None, "begun, and interrupted"
    run(*arguments)
    assert lying_in(parked(BULK)) == []
    assert sorted(one.message_id or "" for one in lying_in(BULK)) == sorted([*ids, published]), (
        "the claim takes it once"
    )


def test_two_replays_at_once_lose_none_and_repeat_none(run: Command) -> None:
    events = [make_request() for _ in range(30)]
    park(*events)
    command = [sys.executable, "-m", "proactivectl", "parked", "replay", "--all", "--yes", "--per-second", "100"]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(30) for process in both] == [0, 0]
    run("parked", "replay", "--all", "--yes")
    assert sorted(one.message_id or "" for one in lying_in(BULK)) == sorted(str(event.id) for event in events)
    assert lying_in(parked(BULK)) == []


def test_only_what_is_meant_is_replayed(run: Command) -> None:
    first, second, third, fourth = [make_request() for _ in range(4)]
    park(first, second)
    park(third, fourth, reason="unexpected")
    arguments = ("parked", "replay", "--yes", "--json")
    assert run(*arguments, "--message-id", str(second.data.message_id)).document["replayed"] == 1
    assert run(*arguments, "--reason", "unexpected", "--limit", "1").document["replayed"] == 1
    assert str(second.id) in {one.message_id for one in lying_in(BULK)}
    assert len({one.message_id for one in lying_in(BULK)} & {str(third.id), str(fourth.id)}) == 1
    left = {one.body for one in lying_in(parked(BULK))}
    assert encode(first) in left
    assert len(left) == 2
    assert run(*arguments, "--queue", HISTORY_QUEUE).document["replayed"] == 0


def test_replay_keeps_to_its_rate(run: Command) -> None:
    park(*(make_request() for _ in range(6)))
    began = clock.now()
    run("parked", "replay", "--all", "--yes", "--per-second", "10")
    assert clock.now() - began >= timedelta(seconds=0.5)


def test_what_reaches_no_queue_stays_parked(run: Command) -> None:
    park(make_request(), make_request())

    async def delete(channel: AbstractChannel) -> None:
        await channel.queue_delete(BULK)

    on_channel(delete)
    try:
        error = run("parked", "replay", "--all", "--yes", "--json", code=1).document["error"]
    finally:
        run("topology", "apply")
    assert "stays parked" in error["what"]
    assert "topology apply" in error["advice"]
    assert len(lying_in(parked(BULK))) == 2
    assert run("audit", "list", "--json").document["acts"][0]["outcome"].startswith("failed: there is no queue")


def test_drop_throws_away_what_is_meant_and_notes_it(run: Command) -> None:
    park(*(make_request() for _ in range(3)))
    assert run("parked", "drop", "--queue", BULK, "--limit", "2", "--yes", "--json").document["dropped"] == 2
    assert len(lying_in(parked(BULK))) == 1
    assert lying_in(BULK) == []
    act = run("audit", "list", "--json").document["acts"][0]
    assert (act["action"], act["detail"], act["outcome"]) == ("parked.drop", {"limit": 2}, "2 dropped")


def test_what_a_consumer_of_ours_parked_goes_back(run: Command) -> None:
    event = make_request()
    publish_first(event)
    let_a_consumer_park(BULK)
    assert [group["reason"] for group in run("parked", "list", "--json").document["parked"]] == ["unexpected"]
    run("parked", "replay", "--reason", "unexpected", "--yes")
    assert [(one.body, one.message_id) for one in lying_in(BULK)] == [(encode(event), str(event.id))]


def test_what_the_broker_parked_goes_back(run: Command) -> None:
    event = make_request()
    publish_first(event)

    async def give_back_until_parked(channel: AbstractChannel) -> None:
        queue = await channel.get_queue(BULK)
        async with asyncio.timeout(30):
            while message := await queue.get(fail=False):
                await message.reject(requeue=True)
                await asyncio.sleep(0.02)

    on_channel(give_back_until_parked)
    eventually_lies(parked(BULK), 1)
    (group,) = run("parked", "list", "--json").document["parked"]
    assert (group["reason"], group["examples"]) == ("delivery_limit", [str(event.id)])
    assert group["oldest"] is not None
    run("parked", "replay", "--reason", "delivery_limit", "--yes")
    (back,) = lying_in(BULK)
    assert (back.body, back.message_id, back.headers) == (
        encode(event),
        str(event.id),
        {"traceparent": event.traceparent},
    )


def test_poison_is_shown_without_its_content_and_replayed_as_often_as_is_asked(run: Command) -> None:
    park_as_is(b"call me: 4915112345678", NAMELESS)
    park_as_is(json.dumps({"+4915112345678": "secret words", "data": [PHONE, {"text": 1}]}).encode(), NAMELESS)
    (group,) = run("parked", "list", "--json").document["parked"]
    for id in group["examples"]:  # noqa: A001
        shown = run("parked", "show", id).out + run("parked", "show", id, "--json").out
        assert "12345678" not in shown
        assert "secret" not in shown
    for _ in range(2):
        assert run("parked", "replay", "--all", "--yes", "--json").document["replayed"] == 2
        let_a_consumer_park(BULK)
        assert (len(lying_in(parked(BULK))), len(lying_in(parked(HISTORY_QUEUE)))) == (2, 0)


def test_reason_or_id_that_names_nothing_is_no_act(run: Command) -> None:
    park(make_request())
    before = run("audit", "list", "--json").document["acts"]
    for command in ("replay", "drop"):
        for option in (("--message-id", "nothere"), ("--reason", "nope")):
            assert "nothing of this is parked" in run("parked", command, *option, "--yes", code=1).err
    assert len(lying_in(parked(BULK))) == 1
    assert run("audit", "list", "--json").document["acts"] == before


def test_without_saying_which_nothing_is_done(run: Command) -> None:
    for command in ("replay", "drop"):
        assert "nothing says which" in run("parked", command, "--yes", code=2).err
    assert "no parked queue" in run("parked", "list", "--queue", "nonsense", code=2).err


def test_without_the_audit_nothing_is_done(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    park(make_request())
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hidden@127.0.0.1:1/proactive")
    assert "does not answer" in run("parked", "drop", "--all", "--yes", code=1).err
    assert len(lying_in(parked(BULK))) == 1


def publish_first(event: Event[Any]) -> None:
    """As whoever asks for a message does; the history's copy is of no interest here."""

    async def publish() -> None:
        async with Publisher(os.environ["AMQP_URL"], "test") as publisher:
            await publisher.send(event, lane=Lane.BULK)

    asyncio.run(publish())


def eventually_lies(queue: str, number: int) -> None:
    """Wait until so many lie in a queue: what a killed process held comes back when its connection is noticed gone."""

    async def wait(channel: AbstractChannel) -> None:
        async with asyncio.timeout(20):
            while (await channel.get_queue(queue)).declaration_result.message_count != number:
                await asyncio.sleep(0.05)

    on_channel(wait)
