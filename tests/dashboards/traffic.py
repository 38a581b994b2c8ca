"""A day in short: agents and services send through every channel, and what can go wrong goes wrong once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from devstack.channels import CHANNELS, SMS, VIBER, WHATSAPP, Connected
from devstack.demo.calls import call
from devstack.demo.checks import Unexpected
from devstack.demo.scene import Scene, new_number
from tests.support import bus
from tests.support.panel import new_text

AGENTS = 3
AGENT_PAUSE_SECONDS = 1.5
PER_CHANNEL = 2
"""Messages of a service each second."""

LIMIT = 5
"""Messages a second that the SMS sender may send, while a service asks for BURST times as many."""

BURST = 4


def play(scene: Scene, seconds: float) -> None:
    """
    Send for so many seconds, with the trouble of STORY on the way.

    Raises:
        Unexpected: the sandbox or the services did not do what they were told.
    """
    stop = Event()
    began = time.monotonic()
    with ThreadPoolExecutor(AGENTS + 1) as pool:
        working = [pool.submit(_agent, scene, stop, number) for number in range(AGENTS)]
        working.append(pool.submit(_service, scene, stop))
        try:
            for part, trouble in STORY:
                time.sleep(max(0.0, began + part * seconds - time.monotonic()))
                trouble(scene, seconds)
            time.sleep(max(0.0, began + seconds - time.monotonic()))
        finally:
            stop.set()
    for one in working:
        one.result()


def _agent(scene: Scene, stop: Event, number: int) -> None:
    """Somebody at the panel, who takes one channel after the other."""
    sent = number
    while not stop.wait(AGENT_PAUSE_SECONDS):
        sent += 1
        try:
            scene.compose(scene.person(), new_text(), through=CHANNELS[sent % len(CHANNELS)]).press("Send message")
        except Unexpected:
            continue  # the screen says so, as the dashboards do


def _service(scene: Scene, stop: Event) -> None:
    while not stop.wait(1.0):
        for channel in CHANNELS:
            _ask_for(scene, channel, PER_CHANNEL)


def _ask_for(scene: Scene, channel: Connected, count: int) -> None:
    """A service's messages."""
    wanted = [
        bus.send_requested(new_number(), new_text(), channel=channel.kind, channel_id=channel.id) for _ in range(count)
    ]
    bus.publish(scene.stack.amqp_url, *wanted, key=f"send.{channel.kind}.bulk")


def _burst(scene: Scene, seconds: float) -> None:
    scene.stack.proactivectl("channel", "limit", SMS.id, str(LIMIT))
    _ask_for(scene, SMS, int(BURST * LIMIT * seconds / 20))


def _nobody_works_on_viber(scene: Scene, seconds: float) -> None:
    scene.stack.stop_service(VIBER.worker)


def _unreadable(scene: Scene, seconds: float) -> None:
    event = bus.send_requested(new_number(), new_text())
    bus.publish(scene.stack.amqp_url, {**event, "type": "proactive.send_requested.v99"})


def _strangers(scene: Scene, seconds: float) -> None:
    """Whoever found the addresses, and knows no secret; a rate begins with the second look at a counter."""
    for _ in range(10):
        time.sleep(seconds / 300)
        scene.app.post_unsigned("submit", b"{}")
        for channel in CHANNELS:
            url = f"{scene.stack.webhooks_url}/webhooks/{channel.provider}/{channel.id}"
            call("POST", url, b"{}", {"Content-Type": "application/json"})


def _provider(channel: Connected, mode: str, **details: object) -> Callable[[Scene, float], None]:
    return lambda scene, _: scene.outside.of(channel).provider(mode, **details)


STORY: tuple[tuple[float, Callable[[Scene, float], None]], ...] = (
    (0.10, _burst),
    (0.20, _provider(SMS, "invalid_number", remaining=10)),
    (0.30, _provider(WHATSAPP, "slow", delay_seconds=2)),
    (0.42, _provider(WHATSAPP, "normal")),
    (0.45, _provider(VIBER, "error")),
    (0.60, _provider(VIBER, "normal")),
    (0.62, _unreadable),
    (0.64, _strangers),
    (0.66, _provider(WHATSAPP, "error_after_accepting", remaining=3, receipts="none")),
    (0.68, _provider(SMS, "rate_limited", remaining=10, retry_after="2")),
    (0.70, lambda scene, _: scene.outside.intercom("error", only="notes")),
    (0.76, lambda scene, _: scene.outside.intercom("normal")),
    (0.78, _nobody_works_on_viber),
    (0.92, lambda scene, _: scene.stack.start_service(VIBER.worker)),
)
"""What happens, and after which part of the time."""
