"""Metrics of HTTP, in the kernel's registry. Labels are routes as declared, never addresses as asked."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from services.kernel.metrics import REGISTRY

REQUESTS = Counter(
    "liaison_http_requests_total",
    "Requests answered, by route and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "liaison_http_seconds",
    "Seconds until the answer began.",
    ["method", "route"],
    # From a cached read to a request that is given up.
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
STREAMS = Gauge("liaison_streams_open", "Live streams (SSE) held open.", registry=REGISTRY)
STREAM_EVENTS = Counter("liaison_stream_events_sent_total", "Events sent on live streams.", registry=REGISTRY)
STREAMS_CUT = Counter(
    "liaison_streams_cut_total", "Live streams cut because their reader stalled.", registry=REGISTRY
)
