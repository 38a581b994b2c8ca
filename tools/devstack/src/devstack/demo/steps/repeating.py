"""The same text to the same person within ten minutes, by anybody: asked before anything is sent."""

from devstack.demo.checks import eventually, expect
from devstack.demo.panel import MARIA, TOM, Panel, Person
from devstack.demo.scene import SENDING, SENT, Scene, see

AGAIN = "Send again?"
SEND_AGAIN = "Send again"


def asked(scene: Scene) -> None:
    """Maria sent it; Tom is asked, goes back, presses again, and "Send again" clicked three times sends one more."""
    person, text = scene.person(), "Your suit is ready."
    number = str(person.phone)
    see(scene.compose(person, text).press("Send message"), SENT)
    panel = await_question(scene, person, text)
    see(panel.screen, f"{MARIA.name} sent this at", text, SEND_AGAIN)
    expect(scene.outside.received(number) == [text], "nothing sent before the answer", panel.screen)
    panel.press("Back")
    expect(panel.screen.value("Write your message") == text, "the text kept", panel.screen)
    see(panel.press("Send message"), AGAIN)
    for screen in panel.press_at_once(SEND_AGAIN, 3):
        expect(screen.shows(SENT) or screen.shows(SENDING), f"{SENT} or {SENDING}", screen)
    scene.outside.await_received(number, [text, text])
    expect(len(scene.outside.submissions(number)) == 2, "two submissions", scene.outside.submissions(number))


def await_question(scene: Scene, person: Person, text: str, button: str = "Send message") -> Panel:
    """Tom's panel with the question: the history is a moment behind the dispatcher, and nothing is sent to find out."""
    history = scene.panel(person, TOM)
    eventually(history.open, lambda screen: screen.shows(text[:20]), "the first message on Home")
    panel = scene.compose(person, text, TOM)
    see(panel.press(button), AGAIN)
    return panel
