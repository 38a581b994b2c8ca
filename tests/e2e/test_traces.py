"""One trace from a teammate's click to the provider's answer and the note in the thread."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from devstack.demo.scene import SENT, WORKER, new_number, see
from devstack.stack import Stack
from proactive_contracts.topology import EVENTS, HISTORY_QUEUE, REQUESTS
from tests.support import bus
from tests.support.collector import Collected, Collector, collecting
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

TRACED = ("canvas_gateway", WORKER, "dispatcher-webhooks", "status_tracker")
SEND, PROCESS, RECORD = f"send {REQUESTS}", "process dispatcher.sms.interactive", f"process {HISTORY_QUEUE}"
CALL, NOTE, ANSWER = "POST 127.0.0.1", "write note", f"send {EVENTS}"


BROUGHT = "4bf92f3577b34da6a3ce929d0e0e4736"
"""The trace of a service of somebody else's."""


def test_events_that_answer_a_service_stay_in_its_trace_where_nothing_is_recorded(
    scene: CheckedScene, listener: str
) -> None:
    scene.outside.provider("rate_limited", remaining=1, retry_after="1")
    event = bus.traced(bus.send_requested(new_number(), new_text()), f"00-{BROUGHT}-00f067aa0ba902b7-01")
    bus.publish(scene.stack.amqp_url, event)
    told = bus.statuses(scene.stack.amqp_url, listener, event["data"]["message_id"], until="sent")
    assert [one["data"]["status"] for one in told][-2:] == ["waiting", "sent"]
    assert {one["traceparent"][3:35] for one in told} == {BROUGHT}
    for name in (WORKER, "status_tracker"):
        lines = (scene.stack.state.logs / f"{name}.log").read_text().splitlines()
        about = [line for line in map(json.loads, lines) if line.get("message_id") == event["data"]["message_id"]]
        assert {line["trace_id"] for line in about} <= {BROUGHT}


@pytest.fixture(scope="module")
def collector(stack: Stack) -> Iterator[Collector]:
    """Takes the spans of all services, which are as they were before afterwards."""
    with collecting() as collector, ExitStack() as afterwards:
        for name in TRACED:
            extra = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
            stack.restart(name, extra)
            afterwards.callback(stack.restart, name)
        yield collector


def test_message_from_the_panel_is_one_trace_up_to_its_note(
    scene: CheckedScene, tracker: Tracker, collector: Collector
) -> None:
    person, text = scene.person(), new_text()
    see(scene.compose(person, text).press("Send message"), SENT)
    scene.outside.await_note(person.conversation_id, text)
    message_id = tracker.latest_to(str(person.phone))["message_id"]
    tracker.await_status(message_id, "delivered")
    spans = collector.of(message_id, until={"submit", SEND, PROCESS, RECORD, CALL, NOTE, ANSWER})

    assert len({span.trace for span in spans}) == 1
    [submit] = named(spans, "submit")
    [request] = named(spans, SEND)
    [process] = named(spans, PROCESS)
    [note] = named(spans, NOTE)
    assert submit.parent == ""
    assert request.parent == submit.id
    assert process.parent == request.id
    calls = named(spans, CALL)
    assert [span.service for span in calls if span.parent == process.id] == ["dispatcher.sms"]
    assert [span.service for span in calls if span.parent == note.id] == ["status_tracker"]
    [answer] = [span for span in named(spans, ANSWER) if span.parent == process.id]
    assert answer.attributes["messaging.rabbitmq.destination.routing_key"] == "delivery.accepted.sms"
    records = {span.parent: span for span in named(spans, RECORD)}
    assert {request.id, answer.id} <= records.keys()
    assert note.parent == records[answer.id].id
    told = [span for span in named(spans, ANSWER) if span.service == "status_tracker"]
    assert {span.parent for span in told} <= {span.id for span in records.values()}
    assert {span.attributes["messaging.system"] for span in (request, process, answer, *told)} == {"rabbitmq"}
    assert process.attributes["proactive.workspace_id"] == "sandbox1"
    assert process.attributes["proactive.channel"] == "sms"


def test_spans_hold_no_number_no_text_and_no_secret(
    scene: CheckedScene, tracker: Tracker, collector: Collector
) -> None:
    person, text = scene.person(), new_text()
    see(scene.compose(person, text).press("Send message"), SENT)
    scene.outside.await_note(person.conversation_id, text)
    collector.of(tracker.latest_to(str(person.phone))["message_id"], until={NOTE, CALL})
    secrets = scene.stack.surroundings.secrets
    forbidden = [str(person.phone).lstrip("+"), text, secrets.intercom_token, secrets.twilio_account_sid]
    assert [word for word in forbidden if word.encode() in collector.raw] == []


def named(spans: list[Collected], name: str) -> list[Collected]:
    """Those of one name."""
    return [span for span in spans if span.name == name]
