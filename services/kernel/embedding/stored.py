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


_table = StoredVector.__table__
"""Read and written without the ORM, in half the time: these rows have no identity to track."""


class VectorsInDatabase:
    """`KeptVectors` on the database. Raises `Unavailable` as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, model: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        async with self._database.read() as tx:
            return await _load(tx, model, digests)

    async def save(self, model: str, vectors: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        if not vectors:
            return {}
        # In order of the key: two processes that save the same texts then never lock each other out.
        rows = [{"model": model, "digest": key, "vector": vectors[key]} for key in sorted(vectors)]
        async with self._database.write() as tx:
            insert = insert_or(tx, _table).on_conflict_do_nothing().returning(_table.c.digest)
            ours = {row.digest for row in await tx.execute(insert, rows)}
        theirs = [digest for digest in vectors if digest not in ours]
        # Read after the commit: what another process committed first is then visible on both databases.
        return {**vectors, **(await self.load(model, theirs) if theirs else {})}


async def _load(tx: AsyncSession, model: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(digests), AT_A_TIME):
        part = digests[start : start + AT_A_TIME]
        query = select(_table.c.digest, _table.c.vector).where(
            _table.c.model == model, _table.c.digest.in_(part)
        )
        found.update((row.digest, row.vector) for row in await tx.execute(query))
    return found
