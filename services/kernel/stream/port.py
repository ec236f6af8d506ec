"""A service is a function from a batch of events to effects and new events; no carrier is known here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.journal.event import Event

if TYPE_CHECKING:
    from services.kernel.stream.processor import Processor

Plan = Callable[[AsyncSession], Awaitable[None]]
"""Writes rows and appends events inside one transaction. Short: everything slow was done in `prepare`."""


@dataclass(frozen=True, slots=True)
class Step:
    """Effects that need not wait for the rest of the work, which goes on once they are written.

    `plan` runs in a transaction of its own, fenced like the last one; the events are not done with it. When
    the rest is cut short, all of it comes again: what was written must then be found as it is.
    """

    plan: Plan
    rest: Callable[[], Awaitable[Plan]]


class Rejected(Exception):
    """The event itself is wrong, and no further try can help: it goes to the dead letters at once.

    It is the sender's fault, so it does not count towards the flood that halts a consumer. The message is
    the reason that people read; it must not quote the event's data.
    """


class Handler(Protocol):
    """What a domain room gives the kernel to have events handled.

    `prepare` computes (models, vector searches, reads in transactions of its own) and returns a plan;
    the kernel runs the plan in the transaction that also records that these events are done. `prepare`
    may run again for the same events: whatever it does outside the database must be idempotent. It raises
    `TransientError` when something outside is down (tried again until it is back), `Rejected` when the
    event is wrong; any other exception counts against the event and ends in the dead letters after
    bounded tries.
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

    async def prepare(self, events: Sequence[Event]) -> Plan | Step: ...


class Stream(Protocol):
    """Carries events to processors. Two adapters: `journal` and `kafka`."""

    async def run(self, processors: Sequence[Processor]) -> None:
        """Carry until `stop` is called; outages of the carrier and of the database are waited through."""

    async def stop(self) -> None:
        """Let the batches in hand end, hand back the leases; returns when `run` is over."""

    async def lag(self) -> dict[str, int]:
        """Per service: how many events of its types wait to be handled."""

    async def unfinished(self) -> dict[str, tuple[int, int]]:
        """Per service that works in this process now: how many events wait for this process to handle them,
        and a number that changes whenever it gets anywhere (or meets an outage). Services that are halted, or
        whose turn another process has, are left out. Raises `TransientError`."""

    def trouble(self) -> str | None:
        """What keeps it from carrying at present, in a sentence; None when all is well."""
