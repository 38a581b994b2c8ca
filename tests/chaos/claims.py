"""Around the claim: a worker dies, or freezes, at every step from the delivery to the acknowledgement."""

import signal
import time

from devstack.channels import CHANNELS
from dispatcher import failpoints
from tests.chaos import world as names
from tests.chaos.matrix import fault
from tests.chaos.run import Run
from tests.chaos.traffic import Message
from tests.chaos.world import SHORT_LEASE, SMS_2

WORKER = names.SMS
LEASE_SECONDS = float(SHORT_LEASE["PROACTIVE_LEASE_SECONDS"])


def dying(run: Run, failpoint: str, worker: str = WORKER) -> None:
    """The worker dies at its first message there."""
    environment = SHORT_LEASE | {"PROACTIVE_FAILPOINTS": f"{failpoint}:kill"}
    if worker == WORKER:
        run.world.restart(worker, environment)
    else:
        run.world.start(worker, environment)


def killed_once(run: Run, failpoint: str) -> Message:
    """A message for a worker that dies there, and another one that goes on."""
    dying(run, failpoint)
    [message] = run.publish()
    run.world.await_death(WORKER)
    run.world.start(WORKER)
    return message


def killed_everywhere(run: Run, failpoint: str) -> dict[str, Message]:
    """A message on each channel, whose workers die there; others go on."""
    for channel in CHANNELS:
        run.receipts("none", channel)
        dying(run, failpoint, channel.worker)
    messages = {channel.kind: run.publish(channel=channel)[0] for channel in CHANNELS}
    for channel in CHANNELS:
        run.world.await_death(channel.worker)
        run.world.start(channel.worker, wait=False)
    return messages


@fault("worker-killed-before-claim", row="8", fast=True)
def before_claim(run: Run) -> None:
    """It is delivered again, and sent once."""
    killed_once(run, failpoints.BEFORE_CLAIM)


@fault("worker-killed-before-call", row="9", seconds=60)
def before_call(run: Run) -> None:
    """Nothing was sent: the provider that knows ids gets it once more, with the others it is unknown."""
    messages = killed_everywhere(run, failpoints.AFTER_CLAIM)
    messages["sms"].ends = messages["whatsapp"].ends = frozenset({"unknown"})
    messages["viber"].ends = frozenset({"sent"})
    run.expect_unknowns(2)


@fault("worker-killed-after-call", row="10", seconds=60)
def after_call(run: Run) -> None:
    """It was sent: the same id again, or a look-up, finds out; where the provider offers nothing it is unknown."""
    messages = killed_everywhere(run, failpoints.AFTER_CALL)
    messages["sms"].ends = messages["viber"].ends = frozenset({"sent"})
    messages["whatsapp"].ends = frozenset({"unknown"})
    run.expect_unknowns(1)


@fault("worker-killed-after-call-receipts", row="10", fast=True)
def receipts_resolve(run: Run) -> None:
    """A receipt that echoes our id says that it was sent."""
    run.expect_unknowns(0, 1)
    killed_once(run, failpoints.AFTER_CALL)


@fault("worker-killed-after-outcome", row="11")
def after_outcome(run: Run) -> None:
    """The outcome stands and is told by the next worker; nothing is called again."""
    killed_once(run, failpoints.AFTER_OUTCOME)


@fault("worker-killed-after-announcement", row="12")
def after_announcement(run: Run) -> None:
    """The result is told once more, and counts once."""
    killed_once(run, failpoints.AFTER_ANNOUNCEMENT)


@fault("worker-frozen-past-its-lease", row="13", fast=True)
def frozen(run: Run) -> None:
    """Another worker resolves it; what the frozen one knows when it wakes up still counts, and is not sent again."""
    run.expect_unknowns(0, 1)
    world = run.world
    world.restart(WORKER, SHORT_LEASE)
    run.provider("slow", delay_seconds=1)
    [message] = run.publish()
    run.await_submission(message)
    freeze(run, LEASE_SECONDS)


@fault("worker-frozen-before-its-call", row="13")
def frozen_before_call(run: Run) -> None:
    """A worker that wakes up after its lease does not call any more."""
    run.may_end("delivered", "failed")
    run.expect_unknowns(0, 1)
    world = run.world
    world.restart(WORKER, SHORT_LEASE | {"PROACTIVE_FAILPOINTS": f"{failpoints.AFTER_CLAIM}:sleep:1"})
    [message] = run.publish()
    run.await_job(message, "sending")
    freeze(run, LEASE_SECONDS)


def freeze(run: Run, seconds: float) -> None:
    """Stop the worker without its knowing, let another one run meanwhile, and let it go on."""
    world = run.world
    process = world.stack.process(WORKER)
    process.send_signal(signal.SIGSTOP)
    try:
        world.start(SMS_2, SHORT_LEASE)
        time.sleep(seconds + 1)
    finally:
        process.send_signal(signal.SIGCONT)


@fault("copy-redelivered-then-owner-dies", row="+11", fast=True)
def owner_dies(run: Run) -> None:
    """Whoever met the row acknowledged the copy; the row goes on when its owner dies."""
    run.expect_unknowns(0, 1)
    world = run.world
    world.restart(WORKER, SHORT_LEASE | {"PROACTIVE_FAILPOINTS": f"{failpoints.AFTER_CALL}:sleep:30"})
    time.sleep(1)  # what its consumers say when they begin has reached the broker
    world.broker_of(WORKER).stall("to_server")
    [message] = run.publish()
    run.await_submission(message)
    world.start(SMS_2, SHORT_LEASE)
    world.broker_of(WORKER).refuse()  # else its owner may be quicker to fetch the copy itself
    run.wait(lambda: world.metric(SMS_2, "proactive_dispatcher_claims_total") > 0, "the copy elsewhere")
    world.kill(WORKER)
