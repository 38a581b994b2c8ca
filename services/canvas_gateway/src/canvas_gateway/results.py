"""What the panels wait for: dispatchers' answers, matched to the requests that they name."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from proactive_contracts.codec import decode
from proactive_contracts.envelope import Event
from proactive_contracts.errors import ContractError
from proactive_contracts.results import (
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendUnknown,
)
from runtime.logs import get_logger

_ANSWERS = (SendAccepted, SendFailed, SendUnknown, SendExpired, SendCancelled, SendDeferred)

log = get_logger()


class ArrivingResults:
    """Gives each answer to everybody who expects it; what nobody expects any more is dropped: history has it."""

    def __init__(self, replica: UUID) -> None:
        self._route = f"panel.{replica}"
        self._expected: dict[UUID, set[asyncio.Future[Event[Any]]]] = {}

    @property
    def route(self) -> str:
        """Where answers reach this replica."""
        return self._route

    @contextmanager
    def expecting(self, event_id: UUID) -> Iterator[asyncio.Future[Event[Any]]]:
        """The first answer to that request that arrives from now on; any number may expect the same one."""
        answer: asyncio.Future[Event[Any]] = asyncio.get_running_loop().create_future()
        waiting = self._expected.setdefault(event_id, set())
        waiting.add(answer)
        try:
            yield answer
        finally:
            waiting.discard(answer)
            if not waiting and self._expected.get(event_id) is waiting:
                del self._expected[event_id]
            answer.cancel()

    def on_message(self, body: bytes) -> None:
        """Take one event from this replica's queue."""
        try:
            event = decode(body)
        except ContractError as error:
            log.warning("result_unreadable", reason=error.reason)
            return
        if not isinstance(event.data, _ANSWERS) or event.causationid is None:
            return
        for answer in self._expected.get(event.causationid, ()):
            if not answer.done():
                answer.set_result(event)
