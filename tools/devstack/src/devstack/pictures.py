"""`make pictures`: takes the README's pictures from a stack of its own that has just begun."""

import contextlib
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from devstack.channels import SMS, VIBER, WHATSAPP, Connected
from devstack.chromium import browser, ensure_chromium
from devstack.demo.outside import Outside
from devstack.inbox_page import InboxPage
from devstack.progress import Progress
from devstack.run import shown
from devstack.stack import Stack
from devstack.state import State, root_of_checkout

FOLDER = root_of_checkout() / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 800

REMEMBERED_MILLISECONDS = 700
"""After the last receipt: the history and the log line have it too."""

ANNA = "215470001"
GIORGOS = "215470002"

FRIDAY = "Your appointment is on Friday at 10:30. See you then!"
AT_THE_DOOR = "Hello Anna, the driver is at your door and cannot find the bell. Could you open?"
SATURDAY = "Thank you for your patience. Your next parcel comes on Saturday between 9 and 11."


def main() -> int:
    """Take them all; the exit code."""
    progress = Progress()
    program = ensure_chromium(progress.say)
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="proactive-pictures-")))
        folder.chmod(0o755)  # broker and database run under another account
        held.callback(State(folder).forget)
        stack = held.enter_context(Stack(folder, progress=progress))
        running = held.enter_context(browser(program))
        context = running.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en-US")
        inbox = InboxPage(context.new_page(), stack.sandbox_url)
        outside = Outside(stack.sandbox_url, stack.surroundings.secrets.intercom_token)
        for path in take(inbox, outside):
            progress.say(f"  {shown(path)}")
    return 0


def take(inbox: InboxPage, outside: Outside) -> list[Path]:
    """A small story, and the pictures that were taken on its way."""
    sent, failed, history, dark = (FOLDER / f"{name}.png" for name in ("sandbox", "failed", "history", "dark"))
    inbox.open(GIORGOS)
    inbox.show_phone(WHATSAPP)
    outside.of(WHATSAPP).provider("invalid_number", remaining=1)
    inbox.compose(WHATSAPP, FRIDAY)
    inbox.press("Send message")
    inbox.see("Failed to send!")
    expect(inbox.thread).to_contain_text(FRIDAY)
    inbox.photograph(failed)
    inbox.press("Finish")
    deliver(inbox, VIBER, FRIDAY)
    inbox.choose(ANNA)
    deliver(inbox, SMS, AT_THE_DOOR)
    inbox.photograph(sent)
    inbox.press("Done")
    deliver(inbox, WHATSAPP, SATURDAY)
    inbox.press("Done")
    inbox.press("View sent messages")
    inbox.see("Delivered", "Read", "Failed")
    inbox.photograph(history)
    inbox.page.emulate_media(color_scheme="dark")
    inbox.show_phone(VIBER)
    inbox.choose(GIORGOS)
    inbox.page.locator("#open-behaviour").click()
    inbox.photograph(dark)
    return [sent, failed, history, dark]


def deliver(inbox: InboxPage, channel: Connected, text: str) -> None:
    """Send it from Home, and wait until the phone shows the last that its channel tells: SMS knows no "Read"."""
    inbox.compose(channel, text)
    inbox.press("Send message")
    inbox.see("Message sent!")
    expect(inbox.thread).to_contain_text(text)
    expect(inbox.show_phone(channel)).to_contain_text("Delivered" if channel is SMS else "Read")
    inbox.page.wait_for_timeout(REMEMBERED_MILLISECONDS)
