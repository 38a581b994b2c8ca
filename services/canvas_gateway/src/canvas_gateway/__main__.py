"""`python -m canvas_gateway`: serve the panel until SIGTERM or SIGINT."""

import sys

from canvas_gateway.app import NAME, serve_panels
from canvas_gateway.settings import GatewaySettings
from runtime import lifecycle, logs, settings, tracing


def main() -> int:
    """Read the settings, then serve; the exit code is 0 after a clean stop, 2 for wrong settings, else 1."""
    told = settings.load(GatewaySettings)
    logs.configure(NAME, told.log_level, told.log_format)
    with tracing.exporting(NAME):
        return lifecycle.run(lambda stack, stopping: serve_panels(told, stack, stopping))


if __name__ == "__main__":
    sys.exit(main())
