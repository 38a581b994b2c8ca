"""What the panels wait for: dispatchers' answers, matched to the requests that they name."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from canvas_gateway.domain.outcome import is_answer
from canvas_gateway.ports import Settles
from proactive_contracts.codec import decode
from proactive_contracts.envelope import Event
from proactive_contracts.errors import ContractError
from runtime.logs import get_logger

log = get_logger()


class ArrivingResults:
    """Gives each answer to everybody who expects it; what nobody expects any more is dropped: history has it."""

    def __init__(self, replica: UUID) -> None:
        self._route = f"panel.{replica}"
        self._expected: dict[UUID, dict[asyncio.Future[Event[Any]], Settles]] = {}

    @property
    def route(self) -> str:
        """Where answers reach this replica."""
        return self._route

    @contextmanager
    def expecting(self, event_id: UUID, settles: Settles = is_answer) -> Iterator[asyncio.Future[Event[Any]]]:
        """The first event about that request from now on that settles it; any number may expect the same one."""
        answer: asyncio.Future[Event[Any]] = asyncio.get_running_loop().create_future()
        waiting = self._expected.setdefault(event_id, {})
        waiting[answer] = settles
        try:
            yield answer
        finally:
            del waiting[answer]
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
        if event.causationid is None:
            return
        for answer, settles in self._expected.get(event.causationid, {}).items():
            if not answer.done() and settles(event):
                answer.set_result(event)
