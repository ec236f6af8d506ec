"""What the courier counts. All its metrics, by name, in one place."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter(
    "liaison_courier_attempts",
    "Webhook requests made, by endpoint and by what came of them; as many series as active endpoints",
    ("endpoint", "outcome"),
)
DURATION = Histogram(
    "liaison_courier_attempt_seconds",
    "Seconds from the start of a webhook request to its status",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
IN_FLIGHT = Gauge("liaison_courier_in_flight", "Webhook requests under way")
LANES = Gauge("liaison_courier_endpoints", "Endpoints served by this courier")
BREAKERS_OPEN = Gauge(
    "liaison_courier_breakers_open", "Endpoints that do not answer and get one request at a time"
)
OLDEST_DUE = Gauge(
    "liaison_courier_oldest_due_seconds",
    "Age of the oldest webhook that is due and not delivered, over all endpoints that are on",
)
