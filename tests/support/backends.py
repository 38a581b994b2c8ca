"""
One broker and one database server for a whole test run, with an empty vhost and database for whoever asks.
"""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from devstack.backends import Backends, choose
from devstack.errors import BackendError
from devstack.probes import cluster_name
from devstack.state import State, root_of_checkout

_numbers = itertools.count(1)


@contextmanager
def temporary_state(name: str) -> Iterator[State]:
    """
    A state folder that servers under another account can reach, removed afterwards (pytest's own are closed).
    """
    folder = Path(tempfile.mkdtemp(prefix=f"proactive-{name}-"))
    folder.chmod(0o755)
    state = State(folder)
    state.prepare()
    try:
        yield state
    finally:
        state.forget()


def choose_backends(state: State) -> Backends:
    """
    Broker and database for tests, not started yet.

    Where this machine has none and cannot get them, tests that need them are skipped with the command to
    run; in CI (CI is set) that is a failure.
    """
    try:
        return choose(state, purpose="tests", report=print)
    except BackendError as error:
        missing_backend(error)


def missing_backend(error: BackendError) -> NoReturn:
    """Skip on a developer's machine, fail in CI: nothing is left untested silently."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"A backend is missing in CI: {error}", pytrace=False)
    pytest.skip(str(error))


def prove_identity(backends: Backends) -> None:
    """The broker that answers is the one that we started, and not another one on the same port."""
    reached, started = cluster_name(backends.broker.amqp_url), backends.broker.cluster_name
    assert reached == started, f"reached {reached}, started {started}"


def fresh_name(module: str) -> str:
    """A name for a vhost or database that no other module of this run has."""
    readable = re.sub(r"[^a-z0-9]+", "_", module.lower()).strip("_")[-40:]
    return f"{readable}_{next(_numbers)}"


def keep_logs(state: State) -> Path:
    """Copy a stack's logs to where somebody can read them after the run."""
    target = root_of_checkout() / ".dev" / "test-logs"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(state.logs, target)
    return target
