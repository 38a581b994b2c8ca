"""`python -m status_tracker`."""

import sys
from functools import partial

from runtime import lifecycle, logs
from runtime.settings import load
from status_tracker.app import main
from status_tracker.settings import Settings


def run() -> int:
    """Run the service until it is told to stop; returns the exit code."""
    settings = load(Settings)
    logs.configure("status_tracker", settings.log_level, settings.log_format)
    return lifecycle.run(partial(main, settings))


if __name__ == "__main__":
    sys.exit(run())
