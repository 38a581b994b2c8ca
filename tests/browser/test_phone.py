"""The phone beside the panel: what is typed there leaves once, and from the number that it was typed for."""

from playwright.sync_api import expect

from devstack.channels import SMS
from devstack.demo.panel import Person
from devstack.demo.scene import SENT, see
from devstack.inbox_page import InboxPage
from tests.support.panel import CheckedScene, new_text


def send_elsewhere(scene: CheckedScene, person: Person) -> str:
    """A message to somebody, as from another tab."""
    text = new_text()
    see(scene.compose(person, text).press("Send message"), SENT)
    return text


def test_phone_stays_with_what_is_typed_when_another_person_gets_a_message(
    scene: CheckedScene, inbox: InboxPage
) -> None:
    mine, other = scene.person(), scene.person()
    inbox.open(mine.conversation_id)
    number, field, badge = (inbox.page.locator(f"#{name}") for name in ("number", "reply-text", "elsewhere"))
    inbox.show_phone(SMS)
    field.fill("I will be there at")

    text = send_elsewhere(scene, other)

    expect(badge).to_have_text(f"1 new for {other.phone} · Show")
    expect(number).to_have_value(str(mine.phone))
    expect(field).to_have_value("I will be there at")
    badge.click()
    expect(inbox.phone.get_by_role("log")).to_contain_text(text)
    expect(number).to_have_value(str(other.phone))
    expect(field).to_have_value("")
    expect(badge).to_be_hidden()
    number.select_option(str(mine.phone))
    expect(field).to_have_value("I will be there at")


def test_phone_on_which_nothing_is_typed_shows_what_arrives(scene: CheckedScene, inbox: InboxPage) -> None:
    mine, other = scene.person(), scene.person()
    inbox.open(mine.conversation_id)
    text = send_elsewhere(scene, other)
    expect(inbox.phone.get_by_role("log")).to_contain_text(text)
    expect(inbox.page.locator("#number")).to_have_value(str(other.phone))


def test_enter_twice_sends_a_reply_once(scene: CheckedScene, inbox: InboxPage) -> None:
    person, answer = scene.person(), new_text("Thank you!")
    inbox.open(person.conversation_id)
    inbox.show_phone(SMS)
    inbox.page.locator("#reply-text").fill(answer)
    inbox.page.evaluate("() => { for (const _ of [1, 2]) document.getElementById('reply').requestSubmit(); }")
    expect(inbox.page.locator("#reply-text")).to_have_value("")
    expect(inbox.phone.get_by_role("log")).to_contain_text(answer)
    inbox.page.wait_for_timeout(500)
    assert inbox.phone.get_by_role("log").inner_text().count(answer) == 1
