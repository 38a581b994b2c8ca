"""Nothing is traced unless it is wanted; what is traced hangs together by the events' own traceparent."""

import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from proactive_contracts.envelope import trace_of, traceparent_of
from runtime import otel, tracing
from runtime.logs import get_logger
from runtime.otel import OtelTracer, _Ids
from tests.support.logs import captured_logs
from tests.unit.status_tracker.making import make_request

FOREIGN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOT_SAMPLED = FOREIGN[:-2] + "00"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What was recorded, while tracing is on."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(id_generator=_Ids())
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(otel, "tracer", lambda service: OtelTracer(provider))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with tracing.exporting("testing"):
        yield kept


def only(kept: InMemorySpanExporter) -> ReadableSpan:
    (span,) = kept.get_finished_spans()
    return span


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    ],
)
def test_event_is_left_as_it_is_where_no_traces_are_wanted(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    event = make_request()
    with tracing.exporting("testing"), tracing.sending(event, "proactive.requests", "send.sms") as span:
        assert span.carry(event) is event
        assert span.traceparent(FOREIGN) == FOREIGN
        assert tracing.of_calls() == []


def test_services_import_nothing_of_opentelemetry_s() -> None:
    code = (
        "import sys, canvas_gateway.__main__, dispatcher.__main__, status_tracker.__main__\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("exporter", "installed", "said"), [("zipkin", True, "neither otlp nor none"), ("otlp", False, "not installed")]
)
def test_traces_that_cannot_be_sent_are_told_of_once(
    exporter: str, installed: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", exporter)
    if not installed:
        monkeypatch.setitem(sys.modules, "runtime.otel", None)
    with captured_logs() as lines:
        monkeypatch.setattr(tracing, "log", get_logger())
        with tracing.exporting("testing"):
            assert tracing.of_calls() == []
    assert lines.getvalue().count("traces_not_sent") == 1
    assert said in lines.getvalue()


def test_event_that_came_without_a_trace_begins_the_one_that_everybody_derives(spans: InMemorySpanExporter) -> None:
    event = make_request()
    assert event.traceparent is None
    with tracing.processing(event, "history") as span:
        carried = span.carry(event)
    assert trace_id(only(spans)) == traceparent_of(event.data.workspace_id, event.data.message_id)[3:35]
    assert only(spans).parent is None
    assert carried.traceparent == span.traceparent(None)


def test_span_continues_the_event_s_trace_below_the_present_span_of_it(spans: InMemorySpanExporter) -> None:
    event = make_request().model_copy(update={"traceparent": FOREIGN})
    with tracing.processing(event, "history"), tracing.sending(event, "proactive.events", "status.sms"):
        pass
    inner, outer = spans.get_finished_spans()
    assert (trace_id(inner), trace_id(outer)) == (FOREIGN[3:35], FOREIGN[3:35])
    assert outer.parent is not None
    assert f"{outer.parent.span_id:016x}" == FOREIGN[36:52]
    assert outer.context is not None
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id


def test_span_of_another_trace_is_not_put_below_the_present_one(spans: InMemorySpanExporter) -> None:
    event = make_request().model_copy(update={"traceparent": FOREIGN})
    with tracing.processing(make_request(), "history"), tracing.sending(event, "proactive.events", "status.sms"):
        pass
    inner, outer = spans.get_finished_spans()
    assert trace_id(inner) == FOREIGN[3:35]
    assert trace_id(outer) != trace_id(inner)


def test_what_the_sender_did_not_sample_is_not_recorded_and_carried_on_as_such(spans: InMemorySpanExporter) -> None:
    event = make_request().model_copy(update={"traceparent": NOT_SAMPLED})
    with tracing.processing(event, "history") as span:
        carried = trace_of(span.carry(event))
    assert spans.get_finished_spans() == ()
    assert carried is not None
    assert (carried[:35], carried[-2:]) == (NOT_SAMPLED[:35], "00")


def test_error_is_recorded_without_its_words(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret"), tracing.span("write note", FOREIGN, make_request().data):
        raise ValueError("a secret text")
    span = only(spans)
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ValueError"
    assert not span.status.is_ok
    assert "secret" not in span.to_json()


def test_derived_trace_is_the_message_s_own() -> None:
    message_id = UUID(int=7)
    assert traceparent_of("w1", message_id) == traceparent_of("w1", message_id)
    assert traceparent_of("w1", message_id) != traceparent_of("w2", message_id)
    assert traceparent_of("w1", message_id) != traceparent_of("w1", UUID(int=8))
