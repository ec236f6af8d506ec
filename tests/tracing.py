"""OpenTelemetry lets a process set its tracer provider once; here each test may be a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.util._once import Once

from services.kernel import telemetry
from services.kernel.settings import Settings

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def traced(**settings: str) -> Iterator[None]:
    """Tracing as a process with these settings has it, from its start to its end."""
    _forget()
    provider = telemetry.start_tracing(Settings.model_validate(settings))
    try:
        yield
    finally:
        provider.shutdown()
        _forget()


def _forget() -> None:
    trace._TRACER_PROVIDER_SET_ONCE = Once()
    trace._TRACER_PROVIDER = None
    vars(telemetry.tracer)["_real_tracer"] = None
