"""Rows of organisations and appointments: written and read. Nothing here asks who may."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.organisation import Organisation, OrganisationKind
from services.directory.model import AppointmentRow, OrganisationRow

_TABLE = OrganisationRow.__table__
_REFERENCE = re.compile(r"[a-z0-9-]{1,63}|org_[0-9A-Z]{26}")


def columns(organisation: Organisation) -> dict[str, Any]:
    values = organisation.model_dump(exclude={"appointed_to"})
    return values | {
        "kind": organisation.kind.value,
        "sectors": list(organisation.sectors),
        "eligible_countries": list(organisation.eligible_countries),
    }


async def appoint(tx: AsyncSession, ilo: str, bsos: Iterable[str]) -> None:
    """These are the BSOs that the ILO announces for, in place of those before."""
    await tx.execute(delete(AppointmentRow).where(AppointmentRow.ilo == ilo))
    rows = [{"ilo": ilo, "bso": bso} for bso in bsos]
    if rows:
        await tx.execute(insert(AppointmentRow), rows)


async def find(tx: AsyncSession, reference: str, *, lock: bool = False) -> Organisation | None:
    """By handle or id. `lock`: nobody else changes it until this transaction ends."""
    if not _REFERENCE.fullmatch(reference):
        return None  # whatever a client put into an address never reaches the database
    query = select(_TABLE).where(or_(_TABLE.c.handle == reference, _TABLE.c.id == reference))
    rows = await tx.execute(query.with_for_update() if lock else query)
    found = await parsed(tx, rows.all())
    return found[0] if found else None


async def parsed(tx: AsyncSession, rows: Collection[Row[Any]]) -> list[Organisation]:
    """Rows of the table, in order, with the appointments of the ILOs among them."""
    ilos = [row.id for row in rows if row.kind == OrganisationKind.ilo]
    appointed: dict[str, list[str]] = {}
    if ilos:
        query = (
            select(AppointmentRow.ilo, _TABLE.c.handle)
            .join(_TABLE, _TABLE.c.id == AppointmentRow.bso)
            .where(AppointmentRow.ilo.in_(ilos))
            .order_by(_TABLE.c.handle)
        )
        for ilo, handle in await tx.execute(query):
            appointed.setdefault(ilo, []).append(handle)
    return [
        Organisation.model_validate({**row._mapping, "appointed_to": appointed.get(row.id, [])})
        for row in rows
    ]


async def suggestion(tx: AsyncSession, reference: str, kind: OrganisationKind) -> str | None:
    """The handle of this kind that is nearest to a wrong one, by handle or by name."""
    rows = await tx.execute(select(_TABLE.c.handle, _TABLE.c.name).where(_TABLE.c.kind == kind.value))
    handles: dict[str, str] = {}
    for handle, name in rows:
        handles[name.casefold()] = handle
        handles[handle] = handle
    near = get_close_matches(reference.casefold(), handles, n=1)
    return handles[near[0]] if near else None
