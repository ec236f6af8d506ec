"""Rows of plans: written, read and listed. Nothing here asks who may."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import DraftReaders
from schemas.plan import Plan
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict
from services.pairing.model import PlanNeedRow, PlanRow

_TABLE = PlanRow.__table__
_NEEDS = PlanNeedRow.__table__


def name_key(name: str) -> str:
    """A name as it is compared: case, blanks and Unicode forms do not make another plan."""
    spelling = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return hashlib.sha256(spelling.encode()).hexdigest()


async def named(tx: AsyncSession, owner: str, name: str, *, lock: bool = False) -> Plan | None:
    condition = (_TABLE.c.owner == owner) & (_TABLE.c.name_key == name_key(name))
    found = await page(tx, condition, after=None, limit=1, lock=lock)
    return found[0] if found else None


async def page(
    tx: AsyncSession, condition: ColumnElement[bool], *, after: str | None, limit: int, lock: bool = False
) -> list[Plan]:
    """Newest first, from behind the id `after`."""
    query = select(_TABLE).where(condition)
    if after is not None:
        query = query.where(_TABLE.c.id < after)
    query = query.order_by(_TABLE.c.id.desc()).limit(limit)
    rows = (await tx.execute(query.with_for_update() if lock else query)).all()
    counts = await _counts(tx, [row.id for row in rows])
    return [_plan(row, counts.get(row.id, 0)) for row in rows]


async def create(
    tx: AsyncSession, *, owner: str, buyer: str, name: str, readers: DraftReaders, now: datetime
) -> Plan:
    """Conflict where somebody makes one of this name at the same moment."""
    values = {
        "id": new_id("pln"),
        "version": 1,
        "owner": owner,
        "buyer": buyer,
        "name": name,
        "name_key": name_key(name),
        "readers": readers.value,
        "created_at": now,
        "changed_at": now,
    }
    try:
        await tx.execute(insert(PlanRow).values(values))
    except IntegrityError as error:
        raise Conflict("This plan is being sent by somebody else at this moment. Send it again.") from error
    return Plan(**{name: values[name] for name in Plan.model_fields if name != "needs"}, needs=0)


async def touch(tx: AsyncSession, plan: Plan, readers: DraftReaders, now: datetime) -> None:
    """A new version: its readers or its needs changed."""
    values = {"version": plan.version + 1, "readers": readers.value, "changed_at": now}
    await tx.execute(update(PlanRow).where(_TABLE.c.id == plan.id).values(**values))


async def references(tx: AsyncSession, plan: str) -> dict[str, str]:
    """The challenge of each reference of a plan."""
    rows = await tx.execute(select(_NEEDS.c.reference, _NEEDS.c.challenge).where(_NEEDS.c.plan == plan))
    return {row.reference: row.challenge for row in rows}


async def rows_of(tx: AsyncSession, plan: str, *, after: str | None, limit: int) -> list[tuple[str, str]]:
    """References and challenges in the order of the references."""
    query = select(_NEEDS.c.reference, _NEEDS.c.challenge).where(_NEEDS.c.plan == plan)
    if after is not None:
        query = query.where(_NEEDS.c.reference > after)
    rows = await tx.execute(query.order_by(_NEEDS.c.reference).limit(limit))
    return [(row.reference, row.challenge) for row in rows]


async def add(tx: AsyncSession, plan: str, reference: str, challenge: str) -> None:
    try:
        await tx.execute(insert(PlanNeedRow).values(plan=plan, reference=reference, challenge=challenge))
    except IntegrityError as error:
        raise Conflict("This plan is being sent by somebody else at this moment. Send it again.") from error


async def _counts(tx: AsyncSession, plans: Sequence[str]) -> dict[str, int]:
    if not plans:
        return {}
    query = select(_NEEDS.c.plan, func.count()).where(_NEEDS.c.plan.in_(plans)).group_by(_NEEDS.c.plan)
    return {row[0]: row[1] for row in (await tx.execute(query)).all()}


def _plan(row: Row[Any], needs: int) -> Plan:
    names = (name for name in Plan.model_fields if name != "needs")
    return Plan(**{name: getattr(row, name) for name in names}, needs=needs)
