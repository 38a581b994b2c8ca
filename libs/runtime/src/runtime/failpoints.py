"""Places where a test lets a process die, wait or fail; nothing happens unless PROACTIVE_FAILPOINTS names them."""

import asyncio
import os
import signal

VARIABLE = "PROACTIVE_FAILPOINTS"


class FailpointReached(Exception):
    """The environment asked for a failure here."""


async def reach(name: str) -> None:
    """
    Do what PROACTIVE_FAILPOINTS asks for at `name`: `name:kill`, `name:sleep:<seconds>` or `name:fail`.

    Several are separated by commas. Unset, this costs one look-up in the environment.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted:
        await _act(name, wanted)


async def _act(name: str, wanted: str) -> None:
    for entry in wanted.split(","):
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
