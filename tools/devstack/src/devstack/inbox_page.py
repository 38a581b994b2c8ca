"""The sandbox's page as a person uses it: by what stands on buttons, beside fields and in rows."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from devstack.channels import Connected

ANSWER_MILLISECONDS = 15_000
"""The panel waits four seconds for a result, and a slow machine takes its time."""

# A picture is taken of what has come to rest.
REST_MILLISECONDS = 350


class InboxPage:
    """One browser tab with the page: the Inbox, the panel and the phone."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url
        page.set_default_timeout(ANSWER_MILLISECONDS)
        self.panel = page.get_by_role("region", name="App panel")
        self.phone = page.get_by_role("region", name="The customer's phone")
        self.inbox = page.get_by_role("region", name="Inbox")
        self.thread = page.locator("#thread")
        self.card = page.locator("#canvas")

    def open(self, conversation_id: str) -> None:
        """Open the page beside one conversation."""
        self.page.goto(f"{self._url}/")
        self.choose(conversation_id)

    def choose(self, conversation_id: str) -> None:
        """Choose a conversation in the list; the panel opens anew."""
        self.page.locator(f'[data-conversation="{conversation_id}"]').click()
        self.settle()

    def press(self, label: str) -> None:
        """Press a button of the panel, and wait for the answer."""
        self.panel.get_by_role("button", name=label, exact=True).click()
        self.settle()

    def pick(self, *words: str) -> None:
        """Click the first row of the panel that has all these words, and wait for the answer."""
        row = self.card.get_by_role("button")
        for word in words:
            row = row.filter(has_text=word)
        row.first.click()
        self.settle()

    def choose_scope(self, label: str) -> None:
        """Click one of the choices of the panel, and wait for the answer."""
        self.card.get_by_role("radio", name=label).click()
        self.settle()

    def fill(self, label: str, text: str) -> None:
        """Type into a field of the panel."""
        self.panel.get_by_label(label, exact=True).fill(text)

    def select(self, label: str, option: str) -> None:
        """Choose in a dropdown of the panel; it is sent with the next click."""
        self.panel.get_by_label(label, exact=True).select_option(label=option)

    def settle(self) -> None:
        """Wait until the panel has its answer."""
        expect(self.card).to_have_attribute("aria-busy", "false", timeout=ANSWER_MILLISECONDS)

    def see(self, *words: str) -> None:
        """All of these stand in the panel."""
        for word in words:
            expect(self.card).to_contain_text(word, timeout=ANSWER_MILLISECONDS)

    def not_see(self, *words: str) -> None:
        """None of these stands in the panel."""
        for word in words:
            expect(self.card).not_to_contain_text(word)

    def refresh_until(self, words: str, tries: int = 20) -> None:
        """Press "Refresh status" until these words stand in the panel."""
        for _ in range(tries):
            if words in self.card.inner_text():
                return
            self.press("Refresh status")
            self.page.wait_for_timeout(REST_MILLISECONDS)
        self.see(words)

    def compose(self, through: Connected, text: str) -> None:
        """From Home to Compose for the conversation's person, with a text typed."""
        self.press("Send a proactive message")
        self.press("Send to this user/lead")
        self.pick(through.name)
        self.fill("Write your message", text)

    def show_phone(self, channel: Connected) -> Locator:
        """The messages of one channel on the phone."""
        self.phone.get_by_role("tab", name=re.compile(channel.kind, re.IGNORECASE)).click()
        return self.phone.get_by_role("log")

    def reply(self, text: str) -> None:
        """Answer on the phone, in the channel that it shows."""
        self.phone.get_by_label("Reply as the customer").fill(text)
        self.phone.get_by_label("Send the reply").click()

    def photograph(self, path: Path) -> None:
        """Keep what is on the page now."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.mouse.move(0, 0)  # nothing is lit up because a button was there before
        self.page.wait_for_timeout(REST_MILLISECONDS)
        self.page.screenshot(path=path, animations="disabled")
