"""Checks side by side: each in its time, after what it needs, and none of them in another one's way."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from proactivectl.failures import Failure
from proactivectl.findings import Check, Finding, State, examine, ok, warning, wrong
from proactivectl.server_checks import skewed

Look = Callable[[], Awaitable[Sequence[Finding]]]


def finds(*findings: Finding) -> Look:
    async def look() -> Sequence[Finding]:
        return findings

    return look


def breaks(error: Exception) -> Look:
    async def look() -> Sequence[Finding]:
        raise error

    return look


async def hangs() -> Sequence[Finding]:
    await asyncio.sleep(60)
    return []


async def test_every_finding_is_told_in_the_order_of_the_checks() -> None:
    checks = (Check("one", finds(ok("fine"))), Check("two", finds(warning("a", "b"), wrong("c", "d"))))

    found = await examine(checks)

    assert [(name, one.state) for name, one in found] == [
        ("one", State.OK),
        ("two", State.WARNING),
        ("two", State.WRONG),
    ]


async def test_one_that_hangs_or_breaks_hides_no_other() -> None:
    checks = (
        Check("hangs", hangs, ("HOME",)),
        Check("fails", breaks(Failure("it is away", "Start it."))),
        Check("breaks", breaks(ZeroDivisionError("by zero"))),
        Check("works", finds(ok("fine"))),
    )

    found = dict(await examine(checks, 0.05))

    assert {name: one.state for name, one in found.items()} == {
        "hangs": State.WRONG,
        "fails": State.WRONG,
        "breaks": State.WRONG,
        "works": State.OK,
    }
    assert found["hangs"].found == "no answer within 0.05 s"
    assert "(HOME)" in str(found["hangs"].advice)
    assert found["fails"] == wrong("it is away", "Start it.")
    assert "ZeroDivisionError: by zero" in found["breaks"].found


async def test_checks_that_hang_hang_at_the_same_time() -> None:
    began = asyncio.get_running_loop().time()
    await examine([Check(str(number), hangs) for number in range(20)], 0.2)
    assert asyncio.get_running_loop().time() - began < 2


async def test_what_needs_a_thing_that_is_wrong_is_not_looked_at() -> None:
    looked = []

    async def look() -> Sequence[Finding]:
        looked.append(True)
        return [ok("fine")]

    checks = (
        Check("base", finds(wrong("away", "Start it."))),
        Check("other", finds(warning("odd", "Look."))),
        Check("above", look, needs=("other", "base")),
        Check("beside", look, needs=("other",)),
    )
    found = dict(await examine(checks))

    assert (found["above"].state, found["above"].found) == (State.NOT_CHECKED, "base is wrong, see there")
    assert found["beside"].state is State.OK
    assert looked == [True]


async def test_what_is_not_set_up_is_said_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THERE", "x")
    monkeypatch.setenv("EMPTY", " ")
    checks = [Check("check", breaks(AssertionError()), ("THERE", "EMPTY", "MISSING"))]

    ((_, found),) = await examine(checks)

    assert (found.state, found.found) == (State.NOT_CHECKED, "to have it checked, set EMPTY, MISSING")


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, State.OK), (4.9, State.OK), (-4.9, State.OK), (6, State.WARNING), (-6, State.WARNING), (-301, State.WRONG)],
)
def test_clock_that_is_off_is_told_by_how_much(seconds: float, state: State) -> None:
    found = skewed(timedelta(seconds=seconds), "PostgreSQL's")

    assert found.state is state
    assert f"{abs(seconds):.1f} s" in found.found
    assert ("behind" in found.found) == (seconds < -5)
