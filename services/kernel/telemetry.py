"""Traces: one from the POST to the webhook. Ids are always made and passed on; spans leave the process only
where an OTLP endpoint is configured.

Logs are made in `services.kernel.logs`, metrics in `services.kernel.metrics`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.kernel.settings import Settings

_PROPAGATOR = TraceContextTextMapPropagator()
tracer = trace.get_tracer("liaison")
"""Follows whichever provider `start_tracing` installs."""


def current_traceparent() -> str | None:
    """The W3C `traceparent` of the running span, or None outside any."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """The running trace's id, 32 hex digits, or None outside any."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None


@contextmanager
def span(
    name: str,
    *,
    traceparent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> Iterator[Span]:
    """Run the block in a span; given a `traceparent`, the span continues that trace, else the running one.

    A malformed `traceparent` begins a new trace. An exception is recorded on the span and passed on.
    """
    context = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
    with tracer.start_as_current_span(name, context, kind, attributes) as running:
        yield running


def start_tracing(settings: Settings, *, process: str = "serve") -> TracerProvider:
    """Install the process's tracer provider, once. Close it with `shutdown()`: that sends what is left.

    Without an OTLP endpoint nothing is collected or sent; trace ids are made all the same.
    """
    resource = Resource.create(
        {"service.name": "liaison", "service.version": version("liaison"), "liaison.process": process}
    )
    sampler = ParentBased(TraceIdRatioBased(settings.trace_share))
    provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
    if settings.otlp_endpoint:
        # Imported here: it brings requests and protobuf, which nobody else needs at the start.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
        pairs = (pair.partition("=") for pair in headers.split(",") if pair.strip())
        exporter = OTLPSpanExporter(
            endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces",
            headers={name.strip(): value.strip() for name, _, value in pairs},
        )
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider
