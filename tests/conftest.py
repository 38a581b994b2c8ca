"""
Fixtures for every test: a real broker and database where asked for, and the whole stack for end-to-end tests.
"""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from devstack.backends import Backends, Broker, Database
from devstack.progress import Silent
from devstack.stack import Stack
from devstack.state import State
from tests.support.backends import choose_backends, fresh_name, keep_logs, prove_identity, temporary_state
from tests.support.panel import CheckedScene

# Speed is not asserted by tests. What one run finds another one finds: `--hypothesis-profile=search` looks elsewhere.
settings.register_profile("reproducible", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("reproducible")


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    """Broker and database of this test run; `broker` and `database` start them when first asked for."""
    with temporary_state("tests") as state:
        chosen = choose_backends(state)
        yield chosen
        chosen.broker.stop()
        chosen.database.stop()


@pytest.fixture(scope="session")
def broker(backends: Backends) -> Broker:
    """The running broker, to be stopped, killed and restarted at will: leave it running."""
    backends.broker.start()
    prove_identity(backends)
    return backends.broker


@pytest.fixture(scope="session")
def database(backends: Backends) -> Database:
    """The running database server, to be stopped, killed and restarted at will: leave it running."""
    backends.database.start()
    return backends.database


@pytest.fixture(scope="module")
def amqp_url(broker: Broker, request: pytest.FixtureRequest) -> str:
    """An empty vhost for this test module."""
    broker.start()  # where an earlier module left it stopped
    return broker.create_vhost(fresh_name(request.module.__name__))


@pytest.fixture(scope="module")
def database_url(database: Database, request: pytest.FixtureRequest) -> str:
    """An empty database for this test module."""
    database.start()
    return database.create_database(fresh_name(request.module.__name__))


@pytest.fixture(scope="session")
def stack_overrides() -> dict[str, dict[str, str]]:
    """
    Environment on top of single processes of `stack`, which all tests of a run share.

    What no dispatcher took is judged soon, so that a test can wait for it.
    """
    soon = {"PROACTIVE_NOT_TAKEN_GRACE_SECONDS": "1", "PROACTIVE_SWEEP_SECONDS": "0.5"}
    return {"status_tracker": soon}


@pytest.fixture(scope="session")
def stack(
    backends: Backends, stack_overrides: dict[str, dict[str, str]], request: pytest.FixtureRequest
) -> Iterator[Stack]:
    """
    Everything that `make run` starts, on this test run's broker and database and a state folder of its own.
    """
    with temporary_state("stack") as state:
        whole = Stack(state.folder, overrides=stack_overrides, progress=Silent(), backends=backends)
        try:
            with whole:
                prove_identity(backends)
                yield whole
        finally:
            keep_logs_of_failed_run(state, request)


@pytest.fixture
def scene(stack: Stack) -> CheckedScene:
    """Panels, people and the outside world; whatever the test before left is put right."""
    scene = CheckedScene(stack)
    scene.reset()
    return scene


def keep_logs_of_failed_run(state: State, request: pytest.FixtureRequest) -> None:
    """The logs tell why, and their folder is about to go."""
    if request.session.testsfailed:
        print(f"The services' logs of this run: {keep_logs(state)}")
