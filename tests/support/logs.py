"""What a process would log, read by tests."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import structlog

from runtime.logs import configure


@contextmanager
def captured_logs(format: str = "json") -> Iterator[io.StringIO]:  # noqa: A002  named like its setting
    """Configure logging as a service does, yield what is written, and put everything back as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    said = io.StringIO()
    with redirect_stderr(said):
        configure("testing", "info", format)
    try:
        yield said
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
