"""Use cases of whoever reads pairings: the two buyers, who announced for them, and administrators."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.pairing import Deadline, Document, Kpi, Pairing, PairingFile, PairingState, Person
from services.kernel.database import Database
from services.kernel.security import Principal
from services.pairing import sides, steps, store
from services.pairing.model import PairingRow

Position = tuple[float, str]
"""Similarity and id of the last pairing of a page."""
KINDS: dict[str, type[Person] | type[Deadline] | type[Document] | type[Kpi]] = {
    "person": Person,
    "deadline": Deadline,
    "document": Document,
    "kpi": Kpi,
}
_TABLE = PairingRow.__table__


class Pairings:
    """Pairings, bound to their reader."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        principal: Principal,
        *,
        state: PairingState | None = None,
        need: str | None = None,
        with_dissolved: bool = False,
        after: Position | None = None,
        limit: int,
    ) -> list[Pairing]:
        """The most alike first. Without `with_dissolved`, or that very state, only those that stand."""
        conditions = [sides.visible(principal)]
        if state is not None:
            conditions.append(_TABLE.c.state == state.value)
        elif not with_dissolved:
            conditions.append(_TABLE.c.state != PairingState.dissolved.value)
        if need is not None:
            conditions.append(or_(_TABLE.c.first == need, _TABLE.c.second == need))
        async with self._database.read() as tx:
            return await store.page(tx, conditions, after=after, limit=limit)

    async def get(self, principal: Principal, pairing: str) -> PairingFile:
        """With its toolbox and its audit trail. NotFound for one that is not there, or not for this
        reader."""
        async with self._database.read() as tx:
            return await file_of(tx, principal, await sides.seen(tx, principal, pairing))

    async def check_acts(self, principal: Principal, pairing: str) -> None:
        """NotFound where the principal does not see it, Forbidden where it speaks for neither side."""
        principal.needs_scope("write")
        async with self._database.read() as tx:
            sides.led(principal, await sides.seen(tx, principal, pairing))


async def file_of(tx: AsyncSession, principal: Principal, pairing: Pairing) -> PairingFile:
    """The pairing with all that belongs to it, and what this reader can do next."""
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for row in await store.items(tx, pairing.id):
        found[row.kind].append(shown(row))
    mine = list(dict.fromkeys(sides.own(principal, pairing)))
    wish = next((pairing.asked[side] for side in mine if side in pairing.asked), None)
    writes = bool(principal.scopes & {"write", "admin"})
    may = steps.possible(pairing.state, wish) if mine and writes else ()
    return PairingFile(
        **dict(pairing),
        people=tuple(found["person"]),
        deadlines=tuple(found["deadline"]),
        documents=tuple(found["document"]),
        kpis=tuple(found["kpi"]),
        log=await store.log_of(tx, pairing.id),
        may=may,
    )


def shown(row: Any) -> Person | Deadline | Document | Kpi:
    """A row of the toolbox as the API answers it."""
    values = {
        **row.document,
        "id": row.id,
        "version": row.version,
        "added_by": row.added_by,
        "changed_at": row.changed_at,
    }
    if row.kind == "deadline":
        values["reminded_at"] = row.reminded_at
    return KINDS[row.kind].model_validate(values)
