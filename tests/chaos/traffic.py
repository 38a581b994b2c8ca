"""Messages as another service asks for them, one by one and as a load."""

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from devstack.channels import SMS, Connected
from tests.support import bus

REQUESTS = "proactive.requests"
CONFIRM_SECONDS = 60.0

_numbers = itertools.count(random.randrange(10_000_000, 90_000_000))


@dataclass(eq=False)
class Message:
    """
    What one customer is to get.

    `ends`: the statuses in which its rows may end. `rows`: how many messages our side may make of it, re-sends
    included. `copies`: how many the customer may get, which is one for each message whose re-send a person asked for.
    `confirmed`: the broker confirmed the request, so that it must not get lost.
    """

    number: str
    text: str
    ends: frozenset[str]
    id: UUID | None = None
    event: Mapping[str, Any] | None = None
    channel: Connected = SMS
    lane: str = "bulk"
    rows: int = 1
    copies: int = 1
    confirmed: bool = True
    published_at: float = 0.0


class Load(threading.Thread):
    """Publishes messages at a rate, each again until it is confirmed, as docs/events.md asks of other services."""

    def __init__(self, url: str, per_second: float, most: int, make: Callable[[], Message]) -> None:
        super().__init__(name="chaos-load", daemon=True)
        self._url = f"{url}?blocked_connection_timeout=5&heartbeat=5"
        self._pause = 1 / per_second
        self._most = most
        self._make = make
        self._ending = threading.Event()
        self.sent: list[Message] = []

    def run(self) -> None:
        while not self._done():
            try:
                with bus.channel_to(self._url) as channel:
                    self._publish_on(channel)
            except (OSError, pika.exceptions.AMQPError):
                time.sleep(0.2)

    def stop(self) -> None:
        """Publish nothing more; what was begun is confirmed first."""
        self._ending.set()
        self.join(CONFIRM_SECONDS)
        assert not self.is_alive(), f"the broker confirmed nothing for {CONFIRM_SECONDS} s"

    def _done(self) -> bool:
        over = self._ending.is_set() or len(self.sent) >= self._most
        return over and all(message.confirmed for message in self.sent)

    def _publish_on(self, channel: BlockingChannel) -> None:
        for message in [one for one in self.sent if not one.confirmed]:
            self._confirm(channel, message)
        due = time.monotonic()
        while not self._ending.is_set() and len(self.sent) < self._most:
            message = self._make()
            message.confirmed = False
            self.sent.append(message)
            self._confirm(channel, message)
            due += self._pause
            self._ending.wait(max(0.0, due - time.monotonic()))

    @staticmethod
    def _confirm(channel: BlockingChannel, message: Message) -> None:
        put_on(channel, message)
        message.confirmed = True


def put_on(channel: BlockingChannel, message: Message, key: str | None = None) -> None:
    """Publish one request and wait for the broker's confirm."""
    assert message.event is not None
    properties = pika.BasicProperties(
        content_type="application/cloudevents+json", delivery_mode=2, message_id=message.event["id"]
    )
    message.published_at = message.published_at or time.monotonic()
    where = key or f"send.{message.channel.kind}.{message.lane}"
    channel.basic_publish(REQUESTS, where, json.dumps(message.event), properties, mandatory=True)


def new_number() -> str:
    """A German mobile number that no other message of this process has."""
    return f"+49151{next(_numbers) % 100_000_000:08d}"
