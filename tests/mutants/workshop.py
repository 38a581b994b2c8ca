"""A throw-away copy of the sources with a broker and a database of its own, where tests run on mutated code."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.backends import Backends, choose_own
from devstack.state import State, root_of_checkout
from tests.mutants.mutation import Mutation, apply
from tests.support.backends import temporary_state

LONGEST_TEST_SECONDS = 120
LONGEST_RUN_SECONDS = 900

_COPIED = ("libs", "services", "tools", "tests", "docs", "pyproject.toml", "Makefile", "README.md", "CHANGELOG.md")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info", ".*")

_PYTEST_FAILED = 1
"""pytest's exit code where tests ran and some failed; every other one but 0 says that they did not run."""


class NotRun(Exception):
    """The tests could not be run: that proves nothing, neither way."""


@dataclass(frozen=True)
class Verdict:
    """The first test that failed, and why; None where all passed."""

    failed: str | None
    why: str = ""


class Workshop:
    """The copy in `folder`; servers are started when first asked for."""

    def __init__(self, folder: Path, state: State) -> None:
        self.folder = folder
        self._state = state
        self._backends: Backends | None = None
        self._runs = 0

    def judge(self, mutation: Mutation) -> Verdict:
        """
        Run the mutation's tests on the mutated copy, then put the copy right again.

        Raises:
            NotApplicable: the mutation does not fit the code.
            NotRun: pytest could not run the tests.
        """
        mutated = apply(mutation, self.folder)
        originals = {path: path.read_text() for path in mutated}
        try:
            for path, text in mutated.items():
                path.write_text(text)
            return self.run(mutation.tests, servers=mutation.servers)
        finally:
            for path, text in originals.items():
                path.write_text(text)

    def run(self, tests: Sequence[str], *, servers: bool) -> Verdict:
        """Run tests on the copy as it is now, up to the first that fails."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "--tb=no", "--no-header", "--show-capture=no"]
        command += [
            "-p",
            "no:cacheprovider",
            "-p",
            "tests.mutants.hurry",
            f"--timeout={LONGEST_TEST_SECONDS}",
            "-o",
            "timeout_method=signal",
        ]
        try:
            done = subprocess.run(
                [*command, *tests],
                cwd=self.folder,
                env=self._environment(servers=servers),
                capture_output=True,
                text=True,
                timeout=LONGEST_RUN_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise NotRun(f"the tests did not end within {LONGEST_RUN_SECONDS} s") from None
        failed = re.search(r"^FAILED (.+?)(?: - (.*))?$", done.stdout, re.MULTILINE)
        if done.returncode == 0:
            if re.search(r"\bskipped\b", done.stdout):
                raise NotRun("some of its tests were skipped")
            return Verdict(None)
        if done.returncode == _PYTEST_FAILED and failed:
            return Verdict(failed[1], failed[2] or "")
        words = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise NotRun("\n".join([f"pytest ended with {done.returncode}", *words]))

    def prove(self) -> None:
        """
        Make sure that what runs here is the copy and not the checkout.

        Raises:
            NotRun: it is not.
        """
        look = "import dispatcher, runtime, status_tracker, proactive_contracts as c, tests.mutants.mutation as m\n"
        look += "print(*(one.__file__ for one in (dispatcher, runtime, status_tracker, c, m)), sep='\\n')"
        done = subprocess.run(
            [sys.executable, "-c", look],
            cwd=self.folder,
            env=self._environment(servers=False),
            capture_output=True,
            text=True,
            check=True,
        )
        elsewhere = [line for line in done.stdout.splitlines() if not Path(line).is_relative_to(self.folder)]
        if elsewhere:
            raise NotRun(f"not the copy, but {elsewhere} would be tested")

    def stop(self) -> None:
        """Stop the servers that were started."""
        if self._backends is not None:
            self._backends.broker.stop()
            self._backends.database.stop()

    def _environment(self, *, servers: bool) -> dict[str, str]:
        """No variable of ours from outside; every run has a vhost of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROACTIVE_", "PYTEST_"))}
        for name in ("AMQP_URL", "DATABASE_URL"):
            kept.pop(name, None)
        sources = sorted(str(path) for path in self.folder.glob("*/*/src"))
        kept |= {"PYTHONPATH": os.pathsep.join(sources), "PYTHONDONTWRITEBYTECODE": "1", "CI": "true", "COLUMNS": "300"}
        return kept | self._servers() if servers else kept

    def _servers(self) -> dict[str, str]:
        if self._backends is None:
            wanted = os.environ.get("PROACTIVE_BACKENDS", "")
            self._backends = choose_own(self._state, "tests", print, wanted, broker_needed=True)
            self._backends.broker.start()
            self._backends.database.start()
        self._runs += 1
        vhost = self._backends.broker.create_vhost(f"mutant_{self._runs}")
        return {"AMQP_URL": vhost, "DATABASE_URL": self._backends.database.database_url}


@contextmanager
def workshop() -> Iterator[Workshop]:
    """A copy of this checkout, removed afterwards with its servers."""
    with temporary_state("mutants") as state:
        folder = state.folder / "copy"
        folder.mkdir()
        for name in _COPIED:
            source = root_of_checkout() / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=_LEFT_OUT)
            else:
                shutil.copy2(source, folder / name)
        made = Workshop(folder, state)
        try:
            made.prove()
            yield made
        finally:
            made.stop()
