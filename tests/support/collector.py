"""A collector of traces of the tests' own: it takes OTLP over HTTP and keeps every span."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Collected:
    """One span; `parent` is empty for the first of its trace."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, str]


class Collector:
    """What was sent to it so far; `url` is the one to set as OTEL_EXPORTER_OTLP_ENDPOINT."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.spans: list[Collected] = []
        self.raw = b""

    def take(self, body: bytes) -> None:
        """Keep one export."""
        self.raw += body
        for of_service in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {one.key: one.value.string_value for one in of_service.resource.attributes}
            for scope in of_service.scope_spans:
                for span in scope.spans:
                    attributes = {one.key: str(one.value.string_value) for one in span.attributes}
                    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                    self.spans.append(Collected(names["service.name"], span.name, *ids, attributes))

    def of(self, message_id: str, *, until: set[str], seconds: float = 20) -> list[Collected]:
        """All spans of the traces of a message, once they have all these names."""
        ends = time.monotonic() + seconds
        while True:
            spans = list(self.spans)
            traces = {one.trace for one in spans if one.attributes.get("proactive.message_id") == message_id}
            found = [one for one in spans if one.trace in traces]
            if until <= {one.name for one in found}:
                return found
            assert time.monotonic() < ends, f"never came: {until - {one.name for one in found}}"
            time.sleep(0.1)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
