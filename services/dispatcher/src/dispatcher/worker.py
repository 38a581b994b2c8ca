"""Requests in, to send, to stop and to resolve: from the channel's queues to the handlers."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from dispatcher.handlers import Dispatch
from proactive_contracts.codec import decode
from proactive_contracts.envelope import trace_of
from proactive_contracts.errors import UnsupportedEvent
from proactive_contracts.requests import CancelRequested, ResolveRequested, SendRequested
from proactive_contracts.topology import address
from proactive_contracts.values import Channel, Lane
from runtime import tracing
from runtime.amqp.consumer import Delivery, Park
from runtime.logs import about


def request_handler(
    dispatch: Dispatch, channel: Channel, lane: Lane, now: Callable[[], datetime]
) -> Callable[[Delivery], Awaitable[None]]:
    """A consumer's handler for one queue; `now` is the database's clock."""

    async def handle(delivery: Delivery) -> None:
        event = decode(delivery.body, now())
        asked = event.data
        if not isinstance(asked, SendRequested | CancelRequested | ResolveRequested):
            raise UnsupportedEvent(f"{event.type} is nothing that a dispatcher acts on")
        if asked.channel is not channel:
            raise Park("wrong_channel", f"a request for {asked.channel} came to the queue of {channel}")
        _, key = address(event, lane)
        if delivery.routing_key not in (key, delivery.queue):  # by a CC header, whose keys older brokers let pass
            raise Park("wrong_key", "it was published with the key of another queue")
        with (
            about(asked.workspace_id, asked.message_id, trace_of(event)),
            tracing.processing(event, delivery.queue),
        ):
            match asked:
                case SendRequested():
                    await dispatch.on_request(event, lane, delivery.ack)
                case CancelRequested():
                    await dispatch.on_cancel(event, lane)
                case ResolveRequested():
                    await dispatch.on_resolve(event)

    return handle
