"""The broker dies, is stopped, stalls, raises an alarm, loses a queue, or loses everything."""

import json
import shutil
import struct
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

from devstack.demo.scene import FAILED, SENT, not_see
from dispatcher import failpoints
from proactive_contracts.topology import DELIVERY_LIMIT
from tests.chaos import observed, operating
from tests.chaos.matrix import fault
from tests.chaos.run import Run
from tests.chaos.world import SMS

BULK = "dispatcher.sms.bulk"
HEARTBEAT_SECONDS = 10
UNKNOWN_TAG = 999_999


@fault("broker-killed-under-load", row="14", fast=True)
def killed(run: Run) -> None:
    """Nothing that was confirmed is lost."""
    run.receipts_may_be_lost = True
    with run.load(40):
        time.sleep(2)
        run.world.broker.kill()
        run.world.broker.start()
        time.sleep(3)


@fault("broker-restarted-ten-times-under-load", row="15", seconds=60)
def restarted(run: Run) -> None:
    """Nothing that was confirmed is lost, however often it goes and comes."""
    run.receipts_may_be_lost = True
    with run.load(15):
        for _ in range(10):
            run.world.broker.ctl("stop_app")
            run.world.broker.ctl("start_app")


@fault("connection-cut-during-call", row="16", fast=True)
def cut_during_call(run: Run) -> None:
    """The call ends, its outcome counts, and the copy that is delivered again is not sent."""
    run.provider("slow", delay_seconds=2)
    messages = run.publish(3)
    run.await_submission(messages[-1])
    run.world.broker_of(SMS).cut()


@fault("connection-half-open", row="17", seconds=60)
def half_open(run: Run) -> None:
    """Silence is noticed within three heartbeats, and what was on its way is delivered again."""
    run.world.broker_of(SMS).stall()
    began = time.monotonic()
    [message] = run.publish()
    run.await_submission(message, seconds=3 * (HEARTBEAT_SECONDS + 1) + 10)
    took = time.monotonic() - began
    run.see(took < 3 * (HEARTBEAT_SECONDS + 1) + 5, "noticed within 38 s", f"{took:.0f} s")


@fault("channel-closed-by-the-broker", row="18", fast=True)
def channel_closed(run: Run) -> None:
    """An acknowledgement that the broker does not know costs the channel (406), and the consumer comes back."""
    wire = run.world.broker_of(SMS)
    before = wire.accepted
    wire.inject(acknowledgement(channel=1, tag=UNKNOWN_TAG))
    run.wait(lambda: wire.accepted > before, "new connections")
    run.publish(5)
    run.publish(5, lane="interactive")


def acknowledgement(channel: int, tag: int) -> bytes:
    """A frame of AMQP 0-9-1: method Basic.Ack (60, 80) for this delivery."""
    method = struct.pack(">HHQB", 60, 80, tag, 0)
    return struct.pack(">BHI", 1, channel, len(method)) + method + b"\xce"


@fault("queue-deleted", row="19")
def queue_deleted(run: Run) -> None:
    """The worker is not ready while its queue is gone, and works again once it is back."""
    world = run.world
    operating.delete_queue(world, BULK)
    world.await_ready(SMS, ready=False)
    world.declare()
    world.await_ready(SMS)
    run.publish(5)


@fault("memory-alarm", row="20", fast=True)
def memory_alarm(run: Run) -> None:
    """What waits is worked off, the panel answers, and what was published meanwhile arrives once."""
    alarm(run, ("set_vm_memory_high_watermark", "0.0000001"), ("set_vm_memory_high_watermark", "0.4"))


@fault("disk-alarm", row="21")
def disk_alarm(run: Run) -> None:
    """As with the memory alarm."""
    alarm(run, ("set_disk_free_limit", "900000GB"), ("set_disk_free_limit", "50MB"))


