"""Vectors in the database, under their model and the digest of their text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import LargeBinary, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Database
from services.kernel.upsert import insert_or

AT_A_TIME = 500
"""Digests per query: far below the parameters that SQLite and PostgreSQL allow in a statement."""


class StoredVector(Base):
    """A row that is written once and never changed. Deleted rows are computed again."""

    __tablename__ = "embeddings"

    model: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The model's fingerprint."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    """Fixed point: 16-bit little-endian integers."""


class VectorsInDatabase:
    """`KeptVectors` on the database. Raises `Unavailable` as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, model: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        async with self._database.read() as tx:
            return await _load(tx, model, digests)

    async def save(self, model: str, vectors: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        # In order of the key: two processes that save the same texts then never lock each other out.
        rows = [{"model": model, "digest": key, "vector": vectors[key]} for key in sorted(vectors)]
        async with self._database.write() as tx:
            await tx.execute(insert_or(tx, StoredVector.__table__).on_conflict_do_nothing(), rows)
        # Read after the commit: it sees what another process committed first, on both databases.
        return await self.load(model, list(vectors))


async def _load(tx: AsyncSession, model: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(digests), AT_A_TIME):
        part = digests[start : start + AT_A_TIME]
        query = select(StoredVector.digest, StoredVector.vector).where(
            StoredVector.model == model, StoredVector.digest.in_(part)
        )
        found.update((row.digest, row.vector) for row in await tx.execute(query))
    return found
