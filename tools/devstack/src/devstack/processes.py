"""
One child process: started in a group of its own, watched, stopped within bounds, found again after a crash.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devstack.accounts import Account
from devstack.errors import ProcessFailed
from devstack.starter import Starter

LAUNCH = Path(__file__).with_name("launch.py")
POLL_SECONDS = 0.05

_starter = Starter()


class Process:
    """
    One child process with its log and its pid file.

    command, env and cwd are what the child gets and nothing else; stop_signal is what asks it to end in good
    order, also when devstack itself is killed.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        pid_file: Path,
        cwd: Path,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.env = dict(env)
        self.log = log
        self._pid_file = pid_file
        self._cwd = cwd
        self._account = account
        self._stop_signal = stop_signal
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._asked = False  # to stop; a second request may mean "at once" to a service
        self._cleared = False  # nothing of its group is left: its number may be somebody else's by now

    @property
    def pid(self) -> int | None:
        """The child's process id, also after it ended; nothing before the first start."""
        return self._child.pid if self._child else None

    @property
    def exit_code(self) -> int | None:
        """Nothing while it runs; negative for the signal that ended it."""
        return self._child.poll() if self._child else None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it; a running one is left alone."""
        if not self.running:
            _starter.run(self._spawn)

    def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                [*launcher(self._account, self._stop_signal), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self._cwd,
                start_new_session=True,
            )
        self._cleared = self._asked = False
        remember(self._pid_file, self._child.pid, self._stop_signal)

    def wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """
        Wait until ready() is true.

        Raises:
            ProcessFailed: it ended first, or `seconds` were over.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise ProcessFailed(f"{self.name} ended with exit code {self.exit_code}.\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} was not ready after {seconds:.0f} s.\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the child itself; one that has ended is none the wiser."""
        if self._child and self.running:
            self._child.send_signal(number)

    def ask_to_stop(self) -> None:
        """Only ask, so that several can end at the same time; stop() waits."""
        if not self._asked:
            self._asked = True
            self.send_signal(self._stop_signal)

    def kill_from_signal_handler(self) -> None:
        """SIGKILL and nothing else: the interrupted code may be in the middle of any other method."""
        if self._child and self._child.returncode is None:
            kill_group(self._child.pid)

    def stop(self, seconds: float = 15, *, by: signal.Signals | None = None) -> None:
        """Ask it to end (by its own stop signal, or this one), wait that long, then kill whatever is left."""
        _starter.run(lambda: None)  # a start that is under way comes first
        if self._child is None:
            return
        if by:
            self.send_signal(by)
        else:
            self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it and its group at once, as a crash would."""
        if self._child is None or self._cleared:
            return
        offspring = children_of(self._child.pid) if self.running else []
        kill_group(self._child.pid)
        for pid in offspring:
            send(pid, signal.SIGKILL)
        self._child.wait()
        self._cleared = True
        self._pid_file.unlink(missing_ok=True)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it wrote since its start, and where the rest is."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._log_start)
                text = file.read().decode(errors="replace")
        except OSError:
            text = ""
        shown = "\n".join(f"  | {line}" for line in text.splitlines()[-lines:])
        return f"{shown or '  | (it wrote nothing)'}\n  The whole log: {self.log}"


def launcher(account: Account | None, death_signal: signal.Signals = signal.SIGTERM) -> list[str]:
    """What comes before a command: it changes the account, and ends the program when we are gone."""
    numbers = (account.uid, account.gid) if account else (-1, -1)
    return [sys.executable, "-I", "-S", str(LAUNCH), *map(str, (*numbers, int(death_signal), os.getpid()))]


def remember(pid_file: Path, pid: int, stop_signal: signal.Signals) -> None:
    """Note a child, so that a later devstack finds it where this one is killed."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.write_text(json.dumps({"pid": pid, "started": started_at(pid), "stop_signal": int(stop_signal)}))


def stop_leftovers(folder: Path, seconds: float = 15) -> list[str]:
    """Stop what a crashed devstack left behind, by its pid files; the names of those that still ran."""
    left: dict[str, tuple[Path, int, str]] = {}
    for path in sorted(folder.glob("*.pid")):
        try:
            noted = json.loads(path.read_text())
        except ValueError:
            path.unlink()
            continue
        # The same number with another start time is somebody else's process.
        if started_at(noted["pid"]) == noted["started"] != "":
            left[path.stem] = (path, noted["pid"], noted["started"])
            send(noted["pid"], noted["stop_signal"])
        else:
            path.unlink()
    deadline = time.monotonic() + seconds
    for path, pid, started in left.values():
        while started_at(pid) == started and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if started_at(pid) == started:
            kill_group(pid)
        path.unlink()
    return list(left)


def started_at(pid: int) -> str:
    """When a process began, in its platform's own words; empty where there is none (a zombie is none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self").exists():
            return ""
        return subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return "" if fields[0] == "Z" else fields[19]  # man 5 proc: starttime is field 22, state field 3


def children_of(pid: int) -> list[int]:
    """The children of a process, where the platform has /proc: PostgreSQL's leave its group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def kill_group(pid: int) -> None:
    """SIGKILL to a group that may have gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def send(pid: int, number: int) -> None:
    """A signal to a process that may have gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
