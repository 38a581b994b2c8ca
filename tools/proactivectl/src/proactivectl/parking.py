"""What lies in the parked queues: why, since when, where it came from, and how it gets back there."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aiormq
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from pydantic_core import from_json

from proactive_contracts.codec import Properties, decode, properties_of
from proactive_contracts.errors import ContractError
from proactive_contracts.topology import parked, topology
from proactivectl.failures import Failure, WrongUsage
from runtime import clock
from runtime.amqp.connection import loss_as_error

_SUFFIX = parked("")

GET_SECONDS = 10.0


@dataclass(frozen=True)
class Parked:
    """
    One message in a parked queue.

    `id` names it for operators: the id of its event, or a digest of its bytes where it has none. `about` is the
    message that its event is about, `copy` the id that it got when it was parked. `origin` is the queue that could not
    handle it, `routing_key` what it was published with, where that is known. `properties` are those of a replay.
    """

    id: str
    about: str | None
    copy: str | None
    queue: str
    reason: str
    detail: str | None
    at: datetime | None
    origin: str
    routing_key: str | None
    body: bytes
    properties: Properties

    @property
    def names(self) -> frozenset[str]:
        """What it may be asked for by: the event's id, the message's, or that of the parked copy."""
        return frozenset(name for name in (self.id, self.about, self.copy) if name)


@dataclass(frozen=True)
class Wanted:
    """Which parked messages are meant; what is not given does not matter."""

    queues: tuple[str, ...]
    reason: str | None = None
    ids: frozenset[str] = frozenset()

    def takes(self, found: Parked) -> bool:
        """Whether one is meant."""
        return self.reason in (None, found.reason) and (not self.ids or bool(self.ids & found.names))


@dataclass(frozen=True)
class Held:
    """A message from a parked queue that is ours until it is taken away; else it goes back."""

    parked: Parked
    message: AbstractIncomingMessage

    async def take_away(self) -> None:
        """Remove it from the parked queue for good."""
        with loss_as_error():
            await self.message.ack()


def parked_queues() -> tuple[str, ...]:
    """Every parked queue of the topology."""
    return tuple(queue.name for queue in topology().queues if queue.name.endswith(_SUFFIX))


def chosen_queues(name: str | None) -> tuple[str, ...]:
    """The parked queue that is meant, with or without its ending; all of them for None. Raises WrongUsage."""
    known = parked_queues()
    if name is None:
        return known
    for queue in (name, parked(name)):
        if queue in known:
            return (queue,)
    raise WrongUsage(f"there is no parked queue {name!r}", f"There are: {', '.join(known)}")


@asynccontextmanager
async def holding(connection: AbstractConnection, queue: str) -> AsyncIterator[AsyncIterator[Held]]:
    """
    What lies in a parked queue now, in the queue's order; what comes later is not waited for.

    What was not taken away is in the queue again when the block is left, however it is left; perhaps in another order.
    """
    channel = await connection.channel(publisher_confirms=False)
    try:
        found = await channel.get_queue(queue)
    except aiormq.exceptions.ChannelNotFoundEntity:
        raise Failure(f"the broker has no queue {queue}", "Run: proactivectl topology apply") from None
    there = found.declaration_result.message_count or 0

    async def one_by_one() -> AsyncIterator[Held]:
        for _ in range(there):
            with loss_as_error():
                message = await found.get(fail=False, timeout=GET_SECONDS)
            if message is None:
                return
            yield Held(read(queue, message), message)

    try:
        yield one_by_one()
    finally:
        if not channel.is_closed:
            with loss_as_error():
                await channel.close()


def read(queue: str, message: AbstractIncomingMessage) -> Parked:
    """What a message in a parked queue tells; whatever stands in its headers was written by somebody else."""
    headers: dict[str, Any] = dict(message.headers)
    origin = queue.removesuffix(_SUFFIX)
    ours = isinstance(headers.get("x-proactive-reason"), str)
    told = _told_by_us(headers, message.timestamp) if ours else _told_by_broker(headers, origin)
    event_id = _text(headers.get("x-proactive-message-id")) if ours else message.message_id
    properties = _properties(message, event_id)
    return Parked(
        id=properties.message_id or f"sha256-{hashlib.sha256(message.body).hexdigest()[:16]}",
        about=_about(message.body) or properties.correlation_id,
        copy=message.message_id if ours else None,
        queue=queue,
        reason=told.reason[:100],
        detail=told.detail,
        at=told.at,
        origin=origin,
        routing_key=told.routing_key,
        body=message.body,
        properties=properties,
    )


@dataclass(frozen=True)
class _Told:
    reason: str
    detail: str | None
    at: datetime | None
    routing_key: str | None


def _told_by_us(headers: Mapping[str, Any], at: datetime | None) -> _Told:
    """As runtime.amqp.consumer parks what can never be handled."""
    detail, key = headers.get("x-proactive-detail"), headers.get("x-proactive-routing-key")
    return _Told(headers["x-proactive-reason"], _text(detail), _in_utc(at), _text(key))


def _told_by_broker(headers: Mapping[str, Any], origin: str) -> _Told:
    """As RabbitMQ parks what came back too often; it notes each queue that a message left, the latest first."""
    deaths = headers.get("x-death")
    for death in deaths if isinstance(deaths, list) else ():
        if isinstance(death, dict) and death.get("queue") == origin:
            keys = death.get("routing-keys")
            key = keys[0] if isinstance(keys, list) and keys else None
            return _Told(str(death.get("reason")), None, _in_utc(death.get("time")), _text(key))
    return _Told("unknown", None, None, None)


def _properties(message: AbstractIncomingMessage, event_id: str | None) -> Properties:
    """Those that its publisher gave it; parking replaced some, but an event tells them itself."""
    try:
        return properties_of(decode(message.body))
    except ContractError:
        return Properties(
            message_id=event_id or "",
            type=message.type or "",
            correlation_id=message.correlation_id,
            timestamp=_in_utc(message.timestamp) or clock.now(),
            app_id=message.app_id or "",
            content_type=message.content_type or "application/octet-stream",
        )


def _about(body: bytes) -> str | None:
    """Other services need not name it in the envelope; an event that breaks a rule may name it all the same."""
    try:
        document = from_json(body, allow_inf_nan=False)
        return str(UUID(document["data"]["message_id"]))
    except (ValueError, TypeError, LookupError, AttributeError):  # of whatever kind the values are
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _in_utc(moment: object) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
