"""Secrets at rest, sealed anew under the first of the encryption keys, so that a former one may go.

Each room does so for its own rows, a bounded number in a transaction. What is under the first key already is
only looked at: whoever is stopped in between begins anew and goes on where it was.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import Database
from services.kernel.security import SecretBox

AT_A_TIME = 200
"""Rows in one transaction: some 20 ms of work, for which those who write the same rows wait."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """What came of some rows: how many were looked at, how many secrets were sealed anew, and which rows hold
    one that none of the keys opens."""

    seen: int
    renewed: int
    lost: tuple[str, ...] = ()


Place = TypeVar("Place")


async def in_portions(
    database: Database, first: Place, some: Callable[[AsyncSession, Place], Awaitable[tuple[Place, Resealed]]]
) -> AsyncGenerator[Resealed, None]:
    """`some` does the rows that come after a place, a transaction each time, and says where it came to."""
    after = first
    while True:
        async with database.write(durable=True) as tx:
            after, found = await some(tx, after)
        if not found.seen:
            return
        yield found


Reseal = Callable[[Database, SecretBox], AsyncIterator[Resealed]]
"""Of one room: all of its rows, in portions."""
