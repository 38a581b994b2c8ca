"""Logs: one line an event, JSON outside a terminal, without secrets, texts or whole phone numbers."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar, Token
from functools import partial
from typing import Any, TextIO
from uuid import UUID

import structlog

_PHONE = re.compile(
    r"(?:\+|%2[Bb])[0-9](?:[ ().-]{0,2}[0-9]){6,14}"  # with its plus sign, also in URLs, also with separators
    r"|(?<![0-9A-Za-z-])[0-9]{7,15}(?![0-9A-Za-z-])"  # digits that are no part of a longer id
)
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+(?=@)")
_PLAIN_FIELDS = frozenset({"timestamp", "conversation_id", "admin_id"})
"""Intercom numbers them: hidden, they would be of no use, and no phone number stands there."""
_SECRET_FIELDS = frozenset({"text", "body", "token", "secret", "password", "authorization", "credentials", "content"})


_ABOUT: ContextVar["_About | None"] = ContextVar("about", default=None)

_structured_traceback = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # they hold what must not be logged
)


def masked(phone: str) -> str:
    """A phone number as logs may show it: its last four digits."""
    return f"***{phone[-4:]}"


def without_numbers(words: str) -> str:
    """Words of somebody else's with the phone numbers in them masked, and passwords of addresses left out."""
    if "://" in words:
        words = _PASSWORD.sub(r"\1:***", words)
    return _PHONE.sub(_masked_match, words)


def configure(service: str, level: str, format: str) -> None:  # noqa: A002  named like its setting
    """Set up structlog and the standard library's logging: to stderr, `auto` is console in a terminal, else JSON."""
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        _add_about,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service(service),
        _structured_traceback if not console else structlog.processors.format_exc_info,
        _mask,
    ]
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if console:
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=partial(_Lines, sys.stderr),
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
    handler.addFilter(_keep_objects_out)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in ("aio_pika", "aiormq", "aiohttp", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)  # aio_pika prints whole messages at DEBUG
    logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)  # our own line tells of each lost connection


def get_logger() -> structlog.stdlib.BoundLogger:
    """The logger of a module; events are named `noun_verb_past`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()
    return logger


def about(workspace_id: str, message_id: UUID | None, traceparent: str | None) -> "_About":
    """While this context lasts, every line tells which message it is about, and by which trace that is found."""
    return _About(workspace_id, message_id, traceparent)


class _About:
    """Entered for each message: a context of structlog's own takes ten times as long."""

    __slots__ = ("_message_id", "_token", "_traceparent", "_workspace_id")

    def __init__(self, workspace_id: str, message_id: UUID | None, traceparent: str | None) -> None:
        self._workspace_id = workspace_id
        self._message_id = message_id
        self._traceparent = traceparent

    def __enter__(self) -> None:
        self._token: Token[_About | None] = _ABOUT.set(self)

    def __exit__(self, *_: object) -> None:
        _ABOUT.reset(self._token)

    def fields(self) -> dict[str, str]:
        """What its lines say."""
        found = {"workspace_id": self._workspace_id}
        if self._message_id is not None:
            found["message_id"] = str(self._message_id)
        if self._traceparent is not None:
            found["trace_id"] = self._traceparent[3:35]
        return found


class _Lines:
    """Writes our events past the standard library, at two thirds of its time."""

    def __init__(self, stream: TextIO, *_: object) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write one; that there is no room, or nobody to read it, must not fail what it tells of."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def _keep_objects_out(record: logging.LogRecord) -> bool:
    """The AMQP client prints whole messages, texts included, when it meets one that it did not expect."""
    if record.name.startswith(("aio_pika", "aiormq")) and isinstance(record.args, tuple):
        record.args = tuple(arg if isinstance(arg, str | int | float) else type(arg).__name__ for arg in record.args)
    return True


def _add_about(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    known = _ABOUT.get()
    return event if known is None else {**known.fields(), **event}


def _add_service(service: str) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The second wall: code should not log personal data in the first place."""
    for key, value in event.items():
        event[key] = _mask_field(key, value)
    return event


def _mask_field(key: object, value: Any) -> Any:
    if key in _SECRET_FIELDS:
        return "[hidden]"
    return value if key in _PLAIN_FIELDS else _mask_value(value)


def _mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return without_numbers(value)
    if isinstance(value, dict):
        return {key: _mask_field(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_value(inner) for inner in value]
    return value


def _masked_match(match: re.Match[str]) -> str:
    return masked(re.sub(r"[^0-9]", "", match.group()))
