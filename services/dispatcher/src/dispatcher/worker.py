"""Requests in: from the channel's queues to the handlers."""

from collections.abc import Awaitable, Callable

from structlog.contextvars import bound_contextvars

from dispatcher.handlers import Dispatch
from proactive_contracts.codec import decode
from proactive_contracts.errors import UnsupportedEvent
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Lane
from runtime import clock
from runtime.amqp.consumer import Delivery, Park


def request_handler(dispatch: Dispatch, channel: Channel, lane: Lane) -> Callable[[Delivery], Awaitable[None]]:
    """A consumer's handler for one queue."""

    async def handle(delivery: Delivery) -> None:
        event = decode(delivery.body, clock.now())
        request = event.data
        if not isinstance(request, SendRequested):
            raise UnsupportedEvent(f"{event.type} is not acted on by this release")
        if request.channel is not channel:
            raise Park("wrong_channel", f"a request for {request.channel} came to the queue of {channel}")
        with bound_contextvars(message_id=str(request.message_id), workspace_id=request.workspace_id):
            await dispatch.on_request(event, lane, delivery.ack)

    return handle
