"""At most one message, whatever happens to clicks and answers, and no screen that says anything untrue."""

from devstack.demo.checks import expect
from devstack.demo.scene import FAILED, SENDING, SENT, UNKNOWN, Scene, not_see, see
from devstack.demo.steps.refusing import RESEND


def ten_at_once(scene: Scene) -> None:
    """An impatient agent, or Intercom repeating its request."""
    person, text = scene.person(), "Doors open at eight."
    panel = scene.compose(person, text)
    for screen in panel.press_at_once("Send message", 10):
        expect(screen.shows(SENT) or screen.shows(SENDING), f"{SENT} or {SENDING} in each answer", screen)
    scene.refresh_until(panel, SENT)
    scene.outside.await_received(str(person.phone), [text])
    scene.outside.await_note(person.conversation_id, text)
    submissions = len(scene.outside.submissions(str(person.phone)))
    expect(submissions == 1, "one submission", f"{submissions} submissions")


def corrected(scene: Scene) -> None:
    """The agent never saw the first answer, corrects the text on the same screen and sends again."""
    person, first, second = scene.person(), "See you at nine.", "See you at ten."
    number = str(person.phone)
    panel = scene.compose(person, first)
    panel.press_and_lose_the_answer("Send message")
    scene.outside.await_received(number, [first])
    panel.fill("Write your message", second)
    told = see(panel.press("Send message"), "An earlier version was", "This one was not.", first)
    not_see(told, SENT)
    expect(scene.outside.received(number) == [first], "the first version alone", scene.outside.received(number))
    see(panel.press("Send this one as a new message"), SENT)
    scene.outside.await_received(number, [first, second])


def slow(scene: Scene) -> None:
    """Longer than the panel waits, shorter than the call may take."""
    person, text = scene.person(), "We are on our way."
    scene.outside.provider("slow", delay_seconds=6, remaining=1)
    panel = scene.compose(person, text)
    not_see(see(panel.press("Send message"), SENDING, "The channel has not answered yet."), SENT, FAILED)
    scene.refresh_until(panel, SENT)
    scene.outside.await_received(str(person.phone), [text])


def error_after_accepting(scene: Scene) -> None:
    """Nobody can know, until the provider's own list tells."""
    person, text = scene.person(), "The lift is out of order."
    number = str(person.phone)
    scene.outside.provider("error_after_accepting", remaining=1, receipts="none")
    panel = scene.compose(person, text)
    not_see(panel.press("Send message"), FAILED, UNKNOWN)
    scene.refresh_until(panel, SENT)
    scene.outside.await_received(number, [text])
    expect(len(scene.outside.submissions(number)) == 1, "one submission", scene.outside.submissions(number))


def error_and_nothing_listed(scene: Scene) -> None:
    """What is not in the provider's list may still come: a person decides."""
    person, text = scene.person(), "The lift works again."
    scene.outside.provider("error", remaining=1)
    panel = scene.compose(person, text)
    not_see(see(panel.press("Send message"), SENDING), SENT, FAILED)
    told = see(scene.refresh_until(panel, UNKNOWN), "We could not confirm it with the provider.", RESEND)
    not_see(told, SENT, FAILED)
    submissions = scene.outside.submissions(str(person.phone))
    expect(len(submissions) == 1, "one submission", submissions)
