"""What operators and agents do in the middle of it: replay what was parked, and stop what was asked for."""

import json
import subprocess
import sys

from dispatcher import failpoints
from tests.chaos import observed, operating
from tests.chaos.matrix import fault
from tests.chaos.run import Run
from tests.chaos.traffic import Message
from tests.chaos.world import SMS

BULK = "dispatcher.sms.bulk"
PARKED = f"{BULK}.parked"
REPLAY = ("parked", "replay", "--queue", BULK, "--all")
COUNT = 30


@fault("replay-killed-and-repeated", row="44", seconds=60)
def replayed(run: Run) -> None:
    """What was parked is replayed twice, once only half, and sent once; without --yes nothing happens."""
    world = run.world
    messages = park_for_real(run, COUNT)
    world.stack.proactivectl(*REPLAY)
    run.see(parked(run) == COUNT, f"still {COUNT} parked after a dry run", parked(run))
    replay = subprocess.Popen(
        [sys.executable, "-m", "proactivectl", *REPLAY, "--yes"],
        env=world.stack.env_of("proactivectl"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    run.wait(lambda: len(observed.ledger(world)) > 0, "the first of them at the provider", 20)
    replay.kill()
    replay.wait()
    run.wait(lambda: parked(run) + len(sent(run, messages)) >= COUNT, "each of them parked or sent")
    for _ in range(2):
        world.stack.proactivectl(*REPLAY, "--yes")
    run.wait(lambda: parked(run) == 0, "nothing parked any more")


def park_for_real(run: Run, count: int) -> list[Message]:
    """Requests that a worker fails at until the broker parks them, and a worker that would not."""
    world = run.world
    limit = json.dumps({"delivery-limit": 1})
    world.broker.ctl("set_policy", "-p", "proactive", "--apply-to", "queues", "chaos", f"^{BULK}$", limit)
    world.repairs.append(lambda: operating.forget_policy(world))
    world.restart(SMS, {"PROACTIVE_FAILPOINTS": f"{failpoints.BEFORE_CLAIM}:fail"})
    messages = run.publish(count)
    run.wait(lambda: parked(run) == count, f"{count} parked", 40)
    operating.forget_policy(world)
    world.restart(SMS)
    return messages


def parked(run: Run) -> int:
    return observed.ready(run.world, PARKED)[PARKED]


def sent(run: Run, messages: list[Message]) -> set[str]:
    numbers = {message.number for message in messages}
    return {str(row["to"]) for row in observed.ledger(run.world)} & numbers


@fault("cancel-overtakes-its-request", row="+9", fast=True)
def overtaken(run: Run) -> None:
    """A message that was stopped before its request came is not sent when that comes."""
    run.may_end("cancelled")
    early = run.message()
    operating.cancel(run.world, early)
    run.await_job(early, "cancelled")
    run.put(early)
    run.may_end("delivered")
    late = run.publish()[0]
    run.await_status(late, "delivered")
    operating.cancel(run.world, late)
