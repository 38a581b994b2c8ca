"""Checks that run side by side, each within its time; none of them hides another."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from proactivectl.environment import explained
from proactivectl.failures import Failure

CHECK_SECONDS = 5.0
"""How long one check may take; one that needs another one begins after it."""


class State(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it where that is anything."""

    state: State
    found: str
    advice: str | None = None


@dataclass(frozen=True)
class Check:
    """Looked at where every one of `variables` is set, and nothing of what it `needs` is wrong."""

    name: str
    look: Callable[[], Awaitable[Sequence[Finding]]]
    variables: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def ok(found: str) -> Finding:
    """As it should be."""
    return Finding(State.OK, found)


def warning(found: str, advice: str) -> Finding:
    """Somebody should know."""
    return Finding(State.WARNING, found, advice)


def wrong(found: str, advice: str) -> Finding:
    """It has to be mended."""
    return Finding(State.WRONG, found, advice)


def not_checked(why: str, advice: str | None = None) -> Finding:
    """Nothing is known."""
    return Finding(State.NOT_CHECKED, why, advice)


async def examine(checks: Sequence[Check], seconds: float = CHECK_SECONDS) -> list[tuple[str, Finding]]:
    """Every finding under its check's name, in the order of the checks; a check comes after what it needs."""
    running: dict[str, asyncio.Task[Sequence[Finding]]] = {}
    for check in checks:
        before = {name: running[name] for name in check.needs}
        running[check.name] = asyncio.create_task(_outcome(check, before, seconds))
    return [(name, finding) for name, task in running.items() for finding in await task]


async def _outcome(
    check: Check, before: Mapping[str, asyncio.Task[Sequence[Finding]]], seconds: float
) -> Sequence[Finding]:
    if unset := [name for name in check.variables if not os.environ.get(name, "").strip()]:
        return [not_checked(f"to have it checked, set {', '.join(unset)}")]
    for name, task in before.items():
        if any(one.state is State.WRONG for one in await task):
            return [not_checked(f"{name} is wrong, see there")]
    try:
        async with asyncio.timeout(seconds):
            return await check.look()
    except Failure as failure:
        return [wrong(failure.what, failure.advice)]
    except TimeoutError:
        where = f" ({check.variables[0]})" if check.variables else ""
        advice = f"See that it runs, and that this machine may reach it{where}."
        return [wrong(f"no answer within {seconds:g} s", advice)]
    except Exception as error:
        found = f"the check itself failed ({type(error).__name__}: {explained(error)})"
        return [wrong(found, f"Look at it by hand; this is an error of proactivectl in its check {check.name!r}.")]
