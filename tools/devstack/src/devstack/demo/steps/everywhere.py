"""The main job through WhatsApp and Viber: the same screens, other providers, receipts up to read, and a reply."""

from devstack.channels import VIBER, WHATSAPP, Connected
from devstack.demo.checks import expect
from devstack.demo.scene import FAILED, SENT, Scene, not_see, see
from devstack.demo.steps.refusing import RESEND

# Meta's error for a customer who has not written for 24 hours, and the words that come with it.
WINDOW_CLOSED = ("131047", "24 hours")


def whatsapp(scene: Scene) -> None:
    """Meta's Cloud API."""
    sent_and_answered(scene, WHATSAPP)


def viber(scene: Scene) -> None:
    """Viber Business Messages through Infobip."""
    sent_and_answered(scene, VIBER)


def sent_and_answered(scene: Scene, channel: Connected) -> None:
    """From Home to Sent, then the receipts and the customer's answer on Details."""
    person, text, answer = scene.person(), f"Your order is packed ({channel.label}).", "Thank you, I will be at home."
    number, outside = str(person.phone), scene.outside.of(channel)
    panel = scene.channels(person)
    see(panel.screen, channel.name, channel.label)
    see(panel.press(channel.name), "Write your message", channel.label)
    panel.fill("Write your message", text)
    see(panel.press("Send message"), SENT)
    outside.await_received(number, [text])
    expect(len(outside.submissions(number)) == 1, "one submission", outside.submissions(number))
    note = outside.await_note(person.conversation_id, text)
    expect(channel.label in note, f"a note that names {channel.label}", note)
    panel.press("Done")
    scene.history(panel, person.name, channel.label)
    see(panel.press(panel.screen.row(person.name)), text, channel.name)
    scene.refresh_until(panel, "Status: Read")
    outside.reply(number, answer)
    scene.refresh_until(panel, answer)
    expect(outside.received(number) == [text], "one message at the customer", outside.received(number))


def window_closed(scene: Scene) -> None:
    """WhatsApp takes free text for 24 hours after the customer's last message; a later one it fails with a receipt."""
    person, text = scene.person(), "Your table is ready."
    number, outside = str(person.phone), scene.outside.of(WHATSAPP)
    outside.provider("window_closed", remaining=1)
    panel = scene.compose(person, text, through=WHATSAPP)
    not_see(see(panel.press("Send message"), SENT), FAILED)
    panel.press("Done")
    scene.history(panel, person.name)
    panel.press(panel.screen.row(person.name))
    see(scene.refresh_until(panel, "Status: Failed"), *WINDOW_CLOSED, RESEND)
    expect(not outside.on_phone(number), "nothing on the customer's phone", outside.on_phone(number))
    see(panel.press(RESEND), SENT)
    expect(outside.on_phone(number) == [text], "the message on the phone, once", outside.on_phone(number))
