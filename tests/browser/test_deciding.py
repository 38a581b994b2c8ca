"""A teammate decides in a browser: what is put off is stopped, what may have been sent is marked, each just once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from devstack.channels import SMS, WHATSAPP, Connected
from devstack.demo.checks import eventually
from devstack.demo.outside import Outside
from devstack.demo.panel import Person
from devstack.demo.scene import FAILED, SENT, UNKNOWN
from devstack.demo.steps.refusing import RESEND
from devstack.inbox_page import InboxPage
from tests.support.panel import CheckedScene, new_text

RETRY_AFTER_SECONDS = 8
"""Longer than a panel waits for an answer; the sender is held as long, and every test waits until it is over."""

NOT_YET = "Not sent yet. We try again until"
STOP = "Stop trying"
STOPPED = "Stopped. Nothing was sent."
TOO_LATE = "It had left already: it could not be stopped."
BEING_SENT = "It is being handed to the provider. It will not be tried again."
MARKED_SENT = "A teammate marked it as sent."
MARKED_NOT_SENT = "A teammate confirmed that it was not sent."


def put_off(
    scene: CheckedScene, inbox: InboxPage, text: str, seconds: int = RETRY_AFTER_SECONDS
) -> tuple[Person, Outside]:
    """The provider has too much to do, once."""
    person, outside = scene.person(), scene.outside.of(SMS)
    outside.provider("rate_limited", remaining=1, retry_after=str(seconds))
    inbox.open(person.conversation_id)
    inbox.compose(SMS, text)
    inbox.press("Send message")
    inbox.see(NOT_YET, "The provider had too much to do and did not take it.", STOP, "Done")
    return person, outside


def wait_until_it_would_have_left(inbox: InboxPage, seconds: int = RETRY_AFTER_SECONDS) -> None:
    inbox.page.wait_for_timeout((seconds + 3) * 1000)


def test_what_is_put_off_is_stopped_and_never_sent(scene: CheckedScene, inbox: InboxPage, screenshots: Path) -> None:
    person, outside = put_off(scene, inbox, new_text())
    inbox.photograph(screenshots / "deferred.png")
    inbox.press(STOP)
    inbox.see(STOPPED)
    inbox.photograph(screenshots / "stopped.png")
    wait_until_it_would_have_left(inbox)
    assert len(outside.submissions(str(person.phone))) == 1
    assert outside.received(str(person.phone)) == []
    inbox.press("Done")
    inbox.press("View sent messages")
    inbox.pick(person.name)
    inbox.see("Cancelled", "It was stopped before it left. Nothing was sent.")


def test_what_is_put_off_is_stopped_from_its_details(scene: CheckedScene, inbox: InboxPage) -> None:
    person, outside = put_off(scene, inbox, new_text())
    inbox.press("Done")
    inbox.press("View sent messages")
    inbox.pick(person.name)
    inbox.refresh_until(NOT_YET)
    inbox.press(STOP)
    inbox.see("Cancelled", "It was stopped before it left. Nothing was sent.")
    wait_until_it_would_have_left(inbox)
    assert outside.received(str(person.phone)) == []


def test_stop_that_no_sender_answers_claims_nothing_and_is_kept(scene: CheckedScene, inbox: InboxPage) -> None:
    person, outside = put_off(scene, inbox, new_text(), seconds := 20)
    scene.stack.stop_service(SMS.worker)
    inbox.press(STOP)
    inbox.see("It is not known yet whether it could be stopped.", "None of our senders has answered yet.")
    inbox.not_see(STOPPED)
    scene.stack.start_service(SMS.worker)
    inbox.refresh_until(STOPPED)
    wait_until_it_would_have_left(inbox, seconds)
    assert outside.received(str(person.phone)) == []


def test_stop_on_a_stale_screen_tells_that_it_has_left(scene: CheckedScene, inbox: InboxPage) -> None:
    text = new_text()
    person, outside = put_off(scene, inbox, text)
    eventually(lambda: outside.received(str(person.phone)), bool, "the message at the provider", 30)
    inbox.press(STOP)
    inbox.see(SENT, TOO_LATE)
    inbox.not_see(STOPPED)
    assert outside.received(str(person.phone)) == [text]


def test_stop_while_it_is_handed_over_tells_that_it_is_too_late(scene: CheckedScene, inbox: InboxPage) -> None:
    text = new_text()
    person, outside = put_off(scene, inbox, text)
    outside.provider("slow", remaining=1, delay_seconds=4)
    eventually(lambda: len(outside.submissions(str(person.phone))), lambda seen: seen == 2, "the second try", 30)
    inbox.press(STOP)
    inbox.see(BEING_SENT)
    inbox.refresh_until(SENT)
    assert outside.received(str(person.phone)) == [text]


@pytest.fixture
def whatsapp_given_up_soon(given_up_soon: Callable[[Connected], None]) -> None:
    """WhatsApp's provider has no list to look at: only a receipt could tell, and it is not waited for long."""
    given_up_soon(WHATSAPP)


def left_unknown(scene: CheckedScene, inbox: InboxPage, text: str) -> tuple[Person, Outside]:
    """The connection breaks while the message is handed over; the provider never had it."""
    person, outside = scene.person(), scene.outside.of(WHATSAPP)
    outside.provider("close_before_accepting", remaining=1)
    inbox.open(person.conversation_id)
    inbox.compose(WHATSAPP, text)
    inbox.press("Send message")
    inbox.refresh_until(UNKNOWN)
    inbox.see("We could not confirm it with the provider.", "the customer may get it twice")
    return person, outside


@pytest.mark.usefixtures("whatsapp_given_up_soon")
def test_unknown_outcome_is_marked_as_sent(scene: CheckedScene, inbox: InboxPage, screenshots: Path) -> None:
    person, outside = left_unknown(scene, inbox, new_text())
    inbox.photograph(screenshots / "unknown.png")
    inbox.press("Mark as sent")
    inbox.see(SENT, MARKED_SENT)
    inbox.photograph(screenshots / "marked-as-sent.png")
    inbox.press("Done")
    inbox.press("View sent messages")
    inbox.pick(person.name)
    inbox.refresh_until(MARKED_SENT)
    inbox.not_see(RESEND, "Mark as")
    assert outside.received(str(person.phone)) == []


@pytest.mark.usefixtures("whatsapp_given_up_soon")
def test_unknown_outcome_is_marked_as_not_sent_and_resent_once(
    scene: CheckedScene, inbox: InboxPage, screenshots: Path
) -> None:
    text = new_text()
    person, outside = left_unknown(scene, inbox, text)
    inbox.press("Mark as not sent")
    inbox.see(FAILED, MARKED_NOT_SENT, "Finish")
    inbox.photograph(screenshots / "marked-as-not-sent.png")
    inbox.press(RESEND)
    inbox.refresh_until(SENT)
    expect(inbox.show_phone(WHATSAPP)).to_contain_text(text)
    assert outside.received(str(person.phone)) == [text]


@pytest.mark.usefixtures("whatsapp_given_up_soon")
def test_details_take_the_verdict_too(scene: CheckedScene, inbox: InboxPage) -> None:
    person, _outside = left_unknown(scene, inbox, new_text())
    inbox.press("Finish")
    inbox.press("View sent messages")
    inbox.pick(person.name)
    inbox.refresh_until("Mark as not sent")
    inbox.press("Mark as not sent")
    inbox.see("Not sent", MARKED_NOT_SENT, RESEND)
    inbox.not_see("Mark as")
