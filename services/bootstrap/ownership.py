"""The embedded vector store belongs to one process of an installation.

On one machine a lock on the folder sees to it. A second process elsewhere would have a folder of its own and
half of the texts in it, without any error: therefore the owner also holds a lease in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy import select

from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.leases import LEASE_S, Lease, LeaseRow, Leases
from services.kernel.settings import ConfigurationError

VECTORS = "vectors"
"""The lease."""
WAIT_S = LEASE_S + 3.0
"""Until the lease of an owner that died without handing it back has run out."""

SHARED = (
    "Qdrant Edge lives inside one process: for several workers run a Qdrant server and set "
    "LIAISON_VECTORS=server and LIAISON_QDRANT_URL, or leave indexing, matching and pairing to one worker "
    "and start the others with `--only notification`."
)


class OwnershipLost(RuntimeError):
    """Another process took the embedded store over while this one was away; it must not go on."""


@asynccontextmanager
async def owning(database: Database, clock: Clock) -> AsyncIterator[Lease]:
    """Hold the lease of the embedded store inside the block. Raises `ConfigurationError` if another process
    keeps it."""
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(WAIT_S):
                lease = await stack.enter_async_context(Leases(database, clock).holding(VECTORS))
        except TimeoutError:
            async with database.read() as tx:
                holder = (await tx.execute(select(LeaseRow.holder).where(LeaseRow.name == VECTORS))).scalar()
            raise ConfigurationError(
                f"The embedded vector store of this database is open in another process ({holder}). {SHARED}"
            ) from None
        yield lease


async def ends_with(lease: Lease) -> None:
    """Raise `OwnershipLost` when the lease is gone: a job of the process that owns the store."""
    await lease.lost.wait()
    raise OwnershipLost("another process owns the embedded vector store now")
