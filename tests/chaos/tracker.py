"""The tracker is away, its queue is in trouble, or it dies between its commit and the status events."""

import time

from devstack.demo.scene import FAILED, SENT, not_see
from tests.chaos import observed, operating
from tests.chaos.matrix import fault
from tests.chaos.run import Run
from tests.chaos.world import LISTENER, TRACKER

HISTORY = "status_tracker.history"
FULL = 10
"""Messages: what a queue that is full without a reason holds."""


@fault("dispatcher-binding-missing", row="+1", fast=True)
def binding_missing(run: Run) -> None:
    """The tracker's binding takes the request, no dispatcher sees it: by its not_after that is what people see."""
    world = run.world
    operating.unbind(world, "dispatcher.sms.bulk", operating.SEND)
    run.may_end("not_confirmed")
    run.publish(3, seconds=2)
    run.settle()
    run.wait(lambda: world.metric(TRACKER, "proactive_tracker_not_taken_total") >= 3, "an alert for each")
    world.declare()
    run.may_end("delivered")
    run.publish(2)


@fault("tracker-queue-full", row="+2")
def queue_full(run: Run) -> None:
    """A refusal of the tracker's queue alone is never shown as a failure: the message is sent, once."""
    world = run.world
    run.receipts_may_be_lost = True
    world.stop(TRACKER)
    fillers = run.publish(FULL)
    run.await_submission(fillers[-1])
    with operating.at_most(world, HISTORY, FULL):
        panel, message = run.panel()
        not_see(panel.press("Send message"), FAILED)
        run.await_submission(message)
        world.start(TRACKER)
        world.scene.refresh_until(panel, SENT)
        run.settle()


@fault("tracker-queue-deleted", row="+2")
def queue_deleted(run: Run) -> None:
    """Messages are sent all the same; what they came to is told when the queue is back."""
    world = run.world
    run.receipts_may_be_lost = True
    messages = run.publish(3, not_before=_in(3))
    for message in messages:
        run.await_job(message, "waiting")
        run.await_status(message, "queued", "waiting")
    operating.delete_queue(world, HISTORY)
    for message in messages:
        run.await_submission(message)
    world.declare()
    world.await_ready(TRACKER)


@fault("tracker-away-past-not-after", row="+8", fast=True)
def away(run: Run) -> None:
    """What was sent meanwhile is never called "no dispatcher took it"."""
    world = run.world
    world.stop(TRACKER)
    messages = run.publish(5, seconds=3)
    for message in messages:
        run.await_submission(message)
    time.sleep(5)
    world.start(TRACKER)
    run.settle()
    ids = [message.id for message in messages]
    [told] = observed.query(
        world, ("SELECT * FROM tracker.entry WHERE message_id = ANY($1) AND status = 'not_confirmed'", ids)
    )
    run.see(not told, "nothing about them that is not confirmed", told)


@fault("no-status-listener", row="+10", fast=True)
def nobody_listens(run: Run) -> None:
    """Nobody has to listen: messages are sent, and nothing waits to be told."""
    world = run.world
    run.heard_everything = False
    world.repairs.append(world.declare)
    world.stack.proactivectl("listener", "remove", LISTENER, "--force")
    run.publish(5)


@fault("tracker-dies-after-commit", row="+12", fast=True)
def dies_after_commit(run: Run) -> None:
    """What was committed is told by the next one."""
    dies(run, "tracker.after_commit")


@fault("tracker-dies-after-publish", row="+12", seconds=60)
def dies_after_publish(run: Run) -> None:
    """A status event that was told before the tracker died is told again under the same id."""
    dies(run, "tracker.after_publish")


def dies(run: Run, failpoint: str) -> None:
    run.world.restart(TRACKER, {"PROACTIVE_FAILPOINTS": f"{failpoint}:kill"})
    run.publish(3)
    run.world.await_death(TRACKER)
    run.world.start(TRACKER)


def _in(seconds: float) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
