"""What the thread and the panel say of one message in a browser: the same words, the reason, and what to do."""

from pathlib import Path

from playwright.sync_api import Locator, expect

from devstack.channels import SMS
from devstack.demo.scene import SENT
from devstack.inbox_page import InboxPage
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from tests.support.panel import CheckedScene, new_text

THE_REST = 'The whole story is behind "View sent messages".'


def note(inbox: InboxPage, headline: str) -> Locator:
    """The one note with this headline, as a whole."""
    return inbox.thread.get_by_text(headline).locator("xpath=ancestor::*[contains(., 'Ref ')][1]")


def test_thread_and_details_say_the_same_of_what_was_sent_and_then_failed(
    scene: CheckedScene, inbox: InboxPage, screenshots: Path
) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("normal", receipts="none")
    inbox.open(person.conversation_id)
    inbox.compose(SMS, text)
    inbox.press("Send message")
    inbox.see(SENT)
    sent = note(inbox, "SMS message sent")
    expect(sent).to_contain_text(f"What to do: {Status.SENT.advice}")
    expect(sent).to_contain_text(THE_REST)
    [submission] = scene.outside.submissions(str(person.phone))
    scene.outside.intercom("error_after_doing", only="notes", remaining=1)
    scene.outside.report(submission, "undelivered", 30003)
    failed = note(inbox, "SMS message failed")
    expect(failed).to_contain_text(FailureReason.UNREACHABLE.why)
    expect(failed).to_contain_text(f"What to do: {FailureReason.UNREACHABLE.advice}")
    inbox.press("Done")
    inbox.press("View sent messages")
    inbox.pick(person.name)
    inbox.refresh_until(Status.FAILED.label)
    inbox.see(FailureReason.UNREACHABLE.why, FailureReason.UNREACHABLE.advice, "Failed (the provider)", "30003")
    expect(inbox.thread.get_by_text("SMS message failed")).to_have_count(1)
    inbox.photograph(screenshots / "failed-after-sent.png")
