"""The fast half of the fault matrix (`make chaos` plays all of it), each fault judged by the seven invariants."""

from collections.abc import Iterator

import pytest

from devstack.errors import BackendError
from devstack.progress import Silent
from tests.chaos.matrix import Fault, faults
from tests.chaos.runner import Worlds, play
from tests.support.backends import missing_backend, temporary_state

FAST = [fault for fault in faults() if fault.fast]


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    """One world for all of them: broker, database, sandbox and services of their own."""
    with temporary_state("faults") as state:
        worlds = Worlds(state.folder / "world", Silent())
        try:
            worlds.get()
        except BackendError as error:
            missing_backend(error)
        try:
            yield worlds
        finally:
            worlds.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault", FAST, ids=[fault.name for fault in FAST])
def test_fault_keeps_the_promise(worlds: Worlds, fault: Fault) -> None:
    result = play(fault, worlds)
    assert not result.left_out, f"{fault.name} is fast, hence never left out: {result.left_out}"
    assert result.passed, f"{fault.promise}\n{result}"
