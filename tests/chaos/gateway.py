"""The gateway dies between a click and its answer, and clicks come more than once."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

from devstack.demo.checks import Unexpected
from devstack.demo.panel import Panel
from devstack.demo.scene import FAILED, SENDING, SENT, not_see
from devstack.demo.screen import Screen
from tests.chaos import observed
from tests.chaos.matrix import fault
from tests.chaos.run import Run
from tests.chaos.world import GATEWAY, SMS

CLICKS = 20


def lost_click(pool: ThreadPoolExecutor, panel: Panel) -> "Future[Screen | None]":
    """Press "Send message" in the background; the gateway may be gone before it answers."""

    def press() -> Screen | None:
        try:
            return panel.press("Send message")
        except Unexpected:
            return None

    return pool.submit(press)


@fault("gateway-killed-before-publish", row="1", fast=True)
def before_publish(run: Run) -> None:
    """There is no message; the same click again makes one."""
    world = run.world
    panel, message = run.panel()
    world.broker_of(GATEWAY).stall("to_server")
    with ThreadPoolExecutor(1) as pool:
        click = lost_click(pool, panel)
        time.sleep(0.5)  # its publish is held between the two
        world.kill(GATEWAY)
        click.result()
    run.see(not run.rows(), "no message", run.rows())
    run.see(not run.submissions(message), "nothing at the provider", run.submissions(message))
    world.broker_of(GATEWAY).cut()
    world.start(GATEWAY)
    not_see(panel.press("Send message"), FAILED)


@fault("gateway-killed-after-confirm", row="2", fast=True)
def after_confirm(run: Run) -> None:
    """The same click again is the same message."""
    world = run.world
    world.stop(SMS)
    panel, message = run.panel()
    with ThreadPoolExecutor(1) as pool:
        click = lost_click(pool, panel)
        run.wait(lambda: observed.ready(world, "dispatcher.sms.interactive").popitem()[1] == 1, "it is on the bus")
        world.kill(GATEWAY)
        click.result()
    world.start(GATEWAY)
    world.start(SMS)
    not_see(panel.press("Send message"), FAILED)
    run.await_submission(message)
    run.world.scene.refresh_until(panel, SENT)


@fault("twenty-clicks-at-once", row="3", fast=True)
def clicks(run: Run) -> None:
    """A double click, and Intercom's own retries, are one message."""
    panel, _message = run.panel()
    for screen in panel.press_at_once("Send message", CLICKS):
        run.see(screen.shows(SENT) or screen.shows(SENDING), "sent, or being sent", screen)
