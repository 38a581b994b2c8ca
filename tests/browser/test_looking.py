"""Sent messages are narrowed in a browser: the agent's own first, then by channel, status and number."""

from pathlib import Path

from playwright.sync_api import expect

from devstack.channels import WHATSAPP
from devstack.demo.panel import TOM
from devstack.demo.scene import FAILED, SENT
from devstack.inbox_page import InboxPage
from tests.support.panel import CheckedScene, new_text

SEARCH = "Number or message ID"


def test_sent_messages_are_narrowed_and_widened(scene: CheckedScene, inbox: InboxPage, screenshots: Path) -> None:
    person = scene.person()
    number = str(person.phone)
    scene.outside.provider("invalid_number", remaining=1)
    assert scene.compose(person, new_text()).press("Send message").shows(FAILED)
    assert scene.compose(person, new_text(), through=WHATSAPP).press("Send message").shows(SENT)
    assert scene.compose(person, new_text(), TOM).press("Send message").shows(SENT)
    scene.history(scene.panel(person), person.name, TOM.name, scope="conversation")

    inbox.open(person.conversation_id)
    inbox.press("View sent messages")
    expect(inbox.card.get_by_role("radio", name="Mine")).to_have_attribute("aria-checked", "true")
    inbox.press("Filter")
    inbox.select("Status", "Failed")
    inbox.fill(SEARCH, f"0{number[3:6]} {number[6:]}")
    inbox.photograph(screenshots / "filter.png")
    inbox.press("Show messages")
    inbox.see("Only: Failed · 0", person.name, "SMS · Failed")
    inbox.not_see("WhatsApp", TOM.name)
    inbox.photograph(screenshots / "filtered.png")

    inbox.press("Change filter")
    expect(inbox.panel.get_by_label("Status", exact=True)).to_have_value("failed")
    inbox.select("Channel", "WhatsApp")
    inbox.press("Show messages")
    inbox.see("None of your messages fits: WhatsApp · Failed", 'Choose "Everyone", or press "Clear filter"')
    inbox.press("Clear filter")
    inbox.choose_scope("This conversation")
    inbox.see(TOM.name, "WhatsApp · ", "SMS · Failed")


def test_search_that_is_not_understood_keeps_what_was_typed(scene: CheckedScene, inbox: InboxPage) -> None:
    inbox.open(scene.person().conversation_id)
    inbox.press("View sent messages")
    inbox.press("Filter")
    inbox.fill(SEARCH, "parcel")
    inbox.press("Show messages")
    inbox.see("This is no message ID, no number, and not the last 6 digits of one.")
    expect(inbox.panel.get_by_label(SEARCH, exact=True)).to_have_value("parcel")
    inbox.press("Back")
    inbox.see("Sent messages")
