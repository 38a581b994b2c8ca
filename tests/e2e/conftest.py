"""The history for every test, and the order of the tests."""

import pytest

from devstack.stack import Stack
from tests.support.tracker import Tracker

LAST = "test_logs.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The logs are searched when everything else has written into them."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture
def tracker(stack: Stack) -> Tracker:
    """The history as another service reads it."""
    return Tracker.of(stack)
