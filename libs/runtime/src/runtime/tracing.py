"""
Traces, where the extra `otel` is installed and told where to send them; nothing is imported or made otherwise.

Which trace something belongs to is said by the events' own traceparent, with OpenTelemetry and without.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import aiohttp

from proactive_contracts.envelope import Event, trace_of
from runtime.logs import get_logger
from runtime.spans import Kind, Span, Tracer

log = get_logger()


_NOTHING = Span()
_tracer: Tracer | None = None


def span(name: str, parent: str | None, about: object) -> Span:
    """
    A step of the trace of `parent`, below the present span where that is of the same trace.

    `about`: whose message_id, workspace_id and channel it is shown by.
    """
    return _NOTHING if _tracer is None else _tracer.span(name, parent, Kind.INTERNAL, about, {})


def sending(event: Event[Any], exchange: str, key: str) -> Span:
    """One publish of an event."""
    if _tracer is None:
        return _NOTHING
    where = {"messaging.destination.name": exchange, "messaging.rabbitmq.destination.routing_key": key}
    attributes = where | _messaging("send", event)
    return _tracer.span(f"send {exchange}", event.traceparent, Kind.PRODUCER, event.data, attributes)


def processing(event: Event[Any], queue: str) -> Span:
    """What is done about an event that came from a queue."""
    if _tracer is None:
        return _NOTHING
    attributes = {"messaging.destination.name": queue} | _messaging("process", event)
    return _tracer.span(f"process {queue}", trace_of(event), Kind.CONSUMER, event.data, attributes)


def of_calls() -> Sequence[aiohttp.TraceConfig]:
    """For a client: a span for each of its calls that is made within a span, by method and host, never by its URL."""
    return [] if _tracer is None else [_tracer.of_calls()]


@contextmanager
def exporting(service: str) -> Iterator[None]:
    """Record spans as `service` and send them meanwhile, where the environment wants that (docs/deploy.md)."""
    global _tracer
    _tracer = _made(service) if _is_wanted() else None
    try:
        yield
    finally:
        closing, _tracer = _tracer, None
        if closing is not None:
            closing.close()


def _made(service: str) -> Tracer | None:
    try:
        import runtime.otel as otel
    except ImportError:
        log.warning("traces_not_sent", detail="OpenTelemetry is not installed; install proactive-runtime[otel]")
        return None
    return otel.tracer(service)


def _messaging(operation: str, event: Event[Any]) -> dict[str, str]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.message.id": str(event.id),
    }


def _is_wanted() -> bool:
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "")
    address = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none" or not (exporter or address):
        return False
    if exporter not in {"", "otlp"}:
        log.warning("traces_not_sent", detail="OTEL_TRACES_EXPORTER is neither otlp nor none; set it to otlp")
        return False
    return True
