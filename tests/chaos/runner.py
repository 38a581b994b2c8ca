"""Plays faults one after the other and tells what came of each."""

import contextlib
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from devstack.demo.checks import Unexpected
from devstack.errors import DevstackError
from devstack.progress import Progress
from devstack.state import State
from tests.chaos.judge import Verdict, judge
from tests.chaos.matrix import Fault, NotApplicable
from tests.chaos.observed import Logs
from tests.chaos.run import Run
from tests.chaos.world import World


@dataclass(frozen=True)
class Result:
    """What a fault came to, and in how many seconds."""

    fault: Fault
    verdict: Verdict
    seconds: float
    left_out: str = ""

    @property
    def passed(self) -> bool:
        return not self.verdict.broken

    def __str__(self) -> str:
        row, name = f"{self.fault.row:>3}", f"{self.fault.name:<44}"
        if self.left_out:
            return f"n/a    {row} {name} {self.left_out}"
        found, word = self.verdict, "ok    " if self.passed else "FAILED"
        figures = f"messages {found.messages:4}  submissions {found.submissions:4}  unknowns {found.unknowns:3}"
        line = f"{word} {row} {name} {figures}  {self.seconds:6.1f} s"
        return "\n".join([line, *(f"           {words}" for words in found.broken)])


class Worlds:
    """One world for many faults; where it cannot be healed, another one."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        self._stack = contextlib.ExitStack()
        self._world: tuple[World, Logs] | None = None

    def get(self) -> tuple[World, Logs]:
        """The present one, or a new one."""
        if self._world is None:
            with contextlib.suppress(FileNotFoundError):
                State(self._folder).forget()
            world = self._stack.enter_context(World(self._folder, self._progress))
            self._world = world, Logs(world)
        return self._world

    def heal(self) -> None:
        """Make it whole for the next fault."""
        if self._world is None:
            return
        if self._world[0].retired:
            self.close()
            return
        try:
            self._world[0].heal()
        except (DevstackError, Unexpected, AssertionError, OSError) as error:
            self._progress.say(f"       it could not be healed and is made anew: {str(error)[:300]}")
            self.close()

    def give_up(self, name: str) -> None:
        """Stop everything, and keep the logs of this fault."""
        logs = self._folder / "logs"
        self.close()
        if logs.exists():
            shutil.copytree(logs, self._folder.parent / "failed" / name, dirs_exist_ok=True)

    def close(self) -> None:
        """Stop everything."""
        self._world = None
        self._stack.close()


def play(fault: Fault, worlds: Worlds) -> Result:
    """Play one fault, judge it, and heal the world; after one that failed the next has a new world."""
    world, logs = worlds.get()
    run = Run(world, fault)
    began = time.monotonic()
    try:
        verdict = _play(fault, run, logs)
    except NotApplicable as reason:
        verdict, left_out = Verdict(), str(reason)
    else:
        left_out = ""
    finally:
        worlds.heal()
    if verdict.broken:
        worlds.give_up(fault.name)
    return Result(fault, verdict, time.monotonic() - began, left_out)


def _play(fault: Fault, run: Run, logs: Logs) -> Verdict:
    try:
        fault.play(run)
        run.settle()
        return judge(run, logs)
    except NotApplicable:
        raise
    except Unexpected as error:
        return Verdict(len(run.messages), broken=[f"expected: {error.expected}, seen: {error.seen[:300]}"])
    except Exception:
        return Verdict(len(run.messages), broken=[f"it broke:\n{traceback.format_exc()}"])


def play_all(chosen: Sequence[Fault], folder: Path, say: Callable[[str], None]) -> int:
    """One line per fault, the score last; the exit code."""
    passed = failed = 0
    worlds = Worlds(folder, Quiet())
    shutil.rmtree(folder.parent / "failed", ignore_errors=True)
    with interruptible(), contextlib.closing(worlds):
        for fault in chosen:
            result = play(fault, worlds)
            say(str(result))
            passed += result.passed and not result.left_out
            failed += not result.passed
    say(f"chaos: {passed} passed, {failed} failed")
    return 1 if failed else 0


class Quiet(Progress):
    """Says what is worth a line of its own, and no stages."""

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """No line."""
        yield


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and a closed terminal end it as Ctrl-C does: everything is stopped first."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
