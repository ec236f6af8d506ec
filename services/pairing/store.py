"""Rows of pairings, their audit trail and their toolbox. Nothing here asks who may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.pairing import LogEntry, Pairing, PairingState
from services.pairing.model import PairingItemRow, PairingLogRow, PairingRow

_TABLE = PairingRow.__table__
_LOG = PairingLogRow.__table__
_ITEMS = PairingItemRow.__table__

ASKED_AT_ONCE = 500
"""Ids named in one query: far below the databases' limits of variables."""

Pair = tuple[str, str]
"""Ids of two needs, in their order."""


async def of_needs(tx: AsyncSession, needs: Collection[str], *, lock: bool = False) -> dict[Pair, Pairing]:
    """Every pairing of any of these needs, dissolved ones too."""
    if not needs:
        return {}
    ids = sorted(needs)
    query = select(_TABLE.c.document).where(or_(_TABLE.c.first.in_(ids), _TABLE.c.second.in_(ids)))
    query = query.order_by(_TABLE.c.id)
    found = (await tx.execute(query.with_for_update() if lock else query)).scalars()
    pairings = (Pairing.model_validate(document) for document in found)
    return {(one.first.id, one.second.id): one for one in pairings}


async def among(tx: AsyncSession, needs: Collection[str]) -> dict[Pair, Pairing]:
    """Every pairing of two of these needs, dissolved ones too."""
    ids, found = sorted(needs), dict[Pair, Pairing]()
    for start in range(0, len(ids), ASKED_AT_ONCE):
        query = select(_TABLE.c.second, _TABLE.c.document)
        rows = await tx.execute(query.where(_TABLE.c.first.in_(ids[start : start + ASKED_AT_ONCE])))
        inside = (Pairing.model_validate(document) for second, document in rows if second in needs)
        found |= {(one.first.id, one.second.id): one for one in inside}
    return found


async def find(tx: AsyncSession, pairing: str, *, lock: bool = False) -> Pairing | None:
    query = select(_TABLE.c.document).where(_TABLE.c.id == pairing)
    document = (await tx.execute(query.with_for_update() if lock else query)).scalar()
    return None if document is None else Pairing.model_validate(document)


async def page(
    tx: AsyncSession,
    conditions: Sequence[ColumnElement[bool]],
    *,
    after: tuple[float, str] | None,
    limit: int,
) -> list[Pairing]:
    """The most alike first, from behind a similarity and id."""
    query = select(_TABLE.c.document).where(*conditions)
    if after is not None:
        similarity, last = after
        query = query.where(
            or_(
                _TABLE.c.similarity < similarity,
                (_TABLE.c.similarity == similarity) & (_TABLE.c.id > last),
            )
        )
    query = query.order_by(_TABLE.c.similarity.desc(), _TABLE.c.id).limit(limit)
    return [Pairing.model_validate(document) for document in (await tx.execute(query)).scalars()]


async def put(tx: AsyncSession, pairing: Pairing) -> None:
    """Insert or replace the row; versions begin at 1."""
    values = {
        "version": pairing.version,
        "state": pairing.state.value,
        "first": pairing.first.id,
        "second": pairing.second.id,
        "first_buyer": pairing.first.buyer,
        "second_buyer": pairing.second.buyer,
        "first_by": pairing.first.announced_by,
        "second_by": pairing.second.announced_by,
        "similarity": pairing.comparison.similarity,
        "document": pairing.model_dump(mode="json"),
        "changed_at": pairing.changed_at,
    }
    found = await tx.execute(
        update(PairingRow).where(_TABLE.c.id == pairing.id).values(**values).returning(_TABLE.c.id)
    )
    if found.first() is None:
        await tx.execute(insert(PairingRow).values(id=pairing.id, **values))


async def log(
    tx: AsyncSession,
    pairing: Pairing,
    action: str,
    *,
    by: str | None,
    at: datetime,
    to: PairingState | None = None,
    note: str | None = None,
) -> None:
    """One line more of the audit trail; the caller holds the pairing's row."""
    last = select(func.max(_LOG.c.number)).where(_LOG.c.pairing == pairing.id)
    number = ((await tx.execute(last)).scalar() or 0) + 1
    await tx.execute(
        insert(PairingLogRow).values(
            pairing=pairing.id,
            number=number,
            at=at,
            by=by,
            action=action,
            state=pairing.state.value,
            to=to.value if to else None,
            note=note,
        )
    )


async def log_of(tx: AsyncSession, pairing: str) -> tuple[LogEntry, ...]:
    rows = await tx.execute(select(_LOG).where(_LOG.c.pairing == pairing).order_by(_LOG.c.number))
    return tuple(
        LogEntry.model_validate({name: getattr(row, name) for name in LogEntry.model_fields}) for row in rows
    )


async def items(tx: AsyncSession, pairing: str) -> list[Any]:
    """Rows of the toolbox, in the order in which they were added."""
    rows = await tx.execute(select(_ITEMS).where(_ITEMS.c.pairing == pairing).order_by(_ITEMS.c.id))
    return list(rows.all())


async def item(tx: AsyncSession, pairing: str, kind: str, item: str) -> Any | None:
    condition = (_ITEMS.c.pairing == pairing) & (_ITEMS.c.kind == kind) & (_ITEMS.c.id == item)
    return (await tx.execute(select(_ITEMS).where(condition))).first()


async def count_items(tx: AsyncSession, pairing: str) -> int:
    return (await tx.execute(select(func.count()).where(_ITEMS.c.pairing == pairing))).scalar() or 0


async def add_item(tx: AsyncSession, values: dict[str, Any]) -> None:
    await tx.execute(insert(PairingItemRow).values(**values))


async def change_item(tx: AsyncSession, item: str, values: dict[str, Any]) -> None:
    await tx.execute(update(PairingItemRow).where(_ITEMS.c.id == item).values(**values))


async def remove_item(tx: AsyncSession, item: str) -> None:
    await tx.execute(delete(PairingItemRow).where(_ITEMS.c.id == item))
