"""Before anything is sent: what is said of reaching somebody, and the question about what they were just sent."""

import signal
import time

from devstack.channels import SMS, WHATSAPP
from devstack.demo.checks import eventually
from devstack.demo.scene import FAILED, SENDING, SENT, new_number, not_see, see
from devstack.demo.steps.opening import SEND_AND_OPEN
from devstack.demo.steps.reaching import OPTED_OUT, READY, await_remark
from devstack.demo.steps.refusing import RESEND
from devstack.demo.steps.repeating import AGAIN, SEND_AGAIN, await_question
from devstack.demo.steps.waiting import NOT_YET, STOP, STOPPED
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

OPERATORS = "dispatcher-webhooks"
TRACKER = "status_tracker"


def test_paused_channel_says_what_a_message_would_do_and_it_does_so(scene: CheckedScene) -> None:
    scene.stack.proactivectl("channel", "pause", SMS.id)
    panel = scene.channels(scene.person())
    panel.screen.row(SMS.name, "Paused since", "a message waits until your administrators resume it")
    panel.press(SMS.name)
    panel.fill("Write your message", new_text())
    see(panel.press("Send message"), NOT_YET)
    see(panel.press(STOP), STOPPED)
    scene.stack.proactivectl("channel", "resume", SMS.id)
    scene.channels(scene.person()).screen.row(SMS.name, READY)


def test_blocked_channel_cannot_be_chosen_and_others_can(scene: CheckedScene) -> None:
    scene.outside.provider("unauthorized", remaining=1)
    see(scene.compose(scene.person(), new_text()).press("Send message"), FAILED)
    eventually(
        lambda: scene.operators.channels()[SMS.id]["state"], lambda state: state == "blocked", "a blocked channel"
    )
    panel = scene.channels(scene.person())
    row = next(one for one in panel.screen.rows() if one["title"] == SMS.name)
    assert row["disabled"] is True
    assert row["tertiary_text"].startswith("Blocked since")
    assert "The provider refuses this channel" in row["tertiary_text"]
    see(panel.press(WHATSAPP.name), "Write your message")
    scene.operators.resume(SMS.id)
    see(scene.compose(scene.person(), new_text()).press("Send message"), SENT)


def test_opt_out_in_a_receipt_is_told_and_a_later_message_that_arrives_lifts_it(scene: CheckedScene) -> None:
    person = scene.person()
    number = str(person.phone)
    scene.outside.provider("normal", receipts="none")
    see(scene.compose(person, new_text()).press("Send message"), SENT)
    scene.outside.report(scene.outside.submissions(number)[0], "undelivered", 30004)
    await_remark(scene, person, SMS, OPTED_OUT)
    scene.outside.provider("normal")
    panel = scene.compose(person, new_text())
    see(panel.press("Send message"), SENT)
    await_remark(scene, person, SMS, READY)


def test_nothing_is_said_to_be_ready_while_the_dispatcher_does_not_answer(scene: CheckedScene) -> None:
    process = scene.stack.process(OPERATORS)
    process.send_signal(signal.SIGSTOP)
    try:
        person = scene.person("+493012345678")
        began = time.monotonic()
        panel = scene.channels(person)
        assert time.monotonic() - began < 4
        panel.screen.row(WHATSAPP.name, "Not a mobile number")
        panel.screen.row(SMS.name, "Could not be checked just now", "This is a landline: it cannot receive SMS.")
        scene.channels(scene.person()).screen.row(SMS.name, "Could not be checked just now")
    finally:
        process.send_signal(signal.SIGCONT)


def test_both_buttons_ask_and_send_what_they_say(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    see(scene.compose(person, text).press("Send message"), SENT)
    panel = await_question(scene, person, text, SEND_AND_OPEN)
    see(panel.screen, "A new Intercom conversation is opened as well.")
    see(panel.press(SEND_AGAIN), SENT)
    scene.outside.await_opened(person, text)
    scene.outside.await_received(str(person.phone), [text, text])


def test_what_a_service_sent_a_moment_ago_is_asked_about_by_its_name(scene: CheckedScene, tracker: Tracker) -> None:
    person, text = scene.person(new_number()), new_text()
    event = bus.send_requested(str(person.phone), text)
    bus.publish(scene.stack.amqp_url, event)
    tracker.await_status(event["data"]["message_id"], "delivered")
    panel = scene.compose(person, f"  {text} ".replace(" ", "  "))
    see(panel.press("Send message"), f"{event['data']['requested_by']['name']} sent this at", AGAIN)
    assert scene.outside.received(str(person.phone)) == [text]


def test_resend_is_asked_about_what_was_sent_meanwhile(scene: CheckedScene, tracker: Tracker) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("invalid_number", remaining=2)
    first = scene.compose(person, text)
    see(first.press("Send message"), FAILED)
    history = scene.panel(person)
    eventually(history.open, lambda screen: screen.shows("Failed"), "the failed message on Home")
    other = scene.compose(person, text)
    see(other.press("Send message"), FAILED)
    see(other.press(RESEND), SENT)
    tracker.await_status(tracker.latest_to(str(person.phone))["message_id"], "sent", "delivered")
    see(first.press(RESEND), AGAIN)
    scene.outside.await_received(str(person.phone), [text])
    see(first.press("Send again"), SENT)


def test_message_is_sent_without_a_question_while_the_tracker_is_away(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    see(scene.compose(person, text).press("Send message"), SENT)
    panel = scene.compose(person, text)
    scene.stack.process(TRACKER).stop()
    try:
        screen = panel.press("Send message")
        assert screen.shows(SENT) or screen.shows(SENDING), screen
        scene.outside.await_received(str(person.phone), [text, text])
    finally:
        scene.stack.start_service(TRACKER)


def test_same_form_pressed_again_tells_of_its_own_message(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    see(scene.compose(person, text).press("Send message"), SENT)
    panel = await_question(scene, person, text)
    asked = panel.beside()
    asked.press("Back")
    see(panel.press(SEND_AGAIN), SENT)
    history = scene.panel(person)
    eventually(history.open, lambda screen: len(screen.rows()) == 2, "both messages on Home")
    see(not_see(asked.press("Send message"), AGAIN), SENT)
    assert scene.outside.received(str(person.phone)) == [text, text]
