"""How the handling of a delivery ends."""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import asyncpg
import pytest

from proactive_contracts.codec import encode, make_event
from proactive_contracts.errors import ContractError
from proactive_contracts.requests import CancelRequested
from proactive_contracts.values import Lane
from runtime import clock
from runtime.amqp.consumer import Delivery, Park
from status_tracker.handlers import Fact, Outcome, Recorder
from status_tracker.storage.database import Pool
from status_tracker.worker import Worker
from tests.unit.status_tracker.making import MARIA, NOON, PHONE, Story, make_reply, make_request

ERASED = "+4915199999999"


class Recording:
    """A recorder that remembers, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.facts: list[Fact] = []

    async def record(self, fact: Fact) -> Outcome:
        if self.error is not None:
            raise self.error
        self.facts.append(fact)
        return Outcome.RECORDED


class Held:
    """A delivery with these bytes."""

    routing_key = "send.sms.bulk"
    queue = "history"

    def __init__(self, body: bytes) -> None:
        self.body = body


class Erasure:
    """One person was erased at noon."""

    async def covers(self, workspace_id: str, number: str, asked_at: datetime) -> bool:
        return (workspace_id, number) == ("w1", ERASED) and asked_at <= NOON


async def handle(body: bytes, error: Exception | None = None) -> list[Fact]:
    recording = Recording(error)
    worker = Worker(cast(Pool, None), cast(Recorder, recording), clock.now, Erasure())
    await worker.handle(cast(Delivery, Held(body)))
    return recording.facts


async def test_request_is_recorded_with_what_was_asked() -> None:
    request = make_request()
    (fact,) = await handle(encode(request))
    assert fact.request is not None
    assert (fact.request.asked, fact.request.lane) == (request.data, Lane.BULK)


@pytest.mark.parametrize(("recipient", "later", "erased"), [(ERASED, 0, True), (ERASED, 1, False), (PHONE, 0, False)])
async def test_request_from_before_an_erasure_is_recorded_without_its_person(
    recipient: str, later: int, erased: bool
) -> None:
    (fact,) = await handle(encode(make_request(recipient=recipient, at=NOON + timedelta(seconds=later))))
    assert fact.erased is erased


async def test_reply_from_before_an_erasure_is_not_kept() -> None:
    assert await handle(encode(make_reply(at=NOON, sender=ERASED.removeprefix("+")))) == []


async def test_result_is_recorded_as_an_entry_only() -> None:
    accepted = Story(make_request()).accepted()
    (fact,) = await handle(encode(accepted))
    assert (fact.entry.event_id, fact.request) == (accepted.id, None)


async def test_what_cannot_be_read_is_told_to_the_consumer() -> None:
    with pytest.raises(ContractError):
        await handle(b"nonsense")


async def test_event_that_does_not_belong_here_is_parked() -> None:
    asked: Any = make_request().data
    fields = {name: getattr(asked, name) for name in ("message_id", "workspace_id", "channel", "channel_id")}
    cancel = make_event(CancelRequested(**fields, requested_by=MARIA), id=uuid4(), time=NOON, source="test")
    with pytest.raises(Park) as parked:
        await handle(encode(cancel))
    assert parked.value.reason == "unexpected"


async def test_event_that_the_database_cannot_hold_is_parked() -> None:
    with pytest.raises(Park) as parked:
        await handle(encode(make_request()), asyncpg.DataError("invalid byte sequence"))
    assert parked.value.reason == "unstorable"


async def test_trouble_with_the_database_stays_trouble() -> None:
    with pytest.raises(ConnectionError):
        await handle(encode(make_request()), ConnectionError("gone"))
