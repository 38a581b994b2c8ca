"""`make soak`: random disturbances under load for a while, then the same seven invariants."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from devstack.demo.checks import Unexpected
from devstack.demo.scene import SENT
from tests.chaos.matrix import Fault
from tests.chaos.run import Run
from tests.chaos.runner import Quiet, Worlds, interruptible, play
from tests.chaos.world import GATEWAY, SMS, SMS_2, TRACKER, WEBHOOKS

PER_SECOND = 10
SETTLE_SECONDS = 120
AT_ONCE = 40
"""Calls of one worker at the same time: so many outcomes may get lost with it."""

DISTURBED = (SMS, SMS_2, TRACKER, WEBHOOKS, GATEWAY)
WIRED = (SMS, SMS_2, TRACKER, WEBHOOKS)

Disturbance = Callable[[Run, random.Random], str]


def kill_something(run: Run, dice: random.Random) -> str:
    name = dice.choice(DISTURBED)
    run.world.kill(name)
    time.sleep(dice.uniform(0, 2))
    run.world.start(name)
    return f"killed {name}"


def stop_something(run: Run, dice: random.Random) -> str:
    name = dice.choice(DISTURBED)
    run.world.restart(name)
    return f"restarted {name}"


def freeze_something(run: Run, dice: random.Random) -> str:
    name, seconds = dice.choice(DISTURBED), dice.uniform(1, 12)
    process = run.world.stack.process(name)
    process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGCONT)
    return f"froze {name} for {seconds:.1f} s"


def cut_something(run: Run, dice: random.Random) -> str:
    name = dice.choice(WIRED)
    wire = dice.choice((run.world.broker_of, run.world.database_of))(name)
    wire.cut()
    return f"cut a wire of {name}"


def stall_something(run: Run, dice: random.Random) -> str:
    name, seconds = dice.choice(WIRED), dice.uniform(1, 6)
    wire = dice.choice((run.world.broker_of, run.world.database_of))(name)
    wire.stall(dice.choice(("to_server", "to_client")))
    time.sleep(seconds)
    wire.cut() if dice.random() < 0.5 else wire.flow()
    return f"stalled a wire of {name} for {seconds:.1f} s"


def crash_database(run: Run, dice: random.Random) -> str:
    run.world.database.stop("immediate")
    time.sleep(dice.uniform(0, 4))
    run.world.database.start()
    return "crashed the database"


def crash_broker(run: Run, dice: random.Random) -> str:
    run.world.broker.kill()
    time.sleep(dice.uniform(0, 2))
    run.world.broker.start()
    return "crashed the broker"


def raise_alarm(run: Run, dice: random.Random) -> str:
    run.world.broker.ctl("set_vm_memory_high_watermark", "0.0000001")
    time.sleep(dice.uniform(1, 4))
    run.world.broker.ctl("set_vm_memory_high_watermark", "0.4")
    return "raised the memory alarm"


def trouble_provider(run: Run, dice: random.Random) -> str:
    mode = dice.choice(("slow", "error_after_accepting", "close_after_accepting", "rate_limited"))
    details = {"delay_seconds": dice.uniform(0.5, 3)} if mode == "slow" else {"remaining": dice.randint(1, 5)}
    run.provider(mode, **details)
    time.sleep(dice.uniform(1, 3))
    run.provider("normal")
    return f"the provider was {mode}"


def click(run: Run) -> None:
    """An agent sends a message; what the panel called sent must be so."""
    try:
        panel, message = run.panel(confirmed=False)
        message.confirmed = panel.press("Send message").shows(SENT)
    except Unexpected:  # the gateway, or what it needs, is away: the agent sees no panel
        pass


DISTURBANCES: tuple[Disturbance, ...] = (
    kill_something,
    kill_something,
    stop_something,
    freeze_something,
    cut_something,
    cut_something,
    stall_something,
    crash_database,
    crash_broker,
    raise_alarm,
    trouble_provider,
    trouble_provider,
)


def soak_fault(seconds: float, seed: int, say: Callable[[str], None]) -> Fault:
    """One long fault; the same seed disturbs in the same order."""

    def disturb(run: Run) -> None:
        dice = random.Random(seed)
        run.receipts_may_be_lost = True
        run.may_end("delivered", "unknown")
        run.world.start(SMS_2)
        began, disturbances = time.monotonic(), 0
        with run.load(PER_SECOND, most=int(PER_SECOND * seconds * 2)):
            while time.monotonic() < began + seconds:
                said = dice.choice(DISTURBANCES)(run, dice)
                click(run)
                disturbances += 1
                say(f"  {time.monotonic() - began:6.1f} s  {said}")
                time.sleep(dice.uniform(0.5, 3))
        run.expect_unknowns(0, AT_ONCE * disturbances)
        run.world.await_ready(*DISTURBED, seconds=60)

    return Fault(f"soak SECONDS={seconds:.0f} SEED={seed}", "", disturb, fast=False, seconds=SETTLE_SECONDS)


def soak(seconds: float, seed: int, folder: Path, say: Callable[[str], None]) -> int:
    """The exit code: 0 where all invariants hold. The seed is said first."""
    say(f"soak: {seconds:.0f} s, SEED={seed}")
    worlds = Worlds(folder, Quiet())
    try:
        with interruptible():
            result = play(soak_fault(seconds, seed, say), worlds)
    finally:
        worlds.close()
    say(str(result))
    say(f"soak: {'passed' if result.passed else 'failed'}, SEED={seed}")
    return 0 if result.passed else 1
