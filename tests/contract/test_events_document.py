"""docs/events.md says what the code does, and its program runs."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from proactive_contracts.codec import EVENT_TYPES, MAX_BODY, decode, make_event
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.schemas import file_name
from proactive_contracts.status import MessageStatusChanged, Status
from proactive_contracts.topology import HISTORY_QUEUE, address, listener, send_queue, topology
from proactive_contracts.values import Channel, Lane, Service
from runtime.amqp.publisher import Publisher
from runtime.amqp.topology import apply
from tests.integration.runtime_support import take
from tests.unit.proactive_contracts.examples import ALL_PAYLOADS, example_text, make_request

DOCUMENT = (Path(__file__).parents[2] / "docs" / "events.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", DOCUMENT, re.DOTALL)
PROGRAM = next(text for language, text in BLOCKS if language == "python" and "import pika" in text)


def rows(first_cell: str) -> list[list[str]]:
    """The rows of the table whose header begins with this cell."""
    table = re.search(rf"^\| {re.escape(first_cell)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE)
    assert table, f"no table with {first_cell}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()]


def documented_fields(title: str) -> dict[str, bool]:
    """Field by field whether it is required, from the table below a title."""
    below = DOCUMENT.split(title)[1].split("\n#")[0]
    lines = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (yes|no) \|", below, re.MULTILINE)
    return {name: required == "yes" for names, required in lines for name in re.findall(r"\w+", names)}


@pytest.mark.parametrize("payload", [SendRequested, MessageStatusChanged], ids=EVENT_TYPES.get)
def test_example_is_the_golden_one(payload: type[SendRequested] | type[MessageStatusChanged]) -> None:
    shown = [json.loads(text) for language, text in BLOCKS if language == "json"]
    assert json.loads(example_text(payload)) in shown


def test_every_field_is_documented_with_whether_it_is_required() -> None:
    wanted = {name: field.is_required() for name, field in SendRequested.model_fields.items()}
    assert documented_fields("### The fields of `data`") == wanted
    wanted = {name: field.is_required() for name, field in Event.model_fields.items()}
    assert documented_fields("### The envelope") == wanted


def test_every_field_of_a_status_event_is_documented() -> None:
    documented = {name for row in rows("field of `data`") for name in re.findall(r"`(\w+)`", row[0])}
    assert documented == set(MessageStatusChanged.model_fields)


def test_statuses_are_told_in_our_words_and_order() -> None:
    assert [row[:3] for row in rows("status")] == [[f"`{each}`", each.label, each.meaning] for each in Status]


def test_reasons_are_complete() -> None:
    [listed] = re.findall(r"^Reasons: (.*?)\.$", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert re.findall(r"\w+", listed) == [reason.value for reason in FailureReason]


def test_every_event_stands_there_with_its_routing_key() -> None:
    documented = dict(re.findall(r"^\| `(proactive\.\w+\.v1)` \| `([^`]+)` \|", DOCUMENT, re.MULTILINE))
    assert set(documented) == set(EVENT_TYPES.values())
    for payload in ALL_PAYLOADS:
        event = decode(example_text(payload).encode())
        pattern = re.escape(documented[EVENT_TYPES[payload]])
        assert re.fullmatch(re.sub(r"<\w+>", r"[\\w]+", pattern), address(event, Lane.BULK)[1])


def test_limits_are_told() -> None:
    assert f"at most\n{MAX_BODY // 1024} KiB" in DOCUMENT
    assert "at most 7 days" in DOCUMENT.lower()
    assert file_name(SendRequested) in DOCUMENT


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"thread": None},
        {"thread": {"conversation_id": "1", "open_new": True}},
        {"content": {"kind": "text", "text": 'Grüß dich, "Anna" 👋\n\u2028\x7f'}},
        {"content": {"kind": "template", "name": "a", "language": "de", "variables": []}},
        {"content": {"kind": "template", "name": "a", "language": "de", "variables": [{"value": "v", "name": "n"}]}},
    ],
)
def test_recipe_for_the_id_yields_ours(changes: dict[str, Any]) -> None:
    [recipe] = [text for language, text in BLOCKS if language == "python" and "def event_id" in text]
    written: dict[str, Any] = {}
    exec(recipe, written)
    event_id: Callable[[dict[str, Any]], UUID] = written["event_id"]
    request = make_request(**changes)
    assert event_id(request.model_dump(mode="json")) == request_id(request)


async def test_program_publishes_and_follows_its_message(amqp_url: str) -> None:
    """Played here: the dispatcher's and the tracker's part."""
    await apply(amqp_url, topology())
    await apply(amqp_url, listener("cards"))
    environment = {
        "PATH": os.environ["PATH"],
        "AMQP_URL": amqp_url,
        "WORKSPACE_ID": "sandbox1",
        "CHANNEL_ID": str(uuid4()),
        "RECIPIENT": "+4915112345678",
    }
    command = [sys.executable, "-c", PROGRAM]
    running = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        for queue in (send_queue(Channel.SMS, Lane.BULK), HISTORY_QUEUE):
            message = await take(amqp_url, queue)
        event = decode(message.body)
        assert (message.message_id, message.type) == (str(event.id), event.type)
        assert message.content_type == "application/cloudevents+json"
        request = event.data
        assert isinstance(request, SendRequested)
        assert request.requested_by == Service(name="cards")
        told = [None, Status.QUEUED, Status.SENT, Status.DELIVERED]
        async with Publisher(amqp_url, "tests") as publisher:
            for previous, status in pairwise(told):
                assert status is not None
                change = MessageStatusChanged(
                    message_id=request.message_id,
                    workspace_id=request.workspace_id,
                    channel=request.channel,
                    channel_id=request.channel_id,
                    status=status,
                    previous=previous,
                    requested_by=request.requested_by,
                    since=datetime.now(UTC),
                )
                await publisher.send(make_event(change, id=uuid4(), time=datetime.now(UTC), source="status_tracker"))
        said, _ = await asyncio.wait_for(running.communicate(), 20)
    finally:
        if running.returncode is None:
            running.kill()
    assert running.returncode == 0
    lines = [line.strip() for line in said.decode().splitlines()]
    assert lines == [f"published {request.message_id}", "queued", "sent", "delivered"]
