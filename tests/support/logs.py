"""What a process would log, read by tests."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from types import ModuleType
from unittest.mock import patch

import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

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


@contextmanager
def logged_by(module: ModuleType) -> Iterator[list[EventDict]]:
    """What `module` logs, whichever test configured logging in this process before."""
    structlog.reset_defaults()
    with patch.object(module, "log", structlog.get_logger()), capture_logs() as logs:
        yield logs
