"""Publishes requests, and says what is known of each publish."""

from typing import Any

from canvas_gateway.domain.outcome import Published
from proactive_contracts.envelope import Event
from proactive_contracts.values import Lane
from runtime.amqp.publisher import NotPublished, Publisher, Unconfirmed, Unroutable
from runtime.logs import get_logger

_SECONDS_WITHOUT_CONNECTION = 0.5
"""How long a publish waits for a connection that is not there: the agent is better served by a true "not yet"."""

log = get_logger()


class RequestBus:
    """The interactive lane of the requests exchange."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    @property
    def connected(self) -> bool:
        """Whether a request would leave at once."""
        return self._publisher.connected

    async def publish(self, request: Event[Any], seconds: float) -> Published:
        """Publish a request; dispatchers answer to the request's own result_route."""
        limit = seconds if self.connected else min(seconds, _SECONDS_WITHOUT_CONNECTION)
        try:
            await self._publisher.send(request, lane=Lane.INTERACTIVE, timeout=limit)
        except Unroutable:
            log.error("request_unroutable", event_id=str(request.id), channel=str(request.data.channel))
            return Published.UNROUTABLE
        except NotPublished:
            log.warning("request_not_published", event_id=str(request.id))
            return Published.NOT_PUBLISHED
        except Unconfirmed:
            log.warning("request_unconfirmed", event_id=str(request.id))
            return Published.UNCONFIRMED
        return Published.CONFIRMED
