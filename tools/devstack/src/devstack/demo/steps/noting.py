"""Notes in the Intercom thread: each once, with what to do, whatever Intercom answers."""

from devstack.demo.checks import expect
from devstack.demo.scene import FAILED, SENT, Scene, not_see, see

LIMITED_SECONDS = 3
WHAT_TO_DO = "<b>What to do:</b>"
UNREACHABLE = "30003"


def once(scene: Scene) -> None:
    """Intercom takes no notes for a while, then writes one and says 500: it stands there once, the message is sent."""
    person, text = scene.person(), "Your bicycle is repaired."
    scene.outside.provider("normal", receipts="none")
    panel = scene.compose(person, text)
    scene.outside.intercom("rate_limited", only="notes", delay_seconds=LIMITED_SECONDS)
    not_see(see(panel.press("Send message"), SENT), FAILED)
    scene.outside.await_received(str(person.phone), [text])
    scene.outside.await_note(person.conversation_id, text)
    scene.outside.intercom("error_after_doing", only="notes", remaining=1)
    [submission] = scene.outside.submissions(str(person.phone))
    scene.outside.report(submission, "undelivered", int(UNREACHABLE))
    note = scene.outside.await_note(person.conversation_id, UNREACHABLE, notes=2)
    expect(WHAT_TO_DO in note, "a note that says what to do", note)
