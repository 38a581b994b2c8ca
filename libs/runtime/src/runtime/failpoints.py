"""Places where a test lets a process die, wait or fail; nothing happens unless PROACTIVE_FAILPOINTS names them."""

import asyncio
import os
import signal

VARIABLE = "PROACTIVE_FAILPOINTS"
WANTED = os.environ.get(VARIABLE, "")


class FailpointReached(Exception):
    """The environment asked for a failure here."""


async def reach(name: str) -> None:
    """
    Do what PROACTIVE_FAILPOINTS asks for at `name`: `name:kill`, `name:sleep:<seconds>` or `name:fail`.

    Several are separated by commas. The environment is read once, when the process starts.
    """
    if WANTED:
        await _act(name)


async def _act(name: str) -> None:
    for entry in WANTED.split(","):
        point, _, action = entry.strip().partition(":")
        if point != name:
            continue
        verb, _, argument = action.partition(":")
        if verb == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif verb == "sleep":
            await asyncio.sleep(float(argument))
        else:
            raise FailpointReached(name)
