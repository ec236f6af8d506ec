"""Every metric of the courier, by name. Outcomes of one endpoint are in its delivery log, not in a label."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from services.kernel.metrics import REGISTRY

ATTEMPTS = Counter(
    "liaison_courier_attempts_total",
    "Webhook requests made, by what came of them (answered, timeout, gone, ...).",
    ["outcome"],
    registry=REGISTRY,
)
ATTEMPT_SECONDS = Histogram(
    "liaison_courier_attempt_seconds",
    "Seconds from the start of a webhook request to the end of its answer, or to its failure.",
    # From a receiver next door to the longest that is waited for one.
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("liaison_courier_requests_in_flight", "Webhook requests under way.", registry=REGISTRY)
ENDPOINTS = Gauge(
    "liaison_courier_endpoints_served", "Endpoints that this courier serves now.", registry=REGISTRY
)
BREAKERS_OPEN = Gauge(
    "liaison_courier_breakers_open",
    "Endpoints that do not answer and get one request at a time.",
    registry=REGISTRY,
)
OLDEST_DUE = Gauge(
    "liaison_courier_oldest_due_seconds",
    "How long the webhook waits that is longest due, over all endpoints that are on, as the database has it.",
    registry=REGISTRY,
)
DUE = Gauge(
    "liaison_courier_messages_due",
    "Messages whose time has come, as the database has them; those of endpoints that are off included.",
    registry=REGISTRY,
)
ENDPOINTS_OFF = Gauge(
    "liaison_courier_endpoints_off",
    "Endpoints that were switched off and wait for their owner, as the database has them.",
    registry=REGISTRY,
)
SWITCHED_OFF = Counter(
    "liaison_courier_endpoints_switched_off_total",
    "Endpoints switched off, by why (gone: HTTP 410, silent: days without one success).",
    ["reason"],
    registry=REGISTRY,
)
