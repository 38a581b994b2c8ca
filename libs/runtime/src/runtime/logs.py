"""Logs: one line an event, JSON outside a terminal, without secrets, texts or whole phone numbers."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_PHONE = re.compile(r"\+?(?<![0-9A-Za-z-])[0-9]{7,15}(?![0-9A-Za-z-])")
_SECRET_FIELDS = frozenset({"text", "body", "token", "secret", "password", "authorization", "credentials", "content"})


def masked(phone: str) -> str:
    """A phone number as logs may show it: its last four digits."""
    return f"***{phone[-4:]}"


def configure(service: str, level: str, format: str) -> None:  # noqa: A002  named like its setting
    """Set up structlog and the standard library's logging: to stderr, `auto` is console in a terminal, else JSON."""
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service(service),
        structlog.processors.dict_tracebacks if not console else structlog.processors.format_exc_info,
        _mask,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in ("aio_pika", "aiormq", "aiohttp", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)  # aio_pika prints whole messages at DEBUG


def get_logger() -> structlog.stdlib.BoundLogger:
    """The logger of a module; events are named `noun_verb_past`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()
    return logger


def _add_service(service: str) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The second wall: code should not log personal data in the first place."""
    for key, value in event.items():
        if key in _SECRET_FIELDS:
            event[key] = "[hidden]"
        elif key != "timestamp":
            event[key] = _mask_value(value)
    return event


def _mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return _PHONE.sub(lambda match: masked(match.group()), value)
    if isinstance(value, dict):
        return {key: _mask_value(inner) for key, inner in value.items() if key != "locals"}
    if isinstance(value, list | tuple):
        return [_mask_value(inner) for inner in value]
    return value
