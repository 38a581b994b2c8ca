""" "Start anew" on the page: asked first, then conversations, phones, ledger and behaviour are as at the start."""

from pathlib import Path

from playwright.sync_api import Dialog, expect

from devstack.channels import SMS
from devstack.demo.scene import SENT
from devstack.inbox_page import InboxPage
from tests.support.panel import CheckedScene, new_text

FIRST = "215470001"
FIXTURES = 4
NO_MESSAGES = "No SMS messages yet."


def test_start_anew_forgets_everything_after_a_question(
    scene: CheckedScene, inbox: InboxPage, screenshots: Path
) -> None:
    person, text = scene.person(), new_text()
    inbox.open(person.conversation_id)
    inbox.compose(SMS, text)
    inbox.press("Send message")
    inbox.see(SENT)
    expect(inbox.show_phone(SMS)).to_contain_text(text)
    expect(inbox.show_phone(SMS)).to_contain_text("Delivered")
    expect(inbox.thread).to_contain_text(text)  # the note came, too: nothing is under way any more
    scene.outside.provider("slow", delay_seconds=6)
    badges = inbox.page.locator("#badges")
    expect(badges).to_contain_text("slow")
    asked: list[str] = []
    start_anew(inbox, asked, agree=False)
    expect(inbox.page.locator(f'[data-conversation="{person.conversation_id}"]')).to_be_visible()
    start_anew(inbox, asked, agree=True)
    expect(inbox.inbox.locator("[data-conversation]")).to_have_count(FIXTURES)
    expect(inbox.page.locator(f'[data-conversation="{person.conversation_id}"]')).to_have_count(0)
    expect(inbox.inbox.locator('[aria-current="true"]')).to_have_attribute("data-conversation", FIRST)
    expect(inbox.inbox.locator(".fresh")).to_have_count(0)
    expect(inbox.thread).not_to_contain_text(text)
    inbox.settle()
    inbox.see("Anna Schmidt", "Send a proactive message")
    expect(inbox.show_phone(SMS)).to_have_text(NO_MESSAGES)
    expect(badges).to_be_empty()
    inbox.page.get_by_role("button", name="Behaviour", exact=True).click()
    expect(inbox.page.locator("#behaviours").get_by_label("Normal")).to_be_checked()
    expect(inbox.page.locator("#ledger")).not_to_contain_text(str(person.phone))
    inbox.photograph(screenshots / "behaviour.png")
    inbox.page.get_by_role("button", name="Close", exact=True).click()
    assert asked == ["Forget all conversations and messages of the sandbox?"] * 2
    assert not scene.outside.all_submissions()


def start_anew(inbox: InboxPage, asked: list[str], *, agree: bool) -> None:
    """Press the button and answer the question that the browser asks."""

    def answer(question: Dialog) -> None:
        asked.append(question.message)
        if agree:
            question.accept()
        else:
            question.dismiss()

    inbox.page.once("dialog", answer)
    inbox.page.get_by_role("button", name="Start anew").click()
