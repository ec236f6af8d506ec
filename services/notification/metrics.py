"""Every metric of notification, by name."""

from __future__ import annotations

from prometheus_client import Gauge

from services.kernel.metrics import REGISTRY

WAITING = Gauge(
    "liaison_digest_events_waiting",
    "Events that wait for the digests of their subscriptions, as the database has them.",
    registry=REGISTRY,
)
OVERDUE = Gauge(
    "liaison_digest_overdue_seconds",
    "How long the digest is late that is longest due, 0 when none is: they are sent once a minute.",
    registry=REGISTRY,
)
