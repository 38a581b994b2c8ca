"""Spans as OpenTelemetry records them; imported by runtime.tracing, and only where traces are sent."""

import asyncio
import os
from contextvars import ContextVar, Token
from types import SimpleNamespace

import aiohttp
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from runtime.spans import Carried, Kind, Span

_NAMES = {
    "message_id": "proactive.message_id",
    "workspace_id": "proactive.workspace_id",
    "channel": "proactive.channel",
}

_wanted: ContextVar[int | None] = ContextVar("wanted_trace_id", default=None)


class _Ids(RandomIdGenerator):
    """The first span of a message's trace gets the trace id that everybody derives from the message."""

    def generate_trace_id(self) -> int:
        return _wanted.get() or super().generate_trace_id()


class OtelTracer:
    """runtime.spans.Tracer. Where to, how much and under which name is OpenTelemetry's own environment's to say."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("proactive")

    def span(self, name: str, parent: str | None, kind: Kind, about: object, attributes: dict[str, str]) -> "OtelSpan":
        """A span that has begun."""
        told = dict(attributes)
        for field, key in _NAMES.items():
            if (value := getattr(about, field, None)) is not None:
                told[key] = str(value)
        above = _above(parent)
        token = _wanted.set(None if above.is_valid else _trace_id(parent))
        try:
            inside = trace.set_span_in_context(NonRecordingSpan(above), contexts.Context())
            return OtelSpan(self._tracer.start_span(name, inside, SpanKind[kind.value], told))
        finally:
            _wanted.reset(token)

    def of_calls(self) -> aiohttp.TraceConfig:
        """As in runtime.tracing; URLs hold accounts, people and passwords."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._call_begins)
        config.on_request_end.append(_call_answered)
        config.on_request_exception.append(_call_failed)
        return config

    async def _call_begins(
        self, _session: aiohttp.ClientSession, call: SimpleNamespace, told: aiohttp.TraceRequestStartParams
    ) -> None:
        call.span = None
        if trace.get_current_span().get_span_context().is_valid:
            attributes = {"http.request.method": told.method, "server.address": told.url.host or ""}
            call.span = self.span(f"{told.method} {told.url.host}", None, Kind.CLIENT, None, attributes)

    def close(self) -> None:
        """Send what was not sent yet, for some seconds at most."""
        self._provider.shutdown()


class OtelSpan(Span):
    """A span that is recorded."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._token: Token[contexts.Context] | None = None

    def __enter__(self) -> "OtelSpan":
        """Make it the present span."""
        self._token = contexts.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._token is not None:
            contexts.detach(self._token)
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """As in runtime.spans."""
        if error is not None:
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    def answered(self, status: int) -> None:
        """A call's HTTP status; the call is over."""
        self._span.set_attribute("http.response.status_code", status)
        if status >= 400:
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    def end_with(self, future: "asyncio.Future[None]") -> None:
        """As in runtime.spans."""
        future.add_done_callback(lambda done: self.end(None if done.cancelled() else done.exception()))

    def carry(self, event: Carried) -> Carried:
        """As in runtime.spans."""
        return event.model_copy(update={"traceparent": self.traceparent(None)})

    def traceparent(self, otherwise: str | None) -> str:
        """As in runtime.spans."""
        here = self._span.get_span_context()
        return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"


def tracer(service: str) -> OtelTracer:
    """Sends by OTLP over HTTP, in a thread of its own."""
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or service})
    provider = TracerProvider(resource=resource, id_generator=_Ids())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OtelTracer(provider)


async def _call_answered(
    _session: aiohttp.ClientSession, call: SimpleNamespace, told: aiohttp.TraceRequestEndParams
) -> None:
    if call.span is not None:
        call.span.answered(told.response.status)


async def _call_failed(
    _session: aiohttp.ClientSession, call: SimpleNamespace, told: aiohttp.TraceRequestExceptionParams
) -> None:
    if call.span is not None:
        call.span.end(told.exception)


def _trace_id(traceparent: str | None) -> int | None:
    return None if traceparent is None else int(traceparent[3:35], 16)


def _above(parent: str | None) -> SpanContext:
    """The present span, unless it is of another trace; else the parent, unless nobody made it."""
    present = trace.get_current_span().get_span_context()
    if parent is None or (present.is_valid and present.trace_id == _trace_id(parent)):
        return present
    if parent[3:19] == parent[36:52]:  # proactive_contracts.envelope.traceparent_of
        return trace.INVALID_SPAN_CONTEXT
    trace_id, span_id, flags = (int(part, 16) for part in parent.split("-")[1:4])
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
