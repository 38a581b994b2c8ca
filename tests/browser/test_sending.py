"""Both send buttons, failures, unknown outcomes and replies, in a browser, on every channel."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from devstack.channels import CHANNELS, SMS, WHATSAPP, Connected
from devstack.demo.scene import FAILED, SENT, UNKNOWN
from devstack.demo.steps.opening import SEND_AND_OPEN
from devstack.demo.steps.refusing import RESEND
from devstack.inbox_page import InboxPage
from tests.support.panel import CheckedScene, new_text

on_every_channel = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.kind)


@on_every_channel
def test_message_reaches_the_phone_and_is_found_in_the_history(
    scene: CheckedScene, inbox: InboxPage, screenshots: Path, channel: Connected
) -> None:
    person, text = scene.person(), new_text()
    inbox.open(person.conversation_id)
    inbox.see(person.name, str(person.phone))
    inbox.compose(channel, text)
    inbox.photograph(screenshots / f"{channel.kind}-compose.png")
    inbox.press("Send message")
    inbox.see(SENT)
    expect(inbox.show_phone(channel)).to_contain_text(text)
    inbox.photograph(screenshots / f"{channel.kind}-sent.png")
    assert scene.outside.of(channel).received(str(person.phone)) == [text]
    inbox.press("Done")
    inbox.press("View sent messages")
    inbox.photograph(screenshots / f"{channel.kind}-history.png")
    inbox.pick(person.name, channel.label)
    inbox.refresh_until("Delivered")
    inbox.see(text, channel.name, "Timeline")
    expect(inbox.thread).to_contain_text(text)


@on_every_channel
def test_reply_typed_on_the_phone_stands_in_the_timeline(
    scene: CheckedScene, inbox: InboxPage, channel: Connected
) -> None:
    person, text, answer = scene.person(), new_text(), new_text("Thank you, see you then!")
    inbox.open(person.conversation_id)
    inbox.compose(channel, text)
    inbox.press("Send message")
    inbox.see(SENT)
    messages = inbox.show_phone(channel)
    expect(messages).to_contain_text(text)
    inbox.reply(answer)
    expect(messages).to_contain_text(answer)
    inbox.press("Done")
    inbox.press("View sent messages")
    inbox.pick(person.name)
    inbox.refresh_until(answer)


@on_every_channel
def test_conversation_is_opened_with_the_message(scene: CheckedScene, inbox: InboxPage, channel: Connected) -> None:
    person, text = scene.person(), new_text()
    inbox.open(person.conversation_id)
    inbox.compose(channel, text)
    inbox.press(SEND_AND_OPEN)
    inbox.see(SENT)
    opened = scene.outside.await_opened(person, text)
    inbox.refresh_until(opened)
    expect(inbox.show_phone(channel)).to_contain_text(text)
    inbox.choose(opened)
    expect(inbox.thread).to_contain_text(text)


@on_every_channel
def test_failure_tells_why_and_is_resent_once(
    scene: CheckedScene, inbox: InboxPage, screenshots: Path, channel: Connected
) -> None:
    person, text = scene.person(), new_text()
    outside = scene.outside.of(channel)
    outside.provider("invalid_number", remaining=1)
    inbox.open(person.conversation_id)
    inbox.compose(channel, text)
    inbox.press("Send message")
    inbox.see(FAILED, f"We have failed to send your message through your {channel.label} channel.", "Finish")
    inbox.photograph(screenshots / f"{channel.kind}-failed.png")
    assert not outside.received(str(person.phone))
    inbox.press(RESEND)
    inbox.see(SENT)
    expect(inbox.show_phone(channel)).to_contain_text(text)
    assert outside.received(str(person.phone)) == [text]


@pytest.mark.parametrize("channel", [SMS, WHATSAPP], ids=lambda channel: channel.kind)
def test_unknown_outcome_is_told_and_resent_by_the_agent(
    scene: CheckedScene,
    inbox: InboxPage,
    screenshots: Path,
    given_up_soon: Callable[[Connected], None],
    channel: Connected,
) -> None:
    given_up_soon(channel)
    person, text = scene.person(), new_text()
    outside = scene.outside.of(channel)
    outside.provider("close_before_accepting", remaining=1)
    inbox.open(person.conversation_id)
    inbox.compose(channel, text)
    inbox.press("Send message")
    inbox.not_see(SENT, FAILED)
    inbox.refresh_until(UNKNOWN)
    inbox.see("the customer may get it twice")
    inbox.not_see(SENT, FAILED)
    inbox.photograph(screenshots / f"{channel.kind}-unknown.png")
    inbox.press(RESEND)
    inbox.refresh_until(SENT)
    expect(inbox.show_phone(channel)).to_contain_text(text)
    assert outside.received(str(person.phone)) == [text]


@on_every_channel
def test_lost_answer_is_found_out_and_nothing_is_sent_twice(
    scene: CheckedScene, inbox: InboxPage, channel: Connected
) -> None:
    person, text = scene.person(), new_text()
    outside = scene.outside.of(channel)
    outside.provider("close_after_accepting", remaining=1)
    inbox.open(person.conversation_id)
    inbox.compose(channel, text)
    inbox.press("Send message")
    inbox.not_see(FAILED, UNKNOWN)
    inbox.refresh_until(SENT)
    assert outside.received(str(person.phone)) == [text]
