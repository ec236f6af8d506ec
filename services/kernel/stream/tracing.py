"""The span around a handled batch: it goes on with the trace that the event brings along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.trace import Link, SpanKind, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.kernel.journal.event import Event
from services.kernel.telemetry import tracer

_PROPAGATOR = TraceContextTextMapPropagator()


@contextmanager
def handling(service: str, events: Sequence[Event]) -> Iterator[None]:
    """A consumer span under the first event's trace, with links to the traces of the others.

    Of an exception only the type is recorded: its text may quote the event.
    """
    traces = dict.fromkeys(event.traceparent for event in events if event.traceparent)
    contexts = [_PROPAGATOR.extract({"traceparent": trace}) for trace in traces]
    with tracer.start_as_current_span(
        f"{service} handle",
        context=contexts[0] if contexts else None,
        kind=SpanKind.CONSUMER,
        links=[Link(get_current_span(context).get_span_context()) for context in contexts[1:]],
        attributes={
            "liaison.service": service,
            "messaging.batch.message_count": len(events),
            "messaging.message.id": events[0].id,
        },
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
