"""Publishing a request: a lost confirm, a key that leads nowhere, a full queue."""

import time
from concurrent.futures import ThreadPoolExecutor

from devstack.demo.scene import FAILED, SENDING, SENT, not_see, see
from tests.chaos import observed, operating
from tests.chaos.gateway import lost_click
from tests.chaos.matrix import fault
from tests.chaos.operating import SEND_NOW
from tests.chaos.run import Run
from tests.chaos.world import GATEWAY, SMS

NOW = "dispatcher.sms.interactive"
HISTORY = "status_tracker.history"
FULL = 5


@fault("publisher-killed-before-confirm", row="4", fast=True)
def before_confirm(run: Run) -> None:
    """The event comes twice and is sent once."""
    world = run.world
    panel, message = run.panel()
    world.broker_of(GATEWAY).stall("to_client")
    with ThreadPoolExecutor(1) as pool:
        click = lost_click(pool, panel)
        run.await_submission(message)
        world.kill(GATEWAY)
        click.result()
    world.broker_of(GATEWAY).cut()
    world.start(GATEWAY)
    not_see(panel.press("Send message"), FAILED)
    world.scene.refresh_until(panel, SENT)


@fault("confirm-lost", row="5", fast=True)
def confirm_lost(run: Run) -> None:
    """It is not called a failure, published again by itself, and sent once."""
    world = run.world
    panel, message = run.panel()
    world.broker_of(GATEWAY).stall("to_client")
    see(not_see(panel.press("Send message"), FAILED, SENT), SENDING)
    run.await_submission(message)
    world.broker_of(GATEWAY).cut()
    world.scene.refresh_until(panel, SENT)


@fault("request-unroutable", row="6", fast=True)
def unroutable(run: Run) -> None:
    """The panel says that it failed, and once the binding is back it can be sent."""
    world = run.world
    for queue in (NOW, HISTORY):
        operating.unbind(world, queue, SEND_NOW)
    panel, message = run.panel()
    message.rows = 2
    message.ends = frozenset({"delivered"})
    see(not_see(panel.press("Send message"), SENT, SENDING), FAILED)
    run.see(not run.rows(), "no message", run.rows())
    world.declare()
    panel.press("Re-send your message")
    world.scene.refresh_until(panel, SENT)


@fault("queue-full", row="7", fast=True)
def queue_full(run: Run) -> None:
    """The panel says that it is not confirmed; once there is room it is sent by itself."""
    world = run.world
    world.stop(SMS)
    run.publish(FULL, lane="interactive")
    with operating.at_most(world, NOW, FULL):
        panel, _message = run.panel()
        not_see(panel.press("Send message"), SENT)
        world.start(SMS)
        world.scene.refresh_until(panel, SENT)


@fault("queue-limit-lifted", row="7", seconds=60, fast=True)
def limit_lifted(run: Run) -> None:
    """A limit that somebody lifts while the queue refuses does not keep the publishers refused."""
    world = run.world
    world.stop(SMS)
    with operating.at_most(world, NOW, FULL):
        run.publish(FULL, lane="interactive")
        panel, _message = run.panel()
        not_see(panel.press("Send message"), FAILED, SENT)
    world.start(SMS)
    world.scene.refresh_until(panel, SENT, seconds=40)


@fault("landed-then-unroutable", row="+7")
def landed_then_unroutable(run: Run) -> None:
    """What may have landed before is not called a failure because a repetition came back."""
    world = run.world
    world.stop(SMS)
    panel, _message = run.panel()
    world.broker_of(GATEWAY).stall("to_client")
    see(not_see(panel.press("Send message"), FAILED, SENT), SENDING)
    run.see(observed.ready(world, NOW)[NOW] == 1, "it landed", observed.ready(world, NOW))
    for queue in (NOW, HISTORY):
        operating.unbind(world, queue, SEND_NOW)
    world.broker_of(GATEWAY).cut()
    for _ in range(2):
        time.sleep(1)
        not_see(panel.press("Refresh status"), FAILED, SENT)
    world.declare()
    world.start(SMS)
    world.scene.refresh_until(panel, SENT)
