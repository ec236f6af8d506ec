"""Traces, logs and metrics: one trace from the POST to the webhook, and no personal data in any of them."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
tracer = trace.get_tracer("liaison")


def current_traceparent() -> str | None:
    """The W3C `traceparent` of the running span, or None outside any."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")
