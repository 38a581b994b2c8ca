"""The history and a listener for every test, and the order of the tests."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from devstack.stack import Stack
from tests.support import bus
from tests.support.tracker import Tracker

LAST = "test_logs.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The logs are searched when everything else has written into them."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture
def tracker(stack: Stack) -> Tracker:
    """The history as another service reads it."""
    return Tracker.of(stack)


@pytest.fixture
def listener(stack: Stack) -> Iterator[str]:
    """The queue of a listener of our own."""
    name = f"test-{uuid4().hex[:8]}"
    made = json.loads(stack.proactivectl("listener", "add", name, "--workspace", bus.WORKSPACE, "--json"))
    yield made["queue"]
    stack.proactivectl("listener", "remove", name, "--force")
