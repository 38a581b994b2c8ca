"""What "Choose channel" says before anything is typed: the number, the channel, the window, and who opted out."""

from devstack.channels import SMS, WHATSAPP, Connected
from devstack.demo.checks import eventually, expect
from devstack.demo.panel import Panel, Person
from devstack.demo.scene import FAILED, SENT, Scene, see

NOT_SEEN = "We have not seen a message from them: WhatsApp may refuse free text"
OPEN = "Free text until"
LANDLINE = "This is a landline: it cannot receive SMS."
OPTED_OUT = "They opted out: a message was refused on"
READY = "Ready"

SECONDS = 20.0
"""What the panel was told of somebody it believes for ten seconds."""


def window(scene: Scene) -> None:
    """Nobody has seen a message of theirs, and it can be sent all the same; once they write, the window is open."""
    person, text = scene.person(), "Your table is ready at seven."
    panel = scene.channels(person)
    panel.screen.row(WHATSAPP.name, NOT_SEEN)
    panel.screen.row(SMS.name, READY)
    panel.press(WHATSAPP.name)
    panel.fill("Write your message", text)
    see(panel.press("Send message"), SENT)
    scene.outside.of(WHATSAPP).await_received(str(person.phone), [text])
    scene.outside.of(WHATSAPP).reply(str(person.phone), "I am on my way.")
    await_remark(scene, person, WHATSAPP, OPEN)


def landline(scene: Scene) -> None:
    """A landline cannot receive SMS; WhatsApp may be there all the same."""
    panel = scene.channels(scene.person("+493012345678"))
    panel.screen.row(SMS.name, LANDLINE)
    expect(not scene.outside.submissions("+493012345678"), "nothing sent", panel.screen)


def opted_out(scene: Scene) -> None:
    """STOP on the phone: Twilio refuses what comes then, and the next agent reads so before they type."""
    person, text = scene.person(), "Your bicycle is mended."
    number = str(person.phone)
    see(scene.compose(person, text).press("Send message"), SENT)
    scene.outside.reply(number, "STOP")
    refused = scene.compose(person, "Your bicycle waits.")
    see(refused.press("Send message"), FAILED, "21610")
    await_remark(scene, person, SMS, OPTED_OUT)
    scene.outside.reply(number, "START")
    await_remark(scene, person, SMS, READY)
    expect(scene.outside.received(number) == [text], "one message at the customer", scene.outside.received(number))


def await_remark(scene: Scene, person: Person, channel: Connected, words: str) -> Panel:
    """Look at "Choose channel" until these words stand beside a channel."""

    def look() -> Panel:
        return scene.channels(person)

    def told(panel: Panel) -> bool:
        rows = [row for row in panel.screen.rows() if row["title"] == channel.name]
        return any(words in str(row.get("tertiary_text")) for row in rows)

    return eventually(look, told, f"{words!r} beside {channel.name}", SECONDS)
