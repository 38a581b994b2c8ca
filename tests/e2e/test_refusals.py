"""What the provider, the channel or the clock refuses, and the words for it."""

import time

import pytest

from devstack.channels import SMS
from devstack.demo.checks import eventually
from devstack.demo.scene import CHANNEL_NAME, FAILED, SENDING, SENT, UNKNOWN, alone, not_see, see
from devstack.demo.steps.refusing import FAILED_THROUGH_SMS, RESEND
from devstack.demo.steps.waiting import BUSY, NOT_YET, STOP
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

BLOCKED = "The provider refuses this channel: its access, its balance or its sender."

REMEMBERED_SECONDS = 5.5
"""Services read a channel anew when what they know of it is five seconds old."""

MENDED_SECONDS = 7
"""By then every process has read it anew, and one message is let through to see whether it goes."""


def test_refusal_of_the_provider_is_a_failure_with_its_reason(scene: CheckedScene) -> None:
    scene.outside.provider("invalid_number", remaining=1)
    panel = scene.compose(scene.person(), new_text())
    failed = see(alone(panel.press("Send message"), FAILED_THROUGH_SMS), FAILED, "The number was refused")
    see(failed, RESEND, "Finish")
    see(panel.press("Finish"), "Send a proactive message")


def test_channel_that_is_refused_fails_at_once_until_somebody_mends_it(scene: CheckedScene) -> None:
    scene.outside.provider("unauthorized", remaining=1)
    refused, next_one = scene.compose(scene.person(), new_text()), scene.compose(scene.person(), new_text())
    see(alone(refused.press("Send message"), FAILED_THROUGH_SMS, BLOCKED), FAILED, "20003", RESEND, "Finish")
    eventually(
        lambda: scene.operators.channels()[SMS.id]["state"], lambda state: state == "blocked", "a blocked channel"
    )
    see(alone(next_one.press("Send message"), FAILED_THROUGH_SMS, BLOCKED), FAILED, "20003", RESEND, "Finish")
    assert [row["answer_status"] for row in scene.outside.submissions(str(refused.person.phone))] == [401]
    assert not scene.outside.submissions(str(next_one.person.phone))
    scene.stack.proactivectl("channel", "enable", SMS.id)
    time.sleep(MENDED_SECONDS)
    see(scene.compose(scene.person(), new_text()).press("Send message"), SENT)


def test_each_resend_of_a_failed_resend_is_one_more(scene: CheckedScene) -> None:
    scene.outside.provider("invalid_number", remaining=3)
    panel = scene.compose(scene.person(), text := new_text())
    number = str(panel.person.phone)
    see(panel.press("Send message"), FAILED)
    for submissions in (2, 3):
        see(panel.press(RESEND), FAILED)
        assert len(scene.outside.submissions(number)) == submissions
    see(panel.press(RESEND), SENT)
    assert scene.outside.received(number) == [text]


def test_error_of_the_provider_is_unknown_even_where_nothing_was_sent(scene: CheckedScene) -> None:
    scene.outside.provider("error", remaining=1)
    panel = scene.compose(scene.person(), new_text())
    not_see(see(panel.press("Send message"), SENDING), SENT, FAILED)
    not_see(see(scene.refresh_until(panel, UNKNOWN), RESEND), SENT, FAILED)
    assert len(scene.outside.submissions(str(panel.person.phone))) == 1


def test_provider_that_is_busy_is_tried_again_and_people_are_told(scene: CheckedScene, tracker: Tracker) -> None:
    scene.outside.provider("rate_limited", remaining=2, retry_after="3")
    panel = scene.compose(scene.person(), text := new_text())
    number = str(panel.person.phone)
    not_see(see(panel.press("Send message"), NOT_YET, BUSY, "20429", STOP), SENT, SENDING, FAILED)
    scene.refresh_until(panel, SENT)
    assert scene.outside.received(number) == [text]
    assert [row["answer_status"] for row in scene.outside.submissions(number)] == [429, 429, 201]
    told = [(entry["status"], entry["reason"]) for entry in tracker.latest_to(number)["timeline"] if entry["status"]]
    assert told.count(("waiting", "provider_busy")) == 2


def test_provider_that_is_not_there_is_tried_again_until_it_is(scene: CheckedScene) -> None:
    panel = scene.compose(scene.person(), text := new_text())
    scene.stack.stop_service("sandbox")
    try:
        not_see(see(panel.press("Send message"), NOT_YET, "The provider could not be reached.", STOP), SENT, FAILED)
    finally:
        scene.stack.start_service("sandbox")
    scene.refresh_until(panel, SENT, seconds=40)
    assert scene.outside.received(str(panel.person.phone)) == [text]
    assert len(scene.outside.submissions(str(panel.person.phone))) == 1


def test_channel_that_is_disabled_meanwhile_sends_nothing(scene: CheckedScene) -> None:
    panel = scene.compose(scene.person(), new_text())
    scene.stack.proactivectl("channel", "disable", SMS.id)
    try:
        time.sleep(REMEMBERED_SECONDS)
        see(not_see(panel.press("Send message"), SENT), FAILED, "This channel is not connected any more.")
        see(scene.channels(scene.person()).screen, CHANNEL_NAME, "Not connected any more")
    finally:
        scene.stack.proactivectl("channel", "enable", SMS.id)
        time.sleep(REMEMBERED_SECONDS)
    assert not scene.outside.submissions(str(panel.person.phone))


@pytest.mark.parametrize(
    "text",
    ["مرحبا 🌸 ‏שלום", "👩‍👩‍👧‍👦" * 70, "a\r\nb\tc", "**bold** [x](https://example.com) <i>", "‎ ok", "\u0130\u017f ẞ"],
)
def test_any_visible_text_arrives_as_it_was_typed(scene: CheckedScene, text: str) -> None:
    panel = scene.compose(scene.person(), text)
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(str(panel.person.phone), [text.replace("\r\n", "\n")])
    panel.press("Done")
    panel.press(scene.history(panel, panel.person.name).row(panel.person.name))


@pytest.mark.parametrize("text", ["", " \n\t ", "​‎", "x" * 501, "x" * 60_000])
def test_text_that_cannot_be_sent_is_refused(scene: CheckedScene, text: str) -> None:
    panel = scene.compose(scene.person(), text)
    not_see(panel.press("Send message"), SENT, FAILED, UNKNOWN, "Something went wrong")
    assert not scene.outside.submissions(str(panel.person.phone))
    panel.fill("Write your message", text := new_text())
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(str(panel.person.phone), [text])


@pytest.mark.parametrize("name", ["**Bob** [x](https://example.com)", "ليلى حداد 🌸", "M" * 300, "a\nb\tc"])
def test_any_name_is_shown_on_every_screen(scene: CheckedScene, name: str) -> None:
    named = scene.outside.add_person(name, scene.person().phone)
    panel = scene.compose(named, new_text())
    see(panel.press("Send message"), SENT)
    panel.press("Done")
    scene.history(panel, str(named.phone))
    panel.press(panel.screen.row(str(named.phone)))
