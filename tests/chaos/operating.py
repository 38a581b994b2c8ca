"""What a clumsy operator, or somebody's policy, does to the broker; and how it is put right."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pika

from devstack.errors import BackendError
from proactive_contracts.topology import topology
from tests.chaos.traffic import REQUESTS, Message
from tests.chaos.world import World
from tests.support.bus import SERVICE, channel_to

SEND = "send.sms.bulk"
SEND_NOW = "send.sms.interactive"


def unbind(world: World, queue: str, key: str, exchange: str = REQUESTS) -> None:
    """Take one binding away; topology apply brings it back."""
    with channel_to(world.broker.amqp_url) as channel:
        channel.queue_unbind(queue, exchange, key)
    world.repairs.append(world.declare)


def delete_queue(world: World, queue: str) -> None:
    """Take a queue away with what is in it; topology apply brings it back."""
    with channel_to(world.broker.amqp_url) as channel:
        channel.queue_delete(queue)
    world.repairs.append(world.declare)


def bindings_of(queue: str) -> list[tuple[str, str]]:
    """Exchange and key of each binding that a queue is meant to have."""
    return [(binding.exchange, binding.key) for binding in topology().bindings if binding.queue == queue]


@contextmanager
def at_most(world: World, queue: str, messages: int) -> Iterator[None]:
    """A policy of somebody's lets a queue hold no more than this; what comes on top is refused."""
    limit = json.dumps({"max-length": messages, "overflow": "reject-publish"})
    world.broker.ctl("set_policy", "-p", "proactive", "--apply-to", "queues", "chaos", f"^{queue}$", limit)
    try:
        yield
    finally:
        forget_policy(world)


def forget_policy(world: World) -> None:
    """Our policy, if there is one."""
    with suppress(BackendError):
        world.broker.ctl("clear_policy", "-p", "proactive", "chaos")


def publish_raw(
    world: World,
    body: bytes,
    *,
    key: str = SEND,
    exchange: str = REQUESTS,
    headers: Mapping[str, Any] | None = None,
    content_type: str = "application/cloudevents+json",
) -> None:
    """Put any bytes on the bus, confirmed."""
    with channel_to(world.broker.amqp_url) as channel:
        properties = pika.BasicProperties(content_type=content_type, delivery_mode=2, headers=dict(headers or {}))
        channel.basic_publish(exchange, key, body, properties, mandatory=True)


def cancel(world: World, message: Message) -> None:
    """Ask to stop a message, as the panel does."""
    assert message.event is not None
    about = {name: message.event["data"][name] for name in ("message_id", "workspace_id", "channel", "channel_id")}
    stop = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "type": "proactive.cancel_requested.v1",
        "source": SERVICE,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {
            **about,
            "answers": message.event["id"],
            "requested_by": {"kind": "admin", "id": "814860", "name": "Maria Lopez"},
        },
    }
    publish_raw(world, json.dumps(stop).encode(), key=f"control.{message.channel.kind}")