def alarm(run: Run, raise_it: tuple[str, ...], end_it: tuple[str, ...]) -> None:
    world = run.world
    run.receipts_may_be_lost = True
    run.provider("slow", delay_seconds=1)
    run.publish(5)
    world.broker.ctl(*raise_it)
    world.repairs.append(lambda: silent(world.broker.ctl(*end_it)))
    with run.load(10, most=20):
        run.provider("normal")
        panel, message = run.panel()
        not_see(panel.press("Send message"), FAILED)
        run.wait(lambda: observed.ready(world, BULK)[BULK] == 0, "the queue worked off during the alarm")
        world.repairs.pop()()
        run.await_submission(message, seconds=20)
    world.scene.refresh_until(panel, SENT)


def silent(_said: str) -> None:
    """What rabbitmqctl prints is of no interest."""


@fault("consumer-timeout", row="22", seconds=60)
def consumer_timeout(run: Run) -> None:
    """A delivery that is held too long costs the channel and comes again; it is sent once."""
    world = run.world
    with impatient(run, 4):
        world.restart(SMS, {"PROACTIVE_FAILPOINTS": f"{failpoints.BEFORE_CLAIM}:sleep:10"})
        wire = world.broker_of(SMS)
        before = wire.accepted
        run.publish(3)
        run.wait(lambda: wire.accepted > before, "the channel closed by the broker", 30)
    world.restart(SMS)


def impatient(run: Run, seconds: float) -> AbstractContextManager[None]:
    """The broker waits so long for an acknowledgement, and looks every second; for channels opened from now on."""

    @contextmanager
    def changed() -> Iterator[None]:
        ctl = run.world.broker.ctl
        said = {name: ctl("eval", f"application:get_env(rabbit, {name}).") for name in SETTINGS}
        before = {name: words.strip().removeprefix("{ok,").removesuffix("}") for name, words in said.items()}
        ctl("eval", f"application:set_env(rabbit, consumer_timeout, {int(seconds * 1000)}).")
        ctl("eval", "application:set_env(rabbit, channel_tick_interval, 1000).")
        try:
            yield
        finally:
            for name, value in before.items():
                ctl("eval", f"application:set_env(rabbit, {name}, {value}).")

    return changed()


SETTINGS = ("consumer_timeout", "channel_tick_interval")


@fault("consumer-restarted-25-times", row="+3", seconds=60)
def restarted_consumers(run: Run) -> None:
    """What was prefetched is not parked, and the broker says which limit is in force."""
    world = run.world
    holding = {"PROACTIVE_FAILPOINTS": f"{failpoints.BEFORE_CLAIM}:sleep:60", "PROACTIVE_CONCURRENCY": "10"}
    world.stop(SMS)
    run.publish(12)
    for _ in range(25):
        world.start(SMS, holding, wait=False)
        run.wait(lambda: observed.ready(world, BULK)[BULK] == 0, "everything prefetched", 30)
        world.kill(SMS)
        run.wait(lambda: observed.ready(world, BULK)[BULK] == 12, "everything back in the queue", 30)
    said = world.broker.ctl("list_queues", "-p", "proactive", "--quiet", "--formatter", "json", "name", "arguments")
    limits = {row["name"]: dict(arguments(row["arguments"])).get("x-delivery-limit") for row in json.loads(said)}
    run.see(limits[BULK] == DELIVERY_LIMIT > 25, f"a limit of {DELIVERY_LIMIT}", limits)
    world.start(SMS)


def arguments(said: object) -> Iterator[tuple[str, object]]:
    """Queue arguments as rabbitmqctl prints them: an object, or a list of names, types and values."""
    if isinstance(said, dict):
        yield from said.items()
    elif isinstance(said, list):
        yield from ((str(one[0]), one[-1]) for one in said)


@fault("broker-lost-entirely", row="46", seconds=60)
def lost(run: Run) -> None:
    """What was claimed goes on; what never reached a dispatcher is shown as such; the rest is declared anew."""
    world = run.world
    run.heard_everything = False
    later = datetime.now(UTC) + timedelta(seconds=12)
    run.publish(3)
    [waiting] = run.publish(not_before=later.isoformat())
    run.await_job(waiting, "waiting")
    world.stop(SMS)
    run.may_end("not_confirmed")
    for message in run.publish(3, seconds=5):
        run.await_status(message, "queued", "not_confirmed")
    world.broker.kill()
    shutil.rmtree(world.state.servers / "rabbitmq" / "data")
    world.broker.start()
    world.declare()
    world.start(SMS)
