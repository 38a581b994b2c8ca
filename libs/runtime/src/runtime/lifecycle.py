"""Start and stop: resources enter one stack and leave it in reverse when a signal comes."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from runtime.logs import get_logger

_COLLECT_AFTER = (20_000, 20, 20)
"""Objects, and younger collections. Python's own 700 would look at each message's objects several times."""

Main = Callable[[AsyncExitStack, "Stopping"], Awaitable[None]]

log = get_logger()


class Stopping:
    """Set once SIGTERM or SIGINT came."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def request(self) -> None:
        """Ask the process to stop."""
        self._event.set()

    async def wait(self) -> None:
        """Return once the process is asked to stop."""
        await self._event.wait()


def run(main: Main) -> int:
    """
    Run a service until a signal, on uvloop where it is installed; the exit code is 0 after a clean stop, else 1.

    `main` enters its resources on the stack and then awaits `Stopping.wait()`; the stack is left after it returned.
    """
    gc.freeze()  # what was imported stays for good
    gc.set_threshold(*_COLLECT_AFTER)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_guarded(main))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:  # not there on Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _guarded(main: Main) -> int:
    stopping = Stopping()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.request)
    try:
        async with AsyncExitStack() as stack:
            starting = asyncio.ensure_future(main(stack, stopping))
            asked = asyncio.ensure_future(stopping.wait())
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            await _settle(starting)
            asked.cancel()
            log.info("process_stopping")
    except Exception:
        log.exception("process_failed")
        return 1
    log.info("process_stopped")
    return 0


async def _settle(starting: "asyncio.Future[None]") -> None:
    """A signal during the start must not wait for a database that never answers; afterwards `main` ends by itself."""
    if not starting.done():
        await asyncio.wait({starting}, timeout=0.5)
    if not starting.done():
        starting.cancel()
    with suppress(asyncio.CancelledError):
        await starting
