"""What is really in the index, and on record."""

from __future__ import annotations

from sqlalchemy import select

from services.indexing.collections import ENTITY, VERSION
from services.indexing.generation import Generation
from services.indexing.model import IndexedRow
from services.kernel.database import Database


async def contents(generation: Generation, alias: str) -> dict[str, dict[str, int]]:
    """Per entity the version of each of its parts."""
    found: dict[str, dict[str, int]] = {}
    async for page in generation.vectors.scroll(generation.collection(alias)):
        for _, payload in page:
            entity, part, version = payload[ENTITY], payload["part"], payload[VERSION]
            assert isinstance(version, int)
            found.setdefault(str(entity), {})[str(part)] = version
    return found


async def on_record(database: Database, generation: Generation, alias: str) -> dict[str, tuple[int, int]]:
    """Per entity its version and the number of its texts."""
    query = select(IndexedRow.__table__).where(IndexedRow.collection == generation.collection(alias))
    async with database.read() as tx:
        return {row.entity: (row.version, row.texts) for row in (await tx.execute(query)).all()}
