"""The addresses of events, and that each leads to a queue."""

import itertools

import pytest

from proactive_contracts.codec import EVENT_TYPES, decode
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import SendAccepted
from proactive_contracts.status import MessageStatusChanged
from proactive_contracts.topology import (
    DEAD,
    EVENTS,
    HISTORY_QUEUE,
    MAX_WAITING,
    REQUESTS,
    Topology,
    address,
    listener,
    parked,
    part_of,
    send_key,
    send_queue,
    status_key,
    topology,
)
from proactive_contracts.values import Channel, Lane, Model
from tests.unit.proactive_contracts.examples import ALL_PAYLOADS, example_text

WHOLE = topology()
LANES = list(itertools.product(Channel, Lane))

ADDRESSES = {
    "proactive.send_requested.v1": (REQUESTS, "send.sms.interactive"),
    "proactive.cancel_requested.v1": (REQUESTS, "control.sms"),
    "proactive.resolve_requested.v1": (REQUESTS, "control.sms"),
    "proactive.send_started.v1": (EVENTS, "delivery.started.sms"),
    "proactive.send_accepted.v1": (EVENTS, "delivery.accepted.sms"),
    "proactive.send_deferred.v1": (EVENTS, "delivery.deferred.sms"),
    "proactive.send_failed.v1": (EVENTS, "delivery.failed.sms"),
    "proactive.send_unknown.v1": (EVENTS, "delivery.unknown.sms"),
    "proactive.send_cancelled.v1": (EVENTS, "delivery.cancelled.sms"),
    "proactive.send_expired.v1": (EVENTS, "delivery.expired.sms"),
    "proactive.send_resolved.v1": (EVENTS, "delivery.resolved.sms"),
    "proactive.delivery_reported.v1": (EVENTS, "receipt.sms"),
    "proactive.reply_received.v1": (EVENTS, "reply.whatsapp"),
    "proactive.teammate_replied.v1": (EVENTS, "teammate.replied"),
    "proactive.message_status_changed.v1": (EVENTS, "status.sandbox1.sms.delivered"),
}


def matches(pattern: str, key: str) -> bool:
    """A topic exchange's rule, for patterns with `*` and one `#` at the end."""
    wanted, given = pattern.split("."), key.split(".")
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(word in ("*", there) for word, there in zip(wanted, given, strict=True))


def queues_of(exchange: str, key: str, within: Topology = WHOLE) -> set[str]:
    return {b.queue for b in within.bindings if b.exchange == exchange and matches(b.key, key)}


@pytest.mark.parametrize("payload", ALL_PAYLOADS, ids=EVENT_TYPES.get)
def test_event_is_routed_to_its_address(payload: type[Model]) -> None:
    event = decode(example_text(payload).encode())
    assert address(event) == ADDRESSES[EVENT_TYPES[payload]]


@pytest.mark.parametrize("payload", ALL_PAYLOADS, ids=EVENT_TYPES.get)
def test_lane_matters_to_requests_to_send_only(payload: type[Model]) -> None:
    event = decode(example_text(payload).encode())
    assert (address(event, Lane.BULK) == address(event)) is (payload is not SendRequested)


@pytest.mark.parametrize("payload", ALL_PAYLOADS, ids=EVENT_TYPES.get)
def test_every_event_but_a_status_reaches_a_queue(payload: type[Model]) -> None:
    reached = queues_of(*address(decode(example_text(payload).encode())))
    assert bool(reached) is (payload is not MessageStatusChanged)


@pytest.mark.parametrize(("channel", "lane"), LANES)
def test_request_reaches_its_dispatcher_and_the_history_and_nobody_else(channel: Channel, lane: Lane) -> None:
    assert queues_of(REQUESTS, send_key(channel, lane)) == {send_queue(channel, lane), HISTORY_QUEUE}


@pytest.mark.parametrize("channel", list(Channel))
def test_control_reaches_the_interactive_lane(channel: Channel) -> None:
    assert queues_of(REQUESTS, f"control.{channel}") == {send_queue(channel, Lane.INTERACTIVE)}


def test_requests_are_bound_by_exact_keys_only() -> None:
    keys = [binding.key for binding in WHOLE.bindings if binding.exchange in (REQUESTS, DEAD)]
    assert keys
    assert not [key for key in keys if "#" in key or "*" in key]


def test_parked_queue_stands_beside_each_and_is_bound() -> None:
    work = {queue.name: queue for queue in WHOLE.queues if not queue.name.endswith(".parked")}
    assert set(work) == {HISTORY_QUEUE} | {send_queue(channel, lane) for channel, lane in LANES}
    for name, queue in work.items():
        assert queue.arguments["x-dead-letter-exchange"] == DEAD
        assert queue.arguments["x-dead-letter-routing-key"] == parked(name)
        assert queues_of(DEAD, parked(name)) == {parked(name)}
        assert parked(name) in {aside.name for aside in WHOLE.queues}


def test_every_queue_is_a_quorum_queue_with_a_delivery_limit() -> None:
    for queue in [*WHOLE.queues, *listener("cards").queues]:
        assert queue.arguments["x-queue-type"] == "quorum"
        assert int(queue.arguments["x-delivery-limit"]) > 0


def test_full_send_queue_refuses_and_history_never_does() -> None:
    lengths = {queue.name: queue.arguments.get("x-max-length") for queue in WHOLE.queues}
    for channel, lane in LANES:
        assert lengths[send_queue(channel, lane)] == MAX_WAITING
    assert lengths[HISTORY_QUEUE] is None
    assert not [name for name, length in lengths.items() if name.endswith(".parked") and length]


def test_nothing_is_declared_or_bound_twice() -> None:
    names = [queue.name for queue in WHOLE.queues]
    assert len(set(names)) == len(names)
    assert len(set(WHOLE.bindings)) == len(WHOLE.bindings)


def test_part_of_the_topology_is_what_a_reader_needs() -> None:
    queue = send_queue(Channel.SMS, Lane.BULK)
    part = part_of(frozenset({queue}))
    assert {there.name for there in part.queues} == {queue, parked(queue)}
    assert queues_of(REQUESTS, "send.sms.bulk", part) == {queue}
    assert queues_of(DEAD, parked(queue), part) == {parked(queue)}
    assert part.exchanges == (EVENTS, DEAD)


def test_listener_of_one_workspace_hears_that_one_only() -> None:
    one, everything = listener("cards", "sandbox1"), listener("audit")
    assert queues_of(EVENTS, status_key("sandbox1", "sms", "read"), one) == {"listener.cards"}
    assert queues_of(EVENTS, status_key("sandbox2", "sms", "read"), one) == set()
    assert queues_of(EVENTS, status_key("sandbox2", "sms", "read"), everything) == {"listener.audit"}
    accepted = decode(example_text(SendAccepted).encode())
    assert queues_of(*address(accepted), everything) == set()
