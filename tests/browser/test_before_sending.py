"""Before anything is sent, in a browser: who can be reached, and whether the same is to be sent again."""

from pathlib import Path

from playwright.sync_api import expect

from devstack.channels import SMS, WHATSAPP
from devstack.demo.checks import eventually
from devstack.demo.panel import MARIA
from devstack.demo.scene import FAILED, SENT
from devstack.demo.steps.reaching import LANDLINE, NOT_SEEN, OPEN, OPTED_OUT
from devstack.demo.steps.repeating import AGAIN, SEND_AGAIN
from devstack.inbox_page import InboxPage
from tests.support.panel import CheckedScene, new_text

REMEMBERED_MILLISECONDS = 11_000
"""What a panel was told of somebody is believed for ten seconds."""


def to_channels(inbox: InboxPage) -> None:
    inbox.press("Send a proactive message")
    inbox.press("Send to this user/lead")


def test_window_opens_with_a_reply_from_the_phone(scene: CheckedScene, inbox: InboxPage, screenshots: Path) -> None:
    person, text, answer = scene.person(), new_text(), new_text("I am on my way.")
    inbox.open(person.conversation_id)
    to_channels(inbox)
    inbox.see(NOT_SEEN, "Ready")
    inbox.photograph(screenshots / "not-seen.png")
    inbox.pick(WHATSAPP.name)
    inbox.fill("Write your message", text)
    inbox.press("Send message")
    inbox.see(SENT)
    messages = inbox.show_phone(WHATSAPP)
    expect(messages).to_contain_text(text)
    inbox.reply(answer)
    expect(messages).to_contain_text(answer)
    inbox.page.wait_for_timeout(REMEMBERED_MILLISECONDS)
    inbox.press("Done")
    to_channels(inbox)
    inbox.see(OPEN)
    inbox.not_see(NOT_SEEN)
    inbox.photograph(screenshots / "window-open.png")


def test_landline_is_told_before_anything_is_typed(scene: CheckedScene, inbox: InboxPage, screenshots: Path) -> None:
    person = scene.person("+493012345678")
    inbox.open(person.conversation_id)
    to_channels(inbox)
    inbox.see(LANDLINE, "Not a mobile number")
    inbox.photograph(screenshots / "landline.png")
    inbox.pick(SMS.name)
    inbox.see("Write your message")


def test_stop_from_the_phone_is_told_to_the_next_agent(
    scene: CheckedScene, inbox: InboxPage, screenshots: Path
) -> None:
    person, text = scene.person(), new_text()
    inbox.open(person.conversation_id)
    inbox.compose(SMS, text)
    inbox.press("Send message")
    inbox.see(SENT)
    messages = inbox.show_phone(SMS)
    expect(messages).to_contain_text(text)
    inbox.reply("STOP")
    expect(messages).to_contain_text("STOP")
    inbox.press("Done")
    inbox.compose(SMS, new_text())
    inbox.press("Send message")
    inbox.see(FAILED, "21610")
    inbox.page.wait_for_timeout(REMEMBERED_MILLISECONDS)
    inbox.press("Finish")
    to_channels(inbox)
    inbox.see(OPTED_OUT)
    inbox.photograph(screenshots / "opted-out.png")


def test_paused_and_blocked_channels_say_so(scene: CheckedScene, inbox: InboxPage, screenshots: Path) -> None:
    scene.stack.proactivectl("channel", "pause", WHATSAPP.id)
    scene.outside.provider("unauthorized", remaining=1)
    scene.compose(scene.person(), new_text()).press("Send message")
    eventually(
        lambda: scene.operators.channels()[SMS.id]["state"], lambda state: state == "blocked", "a blocked channel"
    )
    inbox.open(scene.person().conversation_id)
    to_channels(inbox)
    inbox.see("Paused since", "Blocked since", "tell your administrator")
    expect(inbox.card.get_by_role("button").filter(has_text=SMS.name)).to_have_count(0)
    inbox.photograph(screenshots / "paused-and-blocked.png")
    inbox.pick(WHATSAPP.name)
    inbox.see("Write your message")


def test_the_same_again_is_asked_about_and_double_clicked_once(
    scene: CheckedScene, inbox: InboxPage, screenshots: Path
) -> None:
    person, text = scene.person(), new_text()
    inbox.open(person.conversation_id)
    inbox.compose(SMS, text)
    inbox.press("Send message")
    inbox.see(SENT)
    history = scene.panel(person)
    eventually(history.open, lambda screen: screen.shows(text[:20]), "the first message on Home")
    inbox.press("Done")
    inbox.compose(SMS, text)
    inbox.press("Send message")
    inbox.see(f"{MARIA.name} sent this at", AGAIN)
    inbox.photograph(screenshots / "again.png")
    inbox.press("Back")
    expect(inbox.panel.get_by_label("Write your message", exact=True)).to_have_value(text)
    inbox.press("Send message")
    inbox.see(AGAIN)
    inbox.panel.get_by_role("button", name=SEND_AGAIN, exact=True).dblclick()
    inbox.settle()
    inbox.see(SENT)
    expect(inbox.show_phone(SMS)).to_contain_text(text)
    scene.outside.await_received(str(person.phone), [text, text])
    assert len(scene.outside.submissions(str(person.phone))) == 2
