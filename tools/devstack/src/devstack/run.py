"""`make run`: starts everything, says where it is, reports what dies, and leaves no process behind."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from devstack import containers
from devstack.errors import AlreadyRunning, DevstackError
from devstack.processes import stop_leftovers
from devstack.progress import Progress
from devstack.stack import Stack
from devstack.state import State, root_of_checkout

WATCH_SECONDS = 0.3


class Interrupts:
    """
    Ctrl-C, SIGTERM and a closed terminal, each once.

    The first one interrupts whatever goes on. One that comes while things are being stopped does not
    interrupt that: it kills the processes, so that the stopping has nothing left to wait for.
    """

    def __init__(self, stack: Stack, progress: Progress) -> None:
        self._stack = stack
        self._progress = progress
        self.stopping = False

    def install(self) -> None:
        """Take the signals over for the rest of this process."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self.stopping:
            self.stopping = True
            raise KeyboardInterrupt
        self._progress.say("  killing what still runs")
        for process in self._stack.started_processes():
            process.kill_from_signal_handler()


def run(folder: Path, make_stack: Callable[..., Stack] = Stack) -> int:
    """Run a stack in the foreground until it is told to stop; the exit code."""
    progress = Progress()
    state = State(folder)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(state.lock())
        except AlreadyRunning as error:
            progress.say(f"Proactive is running already in this checkout (process {error}). Stop it with Ctrl-C there.")
            return 1
        return run_locked(make_stack(folder, progress=progress), progress)


def run_locked(stack: Stack, progress: Progress) -> int:
    """Start, watch, stop."""
    interrupts = Interrupts(stack, progress)
    interrupts.install()
    code = 0
    try:
        progress.say("Starting Proactive")
        stack.start()
        progress.say(welcome(stack))
        watch(stack, progress)
    except KeyboardInterrupt:
        progress.say("")
    except DevstackError as error:
        progress.say(f"\n{error}")
        code = 1
    interrupts.stopping = True
    with progress.stage("stopping everything"):
        stack.stop()
    return code


def watch(stack: Stack, progress: Progress) -> None:
    """Report each process that ends, once, and keep the rest running. Ends only by being interrupted."""
    reported: set[tuple[str, int | None]] = set()
    while True:
        for process in stack.started_processes():
            life = (process.name, process.pid)
            if not process.running and life not in reported:
                reported.add(life)
                progress.say(
                    f"\n{process.name} ended with exit code {process.exit_code}; everything else goes on.\n"
                    f"{process.log_tail()}\n  To have it back: Ctrl-C, then make run."
                )
        time.sleep(WATCH_SECONDS)


def welcome(stack: Stack) -> str:
    """What somebody wants to know once everything runs."""
    logs, folder = shown(stack.state.logs), shown(stack.state.folder)
    return "\n".join(
        [
            "",
            "Proactive is running.",
            "",
            f"  The Inbox page   {stack.sandbox_url}/",
            f"  Connecting       {stack.gateway_url}/intercom/install",
            f"  Logs             {logs}/   (tail -f {logs}/*.log)",
            f"  History          {stack.tracker_url}/openapi.json",
            f"  By hand          . {folder}/env && .venv/bin/proactivectl --help",
            "",
            "Ctrl-C stops everything; the data is kept (make clean-state forgets it).",
        ]
    )


def shown(path: Path) -> str:
    """A path as one would type it in this checkout."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def clean_state(root: Path) -> int:
    """Remove this folder with every stack's state, the servers' data included; refuses while one runs."""
    progress = Progress()
    states = [State(path.parent) for path in sorted(root.glob("*/lock"))]
    with contextlib.ExitStack() as held:
        for state in states:
            try:
                held.enter_context(state.lock())
            except AlreadyRunning as error:
                progress.say(
                    f"Something is running on {shown(state.folder)} (process {error}). Stop it first; "
                    "nothing was removed."
                )
                return 1
        for state in states:
            stop_leftovers(state.pids)
            containers.forget(state)
            state.forget()
        shutil.rmtree(root, ignore_errors=True)
    progress.say(f"Removed {shown(root)}.")
    return 0


def default_folder(name: str = "run") -> Path:
    """Where this checkout keeps the state of one stack."""
    return root_of_checkout() / ".dev" / name


def forbid_open_files() -> None:
    """New files of ours are not for others to write."""
    os.umask(0o022)
