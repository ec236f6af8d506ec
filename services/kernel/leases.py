"""Leases: who alone may do a thing now, with a fence that keeps out whoever was paused meanwhile.

A lease is a row. Its fence counts up with every change of holder. A holder that was stopped longer than
its lease and wakes up still believes in it; therefore each of its writes checks, in the same transaction,
that the fence is still its own. Expiry by clock only decides when somebody else may try: a skewed clock
costs an early or late change of holder, never a double write.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import BigInteger, ColumnElement, String, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from ulid import ULID

from services.kernel.clock import Clock
from services.kernel.database import Base, Database, Instant
from services.kernel.problems import TransientError
from services.kernel.upsert import insert_or

LEASE_S = 15.0
"""How long a lease lasts without renewal: longer than a busy process is ever silent, short enough that
the death of a host is felt for seconds only."""

RENEW_S = 5.0
"""A third of the lease: two renewals may fail before it runs out."""

ACQUIRE_POLL_S = 1.0
"""How often whoever waits for a lease looks whether it is free."""

log = structlog.get_logger("liaison.leases")
_PROCESS = str(ULID())
"""Tells this process from an earlier one that had the same host name and process id."""


class LeaseRow(Base):
    """One lease. The row stays after release, so that fences only ever rise."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    holder: Mapped[str] = mapped_column(String(255))
    fence: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class LeaseLost(Exception):
    """Another holder has the lease by now: nothing was written, the work is theirs."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the lease {name!r} is held by another process now")


@dataclass(slots=True)
class Lease:
    """A lease as its holder knows it. `lost` is set when a renewal found another holder."""

    name: str
    holder: str
    fence: int
    lost: asyncio.Event = field(default_factory=asyncio.Event)


def new_holder() -> str:
    """A holder's identity: host, process id, process, and a number of its own."""
    return f"{socket.gethostname()}/{os.getpid()}/{_PROCESS}/{ULID()}"


async def acquire(
    tx: AsyncSession, name: str, holder: str, *, now: datetime, ttl_s: float = LEASE_S
) -> Lease | None:
    """Take the lease if it is free, expired, or its holder was a process of this machine that is dead.

    None: somebody else has it.
    """
    current = (await tx.execute(select(LeaseRow.holder).where(LeaseRow.name == name))).scalar()
    free = LeaseRow.expires_at <= now
    if current is not None and _is_dead(current):
        free = or_(free, LeaseRow.holder == current)
    expires_at = now + timedelta(seconds=ttl_s)
    fence = await tx.execute(
        insert_or(tx, LeaseRow)
        .values(name=name, holder=holder, fence=1, expires_at=expires_at)
        .on_conflict_do_update(
            index_elements=[LeaseRow.name],
            set_={"holder": holder, "fence": LeaseRow.fence + 1, "expires_at": expires_at},
            where=or_(free, LeaseRow.holder == holder),
        )
        .returning(LeaseRow.fence)
    )
    given = fence.scalar()
    return None if given is None else Lease(name, holder, given)


async def renew(tx: AsyncSession, lease: Lease, *, now: datetime, ttl_s: float = LEASE_S) -> None:
    """Prolong it. An expired lease that nobody took is still ours. Raises `LeaseLost`."""
    renewed = await tx.execute(
        update(LeaseRow)
        .where(_is(lease.name, lease.fence))
        .values(expires_at=now + timedelta(seconds=ttl_s))
        .returning(LeaseRow.fence)
    )
    if renewed.scalar() is None:
        raise LeaseLost(lease.name)


async def release(tx: AsyncSession, lease: Lease, *, now: datetime) -> None:
    """Give it back; without effect when another has it already."""
    await tx.execute(update(LeaseRow).where(_is(lease.name, lease.fence)).values(expires_at=now))


async def assert_held(tx: AsyncSession, name: str, fence: int) -> None:
    """Raise `LeaseLost` unless `fence` is the present one; nobody can take the lease before `tx` ends.

    Call it last in the transaction: the row is locked from here to the commit.
    """
    held = await tx.execute(select(LeaseRow.fence).where(_is(name, fence)).with_for_update(read=True))
    if held.scalar() is None:
        raise LeaseLost(name)


class Leases:
    """Takes leases for one holder and keeps them renewed while they are used."""

    def __init__(
        self, database: Database, clock: Clock, *, holder: str | None = None, ttl_s: float = LEASE_S
    ) -> None:
        self._database = database
        self._clock = clock
        self._ttl_s = ttl_s
        self.holder = holder or new_holder()

    async def acquire(self, name: str) -> Lease | None:
        async with self._database.write() as tx:
            return await acquire(tx, name, self.holder, now=self._clock.now(), ttl_s=self._ttl_s)

    @asynccontextmanager
    async def holding(self, name: str) -> AsyncIterator[Lease]:
        """Wait for the lease, keep it renewed inside the block, give it back at the end.

        Waits through outages of the database. Inside, `lease.lost` tells when it is gone.
        """
        while (lease := await self._try(name)) is None:
            await self._clock.sleep(ACQUIRE_POLL_S)
        log.info("lease taken", lease=name, fence=lease.fence)
        renewing = asyncio.create_task(self._keep(lease), name=f"renew {name}")
        try:
            yield lease
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with contextlib.suppress(TransientError):  # unreachable: it expires by itself
                async with self._database.write() as tx:
                    await release(tx, lease, now=self._clock.now())

    async def _try(self, name: str) -> Lease | None:
        try:
            return await self.acquire(name)
        except TransientError as error:
            log.warning("lease not reachable", lease=name, error=str(error))
            return None

    async def _keep(self, lease: Lease) -> None:
        while True:
            await self._clock.sleep(self._ttl_s * RENEW_S / LEASE_S)
            try:
                async with self._database.write() as tx:
                    await renew(tx, lease, now=self._clock.now(), ttl_s=self._ttl_s)
            except TransientError as error:
                log.warning("lease not renewed", lease=lease.name, error=str(error))
            except LeaseLost:
                log.warning("lease lost", lease=lease.name, fence=lease.fence)
                lease.lost.set()
                return


def _is(name: str, fence: int) -> ColumnElement[bool]:
    return and_(LeaseRow.name == name, LeaseRow.fence == fence)


def _is_dead(holder: str, alive: Callable[[int], bool] | None = None) -> bool:
    """Whether the holder was a process of this host that no longer runs.

    It makes a restart after a crash immediate. Where it errs (two containers that share a host name) the
    fence still keeps out the loser.
    """
    host, _, rest = holder.partition("/")
    pid, _, rest = rest.partition("/")
    process = rest.partition("/")[0]
    if host != socket.gethostname() or not pid.isdigit() or not process:
        return False
    if int(pid) == os.getpid():
        return process != _PROCESS
    return not (alive or _runs)(int(pid))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
