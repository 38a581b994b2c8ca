"""`python -m status_tracker`."""

import sys
from functools import partial

from runtime import lifecycle, logs, tracing
from runtime.settings import load
from status_tracker.app import NAME, main
from status_tracker.settings import Settings


def run() -> int:
    """Run the service until it is told to stop; returns the exit code."""
    settings = load(Settings)
    logs.configure(NAME, settings.log_level, settings.log_format)
    with tracing.exporting(NAME):
        return lifecycle.run(partial(main, settings))


if __name__ == "__main__":
    sys.exit(run())
