""" "Send message & open Intercom conversation": opened once the provider took the message, and never twice."""

from devstack.demo.checks import expect
from devstack.demo.scene import FAILED, SENT, Scene, not_see, see

SEND_AND_OPEN = "Send message & open Intercom conversation"
NOT_OPENED_YET = "not open yet"


def opened(scene: Scene) -> None:
    """The new conversation begins with the message; Sent, the thread's note and Details lead to it."""
    person, text = scene.person(), "Your repair is done. When would you like to come?"
    panel = scene.compose(person, text)
    see(panel.press(SEND_AND_OPEN), SENT)
    scene.outside.await_received(str(person.phone), [text])
    conversation = scene.outside.await_opened(person, text)
    scene.refresh_until(panel, conversation)
    panel.press("Done")
    scene.history(panel, person.name)
    panel.press(panel.screen.row(person.name))
    scene.refresh_until(panel, conversation)
    expect(scene.outside.opened(person) == [conversation], "one new conversation", scene.outside.opened(person))


def intercom_down(scene: Scene) -> None:
    """The message is out, the conversation comes when Intercom is back; no screen says otherwise meanwhile."""
    person, text = scene.person(), "The spare part has come."
    panel = scene.compose(person, text)
    scene.outside.intercom("down")
    not_see(see(panel.press(SEND_AND_OPEN), SENT), FAILED)
    scene.outside.await_received(str(person.phone), [text])
    see(panel.press("Refresh status"), SENT, NOT_OPENED_YET)
    expect(not scene.outside.opened(person), "no new conversation yet", scene.outside.opened(person))
    scene.outside.behave()
    conversation = scene.outside.await_opened(person, text)
    scene.refresh_until(panel, conversation)
    expect(
        scene.outside.received(str(person.phone)) == [text], "one message", scene.outside.received(str(person.phone))
    )


def unclear(scene: Scene) -> None:
    """Intercom opens it and answers with 500: it is looked for, found, and not opened a second time."""
    person, text = scene.person(), "Your new glasses are ready."
    scene.outside.intercom("error_after_doing", only="messages", remaining=1)
    panel = scene.compose(person, text)
    not_see(see(panel.press(SEND_AND_OPEN), SENT), FAILED)
    conversation = scene.outside.await_opened(person, text)
    scene.refresh_until(panel, conversation)
    expect(scene.outside.opened(person) == [conversation], "one new conversation", scene.outside.opened(person))
    scene.outside.await_received(str(person.phone), [text])
