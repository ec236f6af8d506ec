"""Secrets at rest, sealed anew under the first of the encryption keys, so that a former one may go.

Each room does so for its own rows, a bounded number in a transaction. What is under the first key already is
only looked at: whoever is stopped in between begins anew and goes on where it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

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


Reseal = Callable[[Database, SecretBox], AsyncIterator[Resealed]]
"""Of one room: all of its rows, in portions."""
