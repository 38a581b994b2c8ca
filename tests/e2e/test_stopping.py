""" "Stop trying", asked for by whoever may: what has not left never does, and what has left is not called stopped."""

from datetime import UTC, datetime, timedelta
from typing import Any

from devstack.channels import SMS
from devstack.demo.checks import eventually
from devstack.demo.panel import TOM
from devstack.demo.scene import FAILED, SENT, WORKER, alone, new_number, not_see, see
from devstack.demo.steps.waiting import CANCELLED, NOT_YET, STOP, STOPPED
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

LONG_SECONDS = 60
"""A Retry-After that outlasts a test, unless an operator resumes the channel."""


def in_a_while() -> str:
    """Later than any test waits."""
    return (datetime.now(UTC) + timedelta(seconds=LONG_SECONDS)).isoformat()


def put_off(scene: CheckedScene, tracker: Tracker) -> dict[str, Any]:
    """A service's message that its provider refused once, and asked to come back with much later."""
    scene.outside.provider("rate_limited", remaining=1, retry_after=str(LONG_SECONDS))
    event = bus.send_requested(new_number(), new_text())
    bus.publish(scene.stack.amqp_url, event)
    waiting = tracker.await_status(event["data"]["message_id"], "waiting")
    assert (waiting["reason"], waiting["provider_code"]) == ("provider_busy", "20429")
    return event


def state_of(scene: CheckedScene, event: dict[str, Any]) -> str | None:
    """Where the dispatcher's job stands."""
    job = scene.operators.job(event["data"]["message_id"])
    return None if job is None else str(job["state"])


def let_another_one_pass(scene: CheckedScene) -> None:
    """The channel sends again, so that whatever may still leave through it does."""
    scene.operators.resume(SMS.id)
    panel = scene.compose(scene.person(), text := new_text())
    not_see(panel.press("Send message"), FAILED)
    scene.refresh_until(panel, SENT)
    scene.outside.await_received(str(panel.person.phone), [text])


def test_service_stops_what_waits_and_reads_that_it_is_cancelled(
    scene: CheckedScene, tracker: Tracker, listener: str
) -> None:
    event = put_off(scene, tracker)
    bus.publish(scene.stack.amqp_url, bus.cancel_requested(event), key=bus.control_key(event))
    told = bus.statuses(scene.stack.amqp_url, listener, event["data"]["message_id"], until="cancelled")
    assert [one["data"]["status"] for one in told][-2:] == ["waiting", "cancelled"]
    assert told[-2]["data"]["reason"] == "provider_busy"
    assert state_of(scene, event) == "cancelled"
    let_another_one_pass(scene)
    submissions = scene.outside.submissions(event["data"]["recipient"])
    assert [row["answer_status"] for row in submissions] == [429]


def test_stop_that_comes_before_its_request_holds(scene: CheckedScene, tracker: Tracker) -> None:
    number = new_number()
    event = bus.send_requested(number, new_text())
    message_id = event["data"]["message_id"]
    bus.publish(scene.stack.amqp_url, bus.cancel_requested(event), key=bus.control_key(event))
    eventually(lambda: state_of(scene, event), lambda state: state == "cancelled", "the stop at the dispatcher")
    bus.publish(scene.stack.amqp_url, event)
    tracker.await_status(message_id, "cancelled")
    let_another_one_pass(scene)
    assert not scene.outside.submissions(number)


def test_stop_and_request_that_wait_together_send_nothing(scene: CheckedScene, tracker: Tracker) -> None:
    """The stop lies in the queue that agents' messages go through, and overtakes a service's."""
    scene.stack.stop_service(WORKER)
    number = new_number()
    event = bus.send_requested(number, new_text(), not_before=in_a_while())
    bus.publish(scene.stack.amqp_url, event)
    bus.publish(scene.stack.amqp_url, bus.cancel_requested(event), key=bus.control_key(event))
    scene.stack.start_service(WORKER)
    tracker.await_status(event["data"]["message_id"], "cancelled")
    assert not scene.outside.submissions(number)


def test_stop_that_comes_too_late_changes_nothing(scene: CheckedScene, tracker: Tracker) -> None:
    number, text = new_number(), new_text()
    event = bus.send_requested(number, text)
    bus.publish(scene.stack.amqp_url, event)
    message_id = event["data"]["message_id"]
    tracker.await_status(message_id, "delivered")
    bus.publish(scene.stack.amqp_url, bus.cancel_requested(event), key=bus.control_key(event))
    let_another_one_pass(scene)
    message = tracker.message(message_id)
    assert message is not None
    assert message["status"] == "delivered"
    assert "cancelled" not in [entry["status"] for entry in message["timeline"]]
    assert scene.outside.received(number) == [text]


def test_teammate_stops_what_another_one_sent_and_both_read_so(scene: CheckedScene) -> None:
    person = scene.person()
    scene.outside.provider("rate_limited", remaining=1, retry_after=str(LONG_SECONDS))
    hers = scene.compose(person, new_text())
    not_see(see(hers.press("Send message"), NOT_YET, STOP), SENT, FAILED)
    stale = hers.beside()
    his = scene.panel(person, TOM)
    home = eventually(his.open, lambda screen: screen.shows("Will be tried again"), "the message on Home")
    see(his.press(home.row("Will be tried again")), "Status: Will be tried again", NOT_YET, STOP)
    not_see(see(his.press(STOP), "Status: Cancelled", CANCELLED), STOP)
    see(hers.press("Refresh status"), STOPPED)
    alone(stale.press(STOP), STOPPED)
    let_another_one_pass(scene)
    assert [row["answer_status"] for row in scene.outside.submissions(str(person.phone))] == [429]


def test_stop_clicked_often_at_once_is_one_stop(scene: CheckedScene, tracker: Tracker) -> None:
    person = scene.person()
    scene.outside.provider("rate_limited", remaining=1, retry_after=str(LONG_SECONDS))
    panel = scene.compose(person, new_text())
    see(panel.press("Send message"), NOT_YET, STOP)
    for screen in panel.press_at_once(STOP, 4):
        not_see(alone(screen, STOPPED), SENT, FAILED)
    message = tracker.await_status(tracker.latest_to(str(person.phone))["message_id"], "cancelled")
    assert [entry["status"] for entry in message["timeline"]].count("cancelled") == 1
    assert scene.outside.notes(person.conversation_id) == []
    assert len(scene.outside.submissions(str(person.phone))) == 1
