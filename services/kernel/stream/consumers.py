"""Whether a service's consumer runs or is halted, for operators and for the consumers themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import wake_after_commit
from services.kernel.stream.model import ConsumerState
from services.kernel.upsert import insert_or

CONTROL = "stream.control"
"""Wake-up topic: a consumer was halted or resumed, or a redrive was asked for."""

RUNNING = "running"
HALTED = "halted"


class Halted(Exception):
    """The consumer stands still until an operator resumes it; the event at hand is not done."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"{service} is halted: {reason}")


@dataclass(frozen=True, slots=True)
class Consumer:
    service: str
    state: str
    reason: str
    since: datetime


async def halt(tx: AsyncSession, service: str, reason: str, *, now: datetime) -> None:
    """Let the consumer stop after the batch in hand, wherever it runs."""
    await _set(tx, service, HALTED, reason, now)


async def resume(tx: AsyncSession, service: str, *, now: datetime) -> None:
    """Let it go on with the event at which it stopped; what failed before counts no more as a flood."""
    await _set(tx, service, RUNNING, "", now)


async def consumers(tx: AsyncSession) -> list[Consumer]:
    """Every consumer that was ever halted, with its state."""
    rows = (await tx.execute(select(ConsumerState.__table__).order_by(ConsumerState.service))).all()
    return [Consumer(row.service, row.state, row.reason, row.since) for row in rows]


async def _set(tx: AsyncSession, service: str, state: str, reason: str, now: datetime) -> None:
    values = {"state": state, "reason": reason, "since": now}
    await tx.execute(
        insert_or(tx, ConsumerState)
        .values(service=service, **values)
        .on_conflict_do_update(index_elements=[ConsumerState.service], set_=values)
    )
    wake_after_commit(tx, CONTROL)
