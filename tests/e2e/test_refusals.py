"""What the provider, the channel or the clock refuses, and the words for it."""

import time

import pytest

from devstack.channels import SMS
from devstack.demo.scene import CHANNEL_NAME, FAILED, SENT, UNKNOWN, alone, not_see, see
from devstack.demo.steps.refusing import FAILED_THROUGH_SMS, RESEND
from tests.support.panel import CheckedScene, new_text

REMEMBERED_SECONDS = 5.5
"""Services read a channel anew when what they know of it is five seconds old."""


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("rate_limited", "The provider had too much to do and did not take it."),
        ("unauthorized", "The provider refuses this channel: its access, its balance or its sender."),
        ("invalid_number", "The number was refused"),
    ],
)
def test_refusal_of_the_provider_is_a_failure_with_its_reason(scene: CheckedScene, mode: str, reason: str) -> None:
    scene.outside.provider(mode, remaining=1)
    panel = scene.compose(scene.person(), new_text())
    see(alone(panel.press("Send message"), FAILED_THROUGH_SMS), FAILED, reason, RESEND, "Finish")
    see(panel.press("Finish"), "Send a proactive message")


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
    not_see(see(panel.press("Send message"), UNKNOWN), SENT, FAILED)


def test_provider_that_is_not_there_is_a_failure_and_can_be_tried_again(scene: CheckedScene) -> None:
    panel = scene.compose(scene.person(), text := new_text())
    scene.stack.stop_service("sandbox")
    try:
        see(panel.press("Send message"), FAILED, "The provider could not be reached.")
    finally:
        scene.stack.start_service("sandbox")
    see(panel.press(RESEND), SENT)
    assert scene.outside.received(str(panel.person.phone)) == [text]


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
