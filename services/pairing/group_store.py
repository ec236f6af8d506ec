"""Rows of groups. Nothing here asks who may."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.pairing import Group, GroupState
from services.pairing.model import GroupNeedRow, GroupRow

_TABLE = GroupRow.__table__
_NEEDS = GroupNeedRow.__table__


async def of_needs(tx: AsyncSession, needs: Collection[str], *, lock: bool = False) -> list[Group]:
    """Those that stand and have one of these needs in them, in the order of their ids."""
    inside = select(_NEEDS.c.group).where(_NEEDS.c.need.in_(sorted(needs)))
    query = select(_TABLE.c.document).where(
        _TABLE.c.state == GroupState.formed.value, _TABLE.c.id.in_(inside)
    )
    query = query.order_by(_TABLE.c.id)
    found = (await tx.execute(query.with_for_update() if lock else query)).scalars()
    return [Group.model_validate(document) for document in found]


async def page(tx: AsyncSession, conditions: Collection[ColumnElement[bool]], *, limit: int) -> list[Group]:
    """The largest first."""
    query = select(_TABLE.c.document).where(*conditions).order_by(_TABLE.c.size.desc(), _TABLE.c.id)
    found = (await tx.execute(query.limit(limit))).scalars()
    return [Group.model_validate(document) for document in found]


def with_a_need_of(organisation: str) -> ColumnElement[bool]:
    own = (_NEEDS.c.buyer == organisation) | (_NEEDS.c.announced_by == organisation)
    return _TABLE.c.id.in_(select(_NEEDS.c.group).where(own))


async def put(tx: AsyncSession, group: Group, *, new: bool) -> None:
    """The row and its needs, as they are now."""
    values = {
        "version": group.version,
        "state": group.state.value,
        "size": len(group.needs),
        "document": group.model_dump(mode="json"),
        "changed_at": group.changed_at,
    }
    if new:
        await tx.execute(insert(GroupRow).values(id=group.id, **values))
    else:
        await tx.execute(update(GroupRow).where(_TABLE.c.id == group.id).values(**values))
        await tx.execute(delete(GroupNeedRow).where(_NEEDS.c.group == group.id))
    rows = [
        {"group": group.id, "need": need.id, "buyer": need.buyer, "announced_by": need.announced_by}
        for need in group.needs
    ]
    await tx.execute(insert(GroupNeedRow), rows)
