"""Bursts, rolling restarts, and two versions side by side."""

import datetime
import io
import statistics
import subprocess
import tarfile
import time
from pathlib import Path

from devstack.state import root_of_checkout
from tests.chaos import observed
from tests.chaos.matrix import NotApplicable, fault
from tests.chaos.run import Run
from tests.chaos.traffic import Message
from tests.chaos.world import SMS, SMS_2, TRACKER

BASE_PER_SECOND, BURST_PER_SECOND, BURST_SECONDS = 5, 50, 60
P95_SECONDS, WORST_SECONDS = 1.5, 20.0
STOP_SECONDS = 60


@fault("burst", row="40", seconds=120)
def burst(run: Run) -> None:
    """Ten times the usual load for a minute: nothing is lost, latency is bounded, and agents do not wait."""
    agents: list[Message] = []
    with run.load(BURST_PER_SECOND, most=BURST_PER_SECOND * BURST_SECONDS) as load:
        until = time.monotonic() + BURST_SECONDS
        while time.monotonic() < until:
            agents += run.publish(1, lane="interactive")
            time.sleep(1)
    run.settle()
    delays = latencies(run, agents)
    p95 = statistics.quantiles(delays, n=20)[-1]
    run.see(p95 < P95_SECONDS, f"agents' messages at the provider within {P95_SECONDS} s (p95)", f"{p95:.2f} s")
    worst = max(latencies(run, load.sent))
    run.see(worst < WORST_SECONDS, f"every message at the provider within {WORST_SECONDS} s", f"{worst:.1f} s")


def latencies(run: Run, messages: list[Message]) -> list[float]:
    """Seconds from the publish to the provider, of each."""
    at = {row["to"]: datetime.datetime.fromisoformat(row["at"]).timestamp() for row in observed.ledger(run.world)}
    offset = time.time() - time.monotonic()
    return [at[message.number] - offset - message.published_at for message in messages]


@fault("rolling-restarts", row="41", seconds=60)
def rolling(run: Run) -> None:
    """Fifty restarts under load leave no unknown outcome, and none takes longer than a minute."""
    roll(run, 50)


@fault("four-rolling-restarts", row="41", fast=True)
def rolling_few(run: Run) -> None:
    """As above, four of them."""
    roll(run, 4)


def roll(run: Run, times: int) -> None:
    world = run.world
    world.start(SMS_2)
    run.provider("slow", delay_seconds=0.3)
    with run.load(15, most=10_000):
        for turn in range(times):
            name = (SMS, SMS_2)[turn % 2]
            began = time.monotonic()
            stopped = world.stop(name)
            took = time.monotonic() - began
            run.see(stopped.exit_code == 0, f"{name} ends with 0", stopped.exit_code)
            run.see(took < STOP_SECONDS, f"{name} ends within {STOP_SECONDS} s", f"{took:.0f} s")
            world.start(name)


@fault("stopped-with-hung-provider", row="42", seconds=60, fast=True)
def hung_provider(run: Run) -> None:
    """The worker waits for its call no longer than a call may take, and what is left open is resolved."""
    world = run.world
    run.expect_unknowns(0, 2)
    run.provider("slow", delay_seconds=60)
    messages = run.publish(2)
    for message in messages:
        run.await_submission(message)
    began = time.monotonic()
    process = world.stack.process(SMS)
    process.ask_to_stop()
    run.wait(lambda: not process.running, "the end of the worker", 50)
    run.see(process.exit_code == 0, "exit code 0", process.exit_code)
    run.see(time.monotonic() - began < 47, "within 47 s", f"{time.monotonic() - began:.0f} s")
    run.provider("normal")
    world.start(SMS)
    run.receipts_may_be_lost = True
    for message in messages:
        run.report(run.submissions(message)[0], "delivered")


@fault("two-versions-side-by-side", row="43", seconds=60)
def two_versions(run: Run) -> None:
    """The version before the newest change of the database and the present one share queues and tables."""
    world = run.world
    old = old_version(world.state.folder / "old")
    world.start(SMS_2, {"PYTHONPATH": old})
    run.publish(30)
    run.publish(10, lane="interactive")
    run.settle()
    world.restart(SMS, {"PYTHONPATH": old})
    world.restart(TRACKER, {"PYTHONPATH": old})
    world.restart(SMS_2)
    run.publish(30)


def old_version(folder: Path) -> str:
    """
    The code as it was before the newest migration landed, unpacked; as PYTHONPATH.

    Raises:
        NotApplicable: this checkout has no history.
    """
    root = root_of_checkout()

    def git(*arguments: str) -> bytes:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True)
        if done.returncode != 0:
            raise NotApplicable("this checkout has no history of an older version")
        return done.stdout

    newest = max((root / "services" / "dispatcher").rglob("migrations/*.sql"), key=lambda path: path.name)
    landed = ("log", "-1", "--first-parent", "--diff-merges=first-parent", "--no-renames", "--diff-filter=A", "-s")
    added = git(*landed, "--format=%H", "--", str(newest.relative_to(root))).decode().strip()
    with tarfile.open(fileobj=io.BytesIO(git("archive", f"{added}~1" if added else "HEAD"))) as archive:
        archive.extractall(folder, filter="data")
    return ":".join(str(path) for path in sorted(folder.glob("*/*/src")))
