"""Somebody else than the conversation's person is found in a browser, by each of the three fields."""

import pytest
from playwright.sync_api import expect

from devstack.channels import SMS, VIBER, WHATSAPP, Connected
from devstack.demo.scene import SENT, new_number
from devstack.inbox_page import InboxPage
from tests.support.panel import CheckedScene, new_text


@pytest.mark.parametrize(
    ("field", "channel"),
    [("User/lead ID", SMS), ("Email", WHATSAPP), ("Phone number", VIBER)],
    ids=["id", "email", "phone"],
)
def test_person_is_found_by_one_field_and_gets_the_message(
    scene: CheckedScene, inbox: InboxPage, field: str, channel: Connected
) -> None:
    number, text = new_number(), new_text()
    values = {
        "User/lead ID": f"cust-{number[1:]}",
        "Email": f"customer.{number[1:]}@example.com",
        "Phone number": number,
    }
    wanted = scene.person(number, external_id=values["User/lead ID"], email=values["Email"])
    inbox.open(scene.person().conversation_id)
    inbox.press("Send a proactive message")
    inbox.press("Search for another user/lead")
    inbox.fill(field, values[field])
    inbox.press("Search")
    inbox.see("Choose channel", wanted.name)
    inbox.pick(channel.name)
    inbox.fill("Write your message", text)
    inbox.press("Send message")
    inbox.see(SENT, number)
    expect(inbox.show_phone(channel)).to_contain_text(text)
    assert scene.outside.of(channel).received(number) == [text]


def test_nobody_is_found_and_the_field_keeps_what_was_typed(scene: CheckedScene, inbox: InboxPage) -> None:
    inbox.open(scene.person().conversation_id)
    inbox.press("Send a proactive message")
    inbox.press("Search for another user/lead")
    inbox.fill("Email", "nobody@example.org")
    inbox.press("Search")
    inbox.see("Nobody was found")
    expect(inbox.panel.get_by_label("Email")).to_have_value("nobody@example.org")
