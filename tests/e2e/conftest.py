"""The whole stack for every test, with everybody behaving well at its beginning."""

import pytest

from devstack.stack import Stack
from tests.support.panel import CheckedScene
from tests.support.tracker import Tracker

LAST = "test_logs.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The logs are searched when everything else has written into them."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(scope="session")
def stack_overrides() -> dict[str, dict[str, str]]:
    """What no dispatcher took is judged soon, so that a test can wait for it."""
    soon = {"PROACTIVE_NOT_TAKEN_GRACE_SECONDS": "1", "PROACTIVE_SWEEP_SECONDS": "0.5"}
    return {"status_tracker": soon}


@pytest.fixture
def scene(stack: Stack) -> CheckedScene:
    """Panels, people and the outside world; whatever the test before left is put right."""
    scene = CheckedScene(stack)
    scene.reset()
    return scene


@pytest.fixture
def tracker(stack: Stack) -> Tracker:
    """The history as another service reads it."""
    return Tracker.of(stack)
