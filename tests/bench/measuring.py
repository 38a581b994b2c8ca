"""Asks the history API one kind of question many times, one after the other, and keeps how long each answer took."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import aiohttp

from proactive_contracts.values import Channel
from status_tracker.domain.cursors import Position
from tests.bench.filling import BEGIN, SPAN, TEAMMATES, WORKSPACE, Filled, number

TIMES = 200
CASE_SECONDS = 8.0
"""A kind of question is asked so often, but not for longer."""

EXPORTED = 50_000
"""Messages after which an export is broken off: enough to tell its speed."""

Query = Mapping[str, str]
_PATH = f"/v1/workspaces/{WORKSPACE}/messages"


@dataclass(frozen=True)
class Case:
    """A kind of question; `ask` makes one that has not been asked before, as far as there are so many."""

    name: str
    ask: Callable[[random.Random, Filled], Query]


@dataclass(frozen=True)
class Measured:
    """What came of one kind of question; times in milliseconds, `messages` is the mean of a page."""

    name: str
    times: int
    messages: float
    p50: float
    p99: float
    slowest: float


def _conversation(dice: random.Random, filled: Filled) -> Query:
    return {"conversation_id": str(dice.randrange(filled.conversations))}


def _mine(dice: random.Random, _filled: Filled) -> Query:
    return {"requested_by": f"t{dice.randrange(TEAMMATES)}"}


def _channel(dice: random.Random, _filled: Filled) -> Query:
    return {"channel": dice.choice(list(Channel))}


def _status(dice: random.Random, _filled: Filled) -> Query:
    """What the panel offers: a status, or two that belong together."""
    return {
        "status": dice.choice(["delivered", "read", "failed", "unknown,not_confirmed", "queued,sending", "expired"])
    }


def _number(dice: random.Random, filled: Filled) -> Query:
    return {"search": number(dice.randrange(filled.numbers))}


def _ending(digits: int) -> Callable[[random.Random, Filled], Query]:
    return lambda dice, filled: {"search": number(dice.randrange(filled.numbers))[-digits:]}


def _range(dice: random.Random, _filled: Filled) -> Query:
    since = BEGIN + SPAN * dice.random() * 0.9
    return {"from": since.isoformat(), "to": (since + SPAN * 0.01).isoformat()}


def _later(dice: random.Random, _filled: Filled) -> Query:
    """A page from anywhere in the middle, as a cursor leads there."""
    return {"cursor": str(Position(BEGIN + SPAN * dice.random(), UUID(int=dice.getrandbits(128))))}


def _all(*parts: Callable[[random.Random, Filled], Query]) -> Callable[[random.Random, Filled], Query]:
    def ask(dice: random.Random, filled: Filled) -> Query:
        asked: dict[str, str] = {}
        for part in parts:
            asked |= part(dice, filled)
        return asked

    return ask


def _just(**query: str) -> Callable[[random.Random, Filled], Query]:
    return lambda _dice, _filled: query


def cases(message_ids: Sequence[str]) -> Sequence[Case]:
    """Every filter alone, those that the panel combines, and those of which nothing is there."""

    def _message(dice: random.Random, _filled: Filled) -> Query:
        return {"search": dice.choice(message_ids)}

    return (
        Case("first page, everyone", _just()),
        Case("mine", _mine),
        Case("this conversation", _conversation),
        Case("channel", _channel),
        Case("status", _status),
        Case("status that no message has", _just(status="not_sent")),
        Case("channel and status", _all(_channel, _status)),
        Case("mine, channel", _all(_mine, _channel)),
        Case("mine, status", _all(_mine, _status)),
        Case("mine, channel and status", _all(_mine, _channel, _status)),
        Case("mine, the busiest, nothing there", _just(requested_by="t0", channel="viber", status="not_sent")),
        Case("this conversation, channel and status", _all(_conversation, _channel, _status)),
        Case("search: message id", _message),
        Case("search: number", _number),
        Case("search: last 8 digits", _ending(8)),
        Case("search: last 6 digits", _ending(6)),
        Case("search: number, mine, status", _all(_number, _mine, _status)),
        Case("time range", _range),
        Case("time range, channel and status", _all(_range, _channel, _status)),
        Case("a later page, everyone", _later),
        Case("a later page, mine and status", _all(_later, _mine, _status)),
        Case("a later page, channel", _all(_later, _channel)),
    )


async def measure(api: aiohttp.ClientSession, case: Case, filled: Filled, times: int = TIMES) -> Measured:
    """
    Ask, and take the time.

    Raises:
        RuntimeError: an answer is neither a page nor that too many numbers end so.
    """
    dice, messages = random.Random(case.name), 0
    took: list[float] = []
    ends = time.monotonic() + CASE_SECONDS
    while len(took) < times and (time.monotonic() < ends or not took):
        query = case.ask(dice, filled)
        began = time.perf_counter()
        async with api.get(_PATH, params=query) as answer:
            body = await answer.json(content_type=None)
        took.append((time.perf_counter() - began) * 1000)
        too_many = answer.status == 400 and body["title"] == "Too many numbers"
        if answer.status != 200 and not too_many:
            raise RuntimeError(f"{case.name}: {answer.status} {body}")
        messages += len(body.get("messages", ()))
    took.sort()
    return Measured(case.name, len(took), messages / len(took), _at(took, 0.5), _at(took, 0.99), took[-1])


async def export(api: aiohttp.ClientSession) -> float:
    """Messages a second of a CSV export."""
    began, lines = time.perf_counter(), 0
    async with api.get(f"{_PATH}.csv") as answer:
        async for part in answer.content.iter_any():
            lines += part.count(b"\r\n")
            if lines >= EXPORTED:
                break
        answer.close()
    return lines / (time.perf_counter() - began)


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
