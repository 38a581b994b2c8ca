"""A dispatcher that dies at the worst moment, and a broker that is away."""

from devstack.demo.checks import LeftOut, expect
from devstack.demo.panel import Panel
from devstack.demo.scene import FAILED, SENDING, SENT, UNKNOWN, Scene, not_see, see
from devstack.demo.screen import Screen

BEFORE_CALL = "dispatcher.before_call"
AFTER_CALL = "dispatcher.after_call"

EXTERNAL = "AMQP_URL"
NOT_QUEUED = "Not confirmed by our queue yet."


def before_call(scene: Scene) -> None:
    """Claimed, and never called: nobody can know that, and the provider's list does not tell; so a person decides."""
    panel = killed_at(scene, BEFORE_CALL, "Your keys are at the desk.")
    number = str(panel.person.phone)
    not_see(see(scene.refresh_until(panel, UNKNOWN, SENT, FAILED), UNKNOWN), SENT, FAILED)
    expect(not scene.outside.submissions(number), "no submission", scene.outside.submissions(number))


def after_call(scene: Scene) -> None:
    """The provider has it, and nobody here wrote that down; its list tells."""
    scene.outside.provider("normal", receipts="none")
    text = "The key is under the mat."
    panel = killed_at(scene, AFTER_CALL, text)
    number = str(panel.person.phone)
    not_see(see(scene.refresh_until(panel, UNKNOWN, SENT, FAILED), SENT), UNKNOWN, FAILED)
    submissions = scene.outside.submissions(number)
    expect(len(submissions) == 1, "exactly one submission", submissions)
    scene.outside.await_received(number, [text])
    expect(len(scene.outside.submissions(number)) == 1, "still one submission", scene.outside.submissions(number))


def killed_at(scene: Scene, failpoint: str, text: str) -> Panel:
    """The panel after its message killed the worker and another one runs: it says nothing untrue meanwhile."""
    panel = scene.compose(scene.person(), text)
    scene.kill_worker_at(failpoint)
    not_see(see(panel.press("Send message"), SENDING), SENT, FAILED)
    scene.revive_worker()
    return panel


def no_broker(scene: Scene) -> None:
    """Pressed while nothing can take a message; the panel's own state carries it until something can."""
    if scene.stack.backends.broker_kind == EXTERNAL:
        raise LeftOut(f"{EXTERNAL} names a broker that is not ours to stop. Unset it to play this step.")
    text = "The concert begins at eight."
    panel = scene.compose(scene.person(), text)
    number = str(panel.person.phone)
    broker = scene.stack.backends.broker
    broker.stop()
    try:
        waiting(panel.press("Send message"))
        waiting(panel.press("Refresh status"))
        see(scene.panel(panel.person).screen, "Our message queue cannot be reached right now")
        expect(not scene.outside.submissions(number), "nothing at the provider", scene.outside.submissions(number))
    finally:
        broker.start()
    scene.refresh_until(panel, SENT, seconds=40)
    scene.outside.await_received(number, [text])
    scene.outside.await_note(panel.person.conversation_id, text)
    expect(len(scene.outside.submissions(number)) == 1, "one submission", scene.outside.submissions(number))


def waiting(screen: Screen) -> None:
    """It is under way and not confirmed; neither sent nor failed."""
    not_see(see(screen, SENDING, NOT_QUEUED), SENT, FAILED, UNKNOWN)
