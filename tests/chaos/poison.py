"""What no consumer can ever handle: parked, with its neighbours untouched."""

import json
import time

from tests.chaos import observed, operating
from tests.chaos.matrix import fault
from tests.chaos.run import Run
from tests.chaos.traffic import new_number
from tests.support import bus
from tests.support.panel import new_text

BULK = "dispatcher.sms.bulk"
HISTORY = "status_tracker.history"
DEEP = 50_000
LARGE_HEADER = 100_000
"""Bytes: what still fits into one frame, as a header must."""


def event(**changes: object) -> dict[str, object]:
    """A request of nobody's, with a number and a text that no log may hold."""
    return {**bus.send_requested(new_number(), new_text()), **changes}


@fault("poison", row="38", fast=True)
def poison(run: Run) -> None:
    """It is parked by each of its readers, with its reason; what comes before and after it is sent."""
    run.publish(2)
    whole = json.dumps(event())
    bodies = [
        b"",
        b"\xff\xfe\x00",
        whole[:-20].encode(),
        b"[" * DEEP + b"]" * DEEP,
        whole.replace('"sms"', "NaN").encode(),
        json.dumps(event(type="proactive.message_status_changed.v1")).encode(),
        json.dumps(event(type=["proactive.send_requested.v1"])).encode(),
        json.dumps({**event(), "data": {"message_id": "no id"}}).encode(),
    ]
    for body in bodies:
        operating.publish_raw(run.world, body)
    operating.publish_raw(run.world, b"{", headers={"x-large": "x" * LARGE_HEADER, "x-delivery-count": "many"})
    for queue in (BULK, HISTORY):
        run.expect_parked(queue, len(bodies) + 1)
    run.publish(2)


@fault("schema-from-the-future", row="39", fast=True)
def future(run: Run) -> None:
    """Fields that we do not know are ignored; a major version that we do not know is parked."""
    message = run.message()
    assert message.event is not None
    wanted = {**message.event["data"], "priority": {"level": 3}, "thread": {"open_new": False, "colour": "red"}}
    message.event = {**message.event, "data": wanted, "partitionkey": "7"}
    run.put(message)
    operating.publish_raw(run.world, json.dumps(event(type="proactive.send_requested.v2")).encode())
    for queue in (BULK, HISTORY):
        run.expect_parked(queue)


@fault("parked-route-missing", row="+13", fast=True)
def route_missing(run: Run) -> None:
    """Poison that cannot be parked is held, not dropped; its neighbours are sent, and it is parked later."""
    world = run.world
    operating.unbind(world, f"{BULK}.parked", f"{BULK}.parked", exchange="proactive.dead")
    operating.publish_raw(world, b"{")
    messages = run.publish(3)
    for message in messages:
        run.await_submission(message)
    time.sleep(1)
    parked = observed.ready(world, f"{BULK}.parked")
    run.see(parked[f"{BULK}.parked"] == 0, "nothing parked yet", parked)
    world.declare()
    for queue in (BULK, HISTORY):
        run.expect_parked(queue)
    run.wait(lambda: observed.ready(world, f"{BULK}.parked")[f"{BULK}.parked"] == 1, "parked", 40)
