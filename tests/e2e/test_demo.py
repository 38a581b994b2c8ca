"""What `make demo` shows holds in every test run, with each canvas checked."""

from collections.abc import Callable

import pytest

from devstack.demo.checks import LeftOut
from devstack.demo.scene import Scene
from devstack.demo.steps import STEPS
from tests.support.panel import CheckedScene


@pytest.mark.parametrize("play", [pytest.param(play, id=play.__name__) for _, play in STEPS])
def test_step_of_the_demo_passes(scene: CheckedScene, play: Callable[[Scene], None]) -> None:
    try:
        play(scene)
    except LeftOut as reason:
        pytest.skip(str(reason))
