"""A service is a function from a batch of events to effects and new events; no carrier is known here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.journal.event import Event

Plan = Callable[[AsyncSession], Awaitable[None]]
"""Writes rows and appends events inside one transaction. Short: everything slow was done in `prepare`."""


class Handler(Protocol):
    """What a domain room gives the kernel to have events handled.

    `prepare` computes (models, vector searches, reads in transactions of its own) and returns a plan;
    the kernel runs the plan in the transaction that also records that these events are done. `prepare`
    may run again for the same events: whatever it does outside the database must be idempotent. It raises
    `TransientError` when something outside is down (tried again until it is back); any other exception
    counts against the event and ends in the dead letters after bounded tries.
    """

    @property
    def name(self) -> str:
        """Unique; names the cursor, the lease, the consumer group and the metrics."""

    @property
    def consumes(self) -> frozenset[str]:
        """Event types handled."""

    @property
    def batch(self) -> int:
        """Most events handed over at once."""

    async def prepare(self, events: Sequence[Event]) -> Plan: ...
