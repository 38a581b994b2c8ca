"""Answers that get lost on their way: what each provider offers to find out, and that nothing is sent twice by it."""

import pytest

from devstack.channels import VIBER, WHATSAPP, Connected
from devstack.demo.panel import Panel
from devstack.demo.scene import FAILED, SENT, UNKNOWN, new_number, not_see
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker


def sent_in_the_end(scene: CheckedScene, channel: Connected, mode: str, text: str, receipts: str = "none") -> Panel:
    """A message whose first answer goes like this; the panel on Sent, and never on anything untrue before."""
    scene.outside.of(channel).provider(mode, remaining=1, receipts=receipts)
    panel = scene.compose(scene.person(), text, through=channel)
    not_see(panel.press("Send message"), FAILED, UNKNOWN)
    not_see(scene.refresh_until(panel, SENT, UNKNOWN, FAILED), FAILED, UNKNOWN)
    return panel


def statuses_of(tracker: Tracker, number: str) -> list[str]:
    return [entry["status"] for entry in tracker.latest_to(number)["timeline"] if entry["status"]]


@pytest.mark.parametrize("mode", ["error_after_accepting", "close_after_accepting"])
def test_infobip_knows_the_id_of_what_it_took(scene: CheckedScene, tracker: Tracker, mode: str) -> None:
    panel = sent_in_the_end(scene, VIBER, mode, text := new_text())
    number, viber = str(panel.person.phone), scene.outside.of(VIBER)
    assert viber.received(number) == [text]
    assert len(viber.submissions(number)) == 2, "asked again, under the same id"
    assert "unknown" not in statuses_of(tracker, number)


@pytest.mark.parametrize("mode", ["error", "close_before_accepting"])
def test_infobip_takes_under_the_same_id_what_it_had_not_got(scene: CheckedScene, tracker: Tracker, mode: str) -> None:
    panel = sent_in_the_end(scene, VIBER, mode, text := new_text())
    number, viber = str(panel.person.phone), scene.outside.of(VIBER)
    assert viber.received(number) == [text]
    assert [row["accepted"] for row in viber.submissions(number)] == [False, True]
    assert "unknown" not in statuses_of(tracker, number)


def test_receipt_of_meta_tells_what_its_answer_did_not(scene: CheckedScene) -> None:
    panel = sent_in_the_end(scene, WHATSAPP, "close_after_accepting", text := new_text(), receipts="automatic")
    number, whatsapp = str(panel.person.phone), scene.outside.of(WHATSAPP)
    assert whatsapp.received(number) == [text]
    assert len(whatsapp.submissions(number)) == 1


def test_two_alike_that_the_list_cannot_tell_apart_are_left_to_people(scene: CheckedScene, tracker: Tracker) -> None:
    scene.outside.provider("error_after_accepting", remaining=2, receipts="none")
    number, text = new_number(), new_text()
    events = [bus.send_requested(number, text) for _ in range(2)]
    bus.publish(scene.stack.amqp_url, *events)
    for event in events:
        tracker.await_status(event["data"]["message_id"], "unknown", seconds=30)
    assert scene.outside.received(number) == [text, text]
    assert len(scene.outside.submissions(number)) == 2
