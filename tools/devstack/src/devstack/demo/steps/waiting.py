"""What could not leave yet: it is tried again and says so, and whoever wrote it can stop that."""

from datetime import datetime

from devstack.channels import SMS
from devstack.demo.checks import expect
from devstack.demo.outside import Submission
from devstack.demo.panel import Panel
from devstack.demo.scene import FAILED, SENDING, SENT, Scene, alone, not_see, see

NOT_YET = "Not sent yet. We try again until"
BUSY = "The provider had too much to do and did not take it."
PAUSED = "Your administrators have paused this channel."
STOP = "Stop trying"
STOPPED = "Stopped. Nothing was sent."
CANCELLED = "It was stopped before it left. Nothing was sent."

RETRY_AFTER_SECONDS, LONGER_SECONDS = 3, 5


def deferred(scene: Scene) -> None:
    """Too many requests: the provider names a time, and the message leaves then, once."""
    text = "Your glasses are ready."
    panel = put_off(scene, text)
    number = str(panel.person.phone)
    see(scene.refresh_until(panel, SENT), "Done")
    scene.outside.await_received(number, [text])
    refused, taken = exactly(scene.outside.submissions(number), 2)
    waited = moment(taken) - moment(refused)
    expect(waited.total_seconds() >= RETRY_AFTER_SECONDS, f"{RETRY_AFTER_SECONDS} s between the two tries", waited)
    scene.outside.await_note(panel.person.conversation_id, text)


def stopped(scene: Scene) -> None:
    """Stopped while it waits: the next message leaves once the provider's time has come, and this one never does."""
    panel = put_off(scene, "Your taxi is here.", LONGER_SECONDS)
    person = panel.person
    not_see(alone(panel.press(STOP), STOPPED), SENT, FAILED, STOP)
    later = scene.compose(scene.person(), "Your taxi waits outside.")
    not_see(later.press("Send message"), FAILED)
    scene.refresh_until(later, SENT)
    scene.outside.await_received(str(later.person.phone), ["Your taxi waits outside."])
    panel.press("Done")
    scene.history(panel, person.name, "Cancelled")
    see(panel.press(panel.screen.row(person.name)), "Status: Cancelled", CANCELLED)
    submissions = exactly(scene.outside.submissions(str(person.phone)), 1)
    expect(not submissions[0]["accepted"], "nothing but the try that was refused", submissions)
    expect(not scene.outside.notes(person.conversation_id), "no note about what its writer stopped", "a note")


def paused(scene: Scene) -> None:
    """An administrator pauses the channel and resumes it; meanwhile people read so."""
    scene.stack.proactivectl("channel", "pause", SMS.id)
    text = "The museum opens at ten."
    panel = scene.compose(scene.person(), text)
    number = str(panel.person.phone)
    not_see(see(panel.press("Send message"), NOT_YET, PAUSED, STOP), SENT, SENDING, FAILED)
    see(panel.press("Refresh status"), NOT_YET, PAUSED)
    exactly(scene.outside.submissions(number), 0)
    scene.stack.proactivectl("channel", "resume", SMS.id)
    scene.refresh_until(panel, SENT)
    scene.outside.await_received(number, [text])
    exactly(scene.outside.submissions(number), 1)


def put_off(scene: Scene, text: str, seconds: int = RETRY_AFTER_SECONDS) -> Panel:
    """The panel of a message whose provider wants it again so many seconds later."""
    panel = scene.compose(scene.person(), text)
    scene.outside.provider("rate_limited", remaining=1, retry_after=str(seconds))
    not_see(see(panel.press("Send message"), NOT_YET, BUSY, "20429", STOP, "Refresh status"), SENT, SENDING, FAILED)
    exactly(scene.outside.submissions(str(panel.person.phone)), 1)
    return panel


def exactly(submissions: list[Submission], count: int) -> list[Submission]:
    """So many requests came to the provider, and no more."""
    expect(len(submissions) == count, f"{count} submission(s)", submissions)
    return submissions


def moment(submission: Submission) -> datetime:
    """When it came to the provider."""
    return datetime.fromisoformat(str(submission["at"]))
