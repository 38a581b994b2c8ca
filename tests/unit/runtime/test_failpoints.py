"""Failpoints do nothing unless they are asked for by their very name."""

import subprocess
import sys
import time

import pytest

from runtime import failpoints
from runtime.failpoints import VARIABLE, FailpointReached, reach


@pytest.mark.parametrize("wanted", ["", "dispatcher.after_call:kill", "after_claim:kill", "dispatcher:kill"])
async def test_point_that_is_not_named_is_passed(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setattr(failpoints, "WANTED", wanted)
    await reach("dispatcher.after_claim")


async def test_point_fails_where_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "WANTED", "other:kill, dispatcher.after_claim:fail")
    with pytest.raises(FailpointReached, match=r"dispatcher\.after_claim"):
        await reach("dispatcher.after_claim")


async def test_point_waits_where_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "WANTED", "dispatcher.after_claim:sleep:0.05")
    began = time.monotonic()
    await reach("dispatcher.after_claim")
    assert time.monotonic() - began >= 0.05


def test_point_kills_where_asked_to() -> None:
    program = "import asyncio; from runtime.failpoints import reach; asyncio.run(reach('here')); print('still here')"
    done = subprocess.run([sys.executable, "-c", program], env={VARIABLE: "here:kill"}, capture_output=True, timeout=30)
    assert done.returncode == -9
    assert done.stdout == b""
