"""Another service on the bus: plain JSON with a general AMQP client, and nothing of ours."""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import aio_pika

from devstack.channels import SMS, WORKSPACE
from devstack.demo.checks import Unexpected
from devstack.probes import run_async

REQUESTS = "proactive.requests"
CONTENT_TYPE = "application/cloudevents+json"
NAME = "parcel-tracking"


@dataclass(frozen=True)
class Order:
    """One SendRequested as another service writes it, whose clock is `ahead` of ours."""

    message_id: UUID
    recipient: str
    text: str
    ahead: timedelta = timedelta()

    def body(self) -> bytes:
        """A CloudEvent in structured JSON."""
        now = datetime.now(UTC) + self.ahead
        wanted = {
            "message_id": str(self.message_id),
            "workspace_id": WORKSPACE,
            "channel": SMS.kind,
            "channel_id": SMS.id,
            "recipient": self.recipient,
            "content": {"kind": "text", "text": self.text},
            "requested_by": {"kind": "service", "name": NAME},
            "not_after": (now + timedelta(minutes=10)).isoformat(),
        }
        envelope = {
            "specversion": "1.0",
            "id": str(uuid5(self.message_id, self.text)),  # the same for the same message, another for any other
            "type": "proactive.send_requested.v1",
            "source": NAME,
            "time": now.isoformat(),
            "datacontenttype": "application/json",
            "data": wanted,
        }
        return json.dumps(envelope).encode()


def publish(amqp_url: str, order: Order) -> None:
    """Publish on the bulk lane and wait for the broker's confirm; what reaches no queue raises."""
    run_async(_publish(amqp_url, order))


def follow(amqp_url: str, queue: str, message_id: UUID, until: str, seconds: float) -> list[str]:
    """
    Read a listener's queue up to this status of this message; its statuses in the order of their coming.

    Raises:
        Unexpected: that status did not come in time.
    """
    return run_async(_follow(amqp_url, queue, message_id, until, seconds))


async def _publish(amqp_url: str, order: Order) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(REQUESTS, ensure=False)
        message = aio_pika.Message(
            order.body(), content_type=CONTENT_TYPE, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await exchange.publish(message, routing_key="send.sms.bulk", mandatory=True)


async def _follow(amqp_url: str, queue: str, message_id: UUID, until: str, seconds: float) -> list[str]:
    seen: list[str] = []
    ends = time.monotonic() + seconds
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        source = await channel.get_queue(queue, ensure=False)
        while until not in seen:
            event = await _next(source, ends)
            if event is None:
                raise Unexpected(f"a status event {until!r} within {seconds:g} s", seen or "none")
            if event["data"]["message_id"] == str(message_id):
                seen.append(event["data"]["status"])
    return seen


async def _next(source: aio_pika.abc.AbstractQueue, ends: float) -> dict[str, Any] | None:
    while time.monotonic() < ends:
        message = await source.get(fail=False)
        if message is not None:
            await message.ack()
            event: dict[str, Any] = json.loads(message.body)
            return event
        await asyncio.sleep(0.1)
    return None
