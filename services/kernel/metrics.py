"""Every metric of the kernel, by name. Labels have few values: services, kinds; never an entity or a tenant.

The rooms register theirs in the same registry, which the gateway exposes in Prometheus' text format.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
"""Ours alone: nothing that a library registers globally gets into it."""

HANDLED = Counter(
    "liaison_events_handled_total",
    "Events whose effects are committed.",
    ["service"],
    registry=REGISTRY,
)
FAILED = Counter(
    "liaison_events_failed_total",
    "Attempts to handle a batch that failed. kind: transient (tried until it is back), error (counted).",
    ["service", "kind"],
    registry=REGISTRY,
)
DEAD_LETTERED = Counter(
    "liaison_events_dead_lettered_total",
    "Events that could not be handled and wait for a human in the dead letters.",
    ["service"],
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "liaison_dead_letters_open",
    "Dead letters that nobody has redriven or discarded yet, as the database has them.",
    ["service"],
    registry=REGISTRY,
)
LAG = Gauge(
    "liaison_stream_lag_events",
    "Events of a service's types that it has not handled yet.",
    ["service"],
    registry=REGISTRY,
)
HALTED = Gauge(
    "liaison_consumer_halted",
    "1 while the service's consumer is halted, after a flood of failures or by an operator.",
    ["service"],
    registry=REGISTRY,
)
HANDLED_SECONDS = Histogram(
    "liaison_event_handled_seconds",
    "Seconds from the time of the event to the commit of its effects.",
    ["service"],
    # From a millisecond (embedded, idle) to an hour (catching up after an outage).
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
    registry=REGISTRY,
)
SEQUENCED = Counter(
    "liaison_journal_sequenced_total",
    "Journal entries given their position by the sequencer of this process (PostgreSQL).",
    registry=REGISTRY,
)
UNSEQUENCED = Gauge(
    "liaison_journal_unsequenced_entries",
    "Committed journal entries that wait for their position, as the database has them (PostgreSQL).",
    registry=REGISTRY,
)
UNSEQUENCED_SECONDS = Gauge(
    "liaison_journal_unsequenced_oldest_seconds",
    "How long the oldest of them waits, 0 when none does. No handler sees an entry without a position.",
    registry=REGISTRY,
)
EMBEDDED = Counter(
    "liaison_embedded_texts_total",
    "Texts turned into vectors. source: model (computed), memory, database (kept from an earlier time).",
    ["source"],
    registry=REGISTRY,
)
WITHOUT_VECTOR = Gauge(
    "liaison_without_vector",
    "Active profiles and open challenges that cannot be found: they lack vectors. Alarm above 0.",
    registry=REGISTRY,
)
READY = Gauge(
    "liaison_ready",
    "Whether this part of the process can do its work as it is asked: 1 or 0, as /health/ready says.",
    ["part"],
    registry=REGISTRY,
)
DISK_SIZE = Gauge(
    "liaison_data_disk_size_bytes",
    "Size of the file system that LIAISON_DATA_DIR lies on.",
    registry=REGISTRY,
)
DISK_FREE = Gauge(
    "liaison_data_disk_free_bytes",
    "What is free on it for this process.",
    registry=REGISTRY,
)
