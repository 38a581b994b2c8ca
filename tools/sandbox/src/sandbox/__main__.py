"""`python -m sandbox`: serve the sandbox on this machine until SIGTERM or Ctrl-C."""

import asyncio
import logging
import os
import signal
import sys

from aiohttp import web

from sandbox.app import create_app
from sandbox.settings import Settings, SettingsError, read_settings
from sandbox.snapshot import SnapshotError

# Only calls that are made to be slow are cut off.
_STOP_SECONDS = 0.5


def main() -> int:
    """The exit code: 0 after a stop that was asked for, 1 where the port is taken, 2 for bad settings."""
    # Each try to reach a broker that is away; the page says so once.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    try:
        settings = read_settings(os.environ)
        asyncio.run(_serve(settings))
    except (SettingsError, SnapshotError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"sandbox: cannot listen: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, stop.set)
    runner = web.AppRunner(await create_app(settings), access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        port = runner.addresses[0][1]
        print(f"sandbox: the page is at http://{settings.host}:{port}/", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
