"""Trace ids are made and passed on without any collector, and sent where one is configured."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from services.kernel.telemetry import current_trace_id, current_traceparent, span
from tests.tracing import PARENT, traced


def test_outside_a_span_there_is_no_trace() -> None:
    assert current_traceparent() is None
    assert current_trace_id() is None


def test_a_trace_is_continued_from_its_traceparent() -> None:
    with traced(), span("handler", traceparent=PARENT):
        assert current_trace_id() == "0af7651916cd43dd8448eb211c80319c"
        inner = current_traceparent()
        assert inner is not None
        assert inner != PARENT
        with span("part"):
            assert current_trace_id() == "0af7651916cd43dd8448eb211c80319c"
    assert current_traceparent() is None


@pytest.mark.parametrize("parent", [None, "", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_without_a_good_parent_a_trace_begins(parent: str | None) -> None:
    with traced():
        with span("handler", traceparent=parent):
            first = current_trace_id()
        with span("handler", traceparent=parent):
            assert first
            assert current_trace_id() != first


class Collector(BaseHTTPRequestHandler):
    received: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).received.append((self.path, self.headers.get("x-tenant"), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing on standard error."""


def test_spans_are_sent_where_an_endpoint_is_configured() -> None:
    Collector.received = []
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        with traced(otlp_endpoint=address, otlp_headers="x-tenant=liaison"), span("POST /v1/challenges"):
            pass
        server.shutdown()
        thread.join()
    ((path, tenant, body),) = Collector.received
    assert (path, tenant) == ("/v1/traces", "liaison")
    assert b"POST /v1/challenges" in body
