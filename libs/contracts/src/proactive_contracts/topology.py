"""Exchanges, queues and bindings as data; `proactivectl topology apply` declares them, services only look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proactive_contracts.envelope import Event
from proactive_contracts.receipts import DeliveryReported, ReplyReceived, TeammateReplied
from proactive_contracts.requests import CancelRequested, ResolveRequested, SendRequested
from proactive_contracts.results import (
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendResolved,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.status import MessageStatusChanged
from proactive_contracts.values import Channel, Lane, Model

REQUESTS = "proactive.requests"
EVENTS = "proactive.events"
DEAD = "proactive.dead"
HISTORY_QUEUE = "status_tracker.history"

MAX_WAITING = 200_000
"""Messages in one send queue before publishes are refused: backpressure instead of loss."""

DELIVERY_LIMIT = 50
"""Returns of one delivery before the broker parks it."""

_BROWSING_LIMIT = 1_000_000
"""Operators look at parked messages and put them back; RabbitMQ 4 drops one after 20 returns by default."""


@dataclass(frozen=True)
class Queue:
    """A durable quorum queue with its declaration arguments."""

    name: str
    arguments: Mapping[str, str | int]


@dataclass(frozen=True)
class Binding:
    """`key` on `exchange` leads to `queue`."""

    queue: str
    exchange: str
    key: str


@dataclass(frozen=True)
class Topology:
    """All that must be there before a service is ready."""

    exchanges: tuple[str, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...] = field(default=())


def send_queue(channel: Channel, lane: Lane) -> str:
    """Where a channel's dispatchers read one lane."""
    return f"dispatcher.{channel}.{lane}"


def parked(queue: str) -> str:
    """The queue beside `queue` for what could not be handled, and its key on the dead exchange."""
    return f"{queue}.parked"


def listener_queue(name: str) -> str:
    """The durable queue of another service that listens to status events."""
    return f"listener.{name}"


def send_key(channel: Channel, lane: Lane) -> str:
    """The routing key of a SendRequested."""
    return f"send.{channel}.{lane}"


_LANES = {send_key(channel, lane): lane for channel in Channel for lane in Lane}


def lane_of(key: str) -> Lane | None:
    """The lane of a SendRequested that was published with this routing key; None of any other key."""
    return _LANES.get(key)


def status_key(workspace_id: str = "*", channel: str = "*", status: str = "*") -> str:
    """The routing key of a MessageStatusChanged, or a pattern over them."""
    return f"status.{workspace_id}.{channel}.{status}"


_DELIVERY_WORDS: dict[type[Model], str] = {
    SendStarted: "started",
    SendAccepted: "accepted",
    SendDeferred: "deferred",
    SendFailed: "failed",
    SendUnknown: "unknown",
    SendCancelled: "cancelled",
    SendExpired: "expired",
    SendResolved: "resolved",
}


def address(event: Event[Any], lane: Lane = Lane.INTERACTIVE) -> tuple[str, str]:
    """The exchange and the routing key of an event; the lane matters to a SendRequested only."""
    match event.data:
        case SendRequested(channel=channel):
            return REQUESTS, send_key(channel, lane)
        case CancelRequested(channel=channel) | ResolveRequested(channel=channel):
            return REQUESTS, f"control.{channel}"
        case DeliveryReported(channel=channel):
            return EVENTS, f"receipt.{channel}"
        case ReplyReceived(channel=channel):
            return EVENTS, f"reply.{channel}"
        case TeammateReplied():
            return EVENTS, "teammate.replied"
        case MessageStatusChanged() as change:
            return EVENTS, status_key(change.workspace_id, change.channel, change.status)
        case result:
            return EVENTS, f"delivery.{_DELIVERY_WORDS[type(result)]}.{result.channel}"


def _with_parking(name: str, max_length: int | None) -> tuple[Queue, Queue]:
    arguments: dict[str, str | int] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": parked(name),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    if max_length is not None:
        arguments["x-max-length"] = max_length
    aside = Queue(parked(name), {"x-queue-type": "quorum", "x-delivery-limit": _BROWSING_LIMIT})
    return Queue(name, arguments), aside


def _dispatcher(channel: Channel, lane: Lane) -> tuple[tuple[Queue, ...], tuple[Binding, ...]]:
    queue = send_queue(channel, lane)
    keys = [send_key(channel, lane)]
    if lane is Lane.INTERACTIVE:
        keys.append(f"control.{channel}")
    bindings = [Binding(queue, REQUESTS, key) for key in keys]
    return _with_parking(queue, MAX_WAITING), (*bindings, Binding(parked(queue), DEAD, parked(queue)))


def _history() -> tuple[tuple[Queue, ...], tuple[Binding, ...]]:
    keys = [send_key(channel, lane) for channel in Channel for lane in Lane]
    groups = ("delivery", "receipt", "reply", "teammate")
    requests = [Binding(HISTORY_QUEUE, REQUESTS, key) for key in keys]
    events = [Binding(HISTORY_QUEUE, EVENTS, f"{group}.#") for group in groups]
    parking = Binding(parked(HISTORY_QUEUE), DEAD, parked(HISTORY_QUEUE))
    return _with_parking(HISTORY_QUEUE, None), (*requests, *events, parking)


def topology() -> Topology:
    """All of it: exchanges, the send queues of every channel and lane, the history, and the parked queues."""
    parts = [_dispatcher(channel, lane) for channel in Channel for lane in Lane]
    parts.append(_history())
    return Topology(
        exchanges=(REQUESTS, EVENTS, DEAD),
        queues=tuple(queue for queues, _ in parts for queue in queues),
        bindings=tuple(binding for _, bindings in parts for binding in bindings),
    )


def listener(name: str, workspace_id: str | None = None) -> Topology:
    """A durable queue of status events for another service: of one workspace, or of all."""
    queue = listener_queue(name)
    return Topology(
        exchanges=(),
        queues=(Queue(queue, {"x-queue-type": "quorum", "x-delivery-limit": _BROWSING_LIMIT}),),
        bindings=(Binding(queue, EVENTS, status_key(workspace_id or "*")),),
    )


def part_of(queues: frozenset[str]) -> Topology:
    """What a reader of `queues` needs: them, their parked queues and bindings, the exchanges that it publishes to."""
    whole = topology()
    wanted = queues | {parked(queue) for queue in queues}
    return Topology(
        exchanges=(EVENTS, DEAD),
        queues=tuple(queue for queue in whole.queues if queue.name in wanted),
        bindings=tuple(binding for binding in whole.bindings if binding.queue in wanted),
    )
