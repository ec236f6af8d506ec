"""The record of what is in which collection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.indexing.collections import Indexed
from services.indexing.model import IndexedRow
from services.kernel.upsert import insert_or


async def record(
    tx: AsyncSession,
    collections: Sequence[str],
    present: Sequence[Indexed],
    gone: Sequence[str],
    now: datetime,
) -> None:
    """Note that these entities are in the collections now, and that those that are gone are not."""
    if gone:
        await tx.execute(
            delete(IndexedRow).where(IndexedRow.collection.in_(collections), IndexedRow.entity.in_(gone))
        )
    rows = [
        {
            "collection": collection,
            "entity": one.entity,
            "version": one.version,
            "texts": len(one.parts),
            "at": now,
        }
        for collection in collections
        for one in present
    ]
    if rows:
        statement = insert_or(tx, IndexedRow)
        fresh = {name: statement.excluded[name] for name in ("version", "texts", "at")}
        await tx.execute(
            statement.on_conflict_do_update(
                index_elements=["collection", "entity"],
                set_=fresh,
                # Of two processes that have written an entity, the slower one may have the older version.
                where=IndexedRow.version <= statement.excluded.version,
            ),
            rows,
        )


async def recorded(
    tx: AsyncSession, collection: str, entities: Collection[str] | None = None
) -> dict[str, int]:
    """The version of each entity that is in the collection; of these entities, or of all."""
    query = select(IndexedRow.entity, IndexedRow.version).where(IndexedRow.collection == collection)
    if entities is not None:
        query = query.where(IndexedRow.entity.in_(entities))
    return {row.entity: row.version for row in (await tx.execute(query)).all()}
