"""The toolbox of a pairing: who is responsible, what is due, documents, figures. Either side keeps it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import PairingNoted
from schemas.pairing import (
    DeadlineContent,
    DocumentContent,
    KpiContent,
    Pairing,
    PersonContent,
)
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict, FieldError, InvalidInput, NotFound
from services.kernel.security import Principal
from services.kernel.versions import VersionCheck
from services.pairing import store, telling
from services.pairing.service import Pairings, shown
from services.pairing.steps import ENDED

ITEMS_MAX = 200
"""Entries of one pairing: more is a project of its own, with its own tools."""

Content = PersonContent | DeadlineContent | DocumentContent | KpiContent
Kind = Literal["person", "deadline", "document", "kpi"]
KIND_OF: dict[type[Any], Kind] = {
    PersonContent: "person",
    DeadlineContent: "deadline",
    DocumentContent: "document",
    KpiContent: "kpi",
}
Write = Callable[[AsyncSession], Awaitable[Any]]


class Toolbox:
    def __init__(self, database: Database, clock: Clock, pairings: Pairings) -> None:
        self._database = database
        self._clock = clock
        self._pairings = pairings

    async def adding(self, principal: Principal, pairing: str, content: Content) -> Write:
        """What comes back adds the entry and returns it. NotFound, Forbidden as of the pairing itself;
        Conflict, when it writes, for one that is full or over; InvalidInput for a person of another pairing.
        """
        await self._pairings.check_acts(principal, pairing)

        async def write(tx: AsyncSession) -> Any:
            found = await self._open(tx, pairing)
            if await store.count_items(tx, pairing) >= ITEMS_MAX:
                raise Conflict(f"A pairing holds {ITEMS_MAX} entries at most. Remove what is done.")
            await self._check_person(tx, pairing, content)
            now, kind = self._clock.now(), KIND_OF[type(content)]
            values = _values(content) | {
                "id": new_id("itm"),
                "pairing": pairing,
                "kind": kind,
                "version": 1,
                "added_by": principal.organisation,
                "changed_at": now,
            }
            await store.add_item(tx, values)
            await self._tell(tx, found, principal, kind, values["id"], "added")
            return shown(await store.item(tx, pairing, kind, values["id"]))

        return write

    async def change(
        self, principal: Principal, pairing: str, item: str, content: Content, check: VersionCheck
    ) -> Any:
        """Replace an entry; an equal one changes nothing and tells nobody. A deadline that is put off is
        reminded of anew. PreconditionFailed when somebody was faster."""
        await self._pairings.check_acts(principal, pairing)
        async with self._database.write(durable=True) as tx:
            found = await self._open(tx, pairing)
            kind = KIND_OF[type(content)]
            before = await self._item(tx, pairing, kind, item)
            check(before.version)
            await self._check_person(tx, pairing, content)
            values = _values(content)
            if before.document == values["document"]:
                return shown(before)
            if before.due != values["due"]:
                values["reminded_at"] = None
            later = {"version": before.version + 1, "changed_at": self._clock.now()}
            await store.change_item(tx, item, values | later)
            await self._tell(tx, found, principal, kind, item, "changed")
            return shown(await store.item(tx, pairing, kind, item))

    async def remove(self, principal: Principal, pairing: str, kind: Kind, item: str) -> None:
        """For good: what a person's entry said is nowhere else. Possible also when the pairing is over."""
        await self._pairings.check_acts(principal, pairing)
        async with self._database.write(durable=True) as tx:
            found = await store.find(tx, pairing, lock=True)
            assert found is not None, "pairings are never removed"
            await self._item(tx, pairing, kind, item)
            await store.remove_item(tx, item)
            await self._tell(tx, found, principal, kind, item, "removed")

    async def _open(self, tx: AsyncSession, pairing: str) -> Pairing:
        found = await store.find(tx, pairing, lock=True)
        assert found is not None, "pairings are never removed"
        if found.state in ENDED and found.reason is not None:
            raise Conflict("This pairing is dissolved. Its toolbox can be read, and entries can be removed.")
        return found

    async def _item(self, tx: AsyncSession, pairing: str, kind: Kind, item: str) -> Any:
        found = await store.item(tx, pairing, kind, item)
        if found is None:
            raise NotFound(f"This pairing has no {kind} {item!r}.")
        return found

    async def _check_person(self, tx: AsyncSession, pairing: str, content: Content) -> None:
        if not isinstance(content, DeadlineContent) or content.responsible is None:
            return
        if await store.item(tx, pairing, "person", content.responsible) is None:
            detail = "This pairing has no such person. Add the person first, and name the id that it gets."
            raise InvalidInput(detail, errors=[FieldError(pointer="/responsible", detail=detail)])

    async def _tell(
        self,
        tx: AsyncSession,
        pairing: Pairing,
        principal: Principal,
        kind: Kind,
        item: str,
        change: Literal["added", "changed", "removed"],
    ) -> None:
        now, by = self._clock.now(), principal.organisation
        await store.log(tx, pairing, "noted", by=by, at=now, note=f"{kind} {item} {change}")
        common = telling.step(pairing, by=by) | {"at": now}
        data = PairingNoted(**common, kind=kind, item=item, change=change)
        await journal.append(tx, [telling.event(data, pairing)], now=now)


def _values(content: Content) -> dict[str, Any]:
    """Columns that the content decides."""
    is_due = isinstance(content, DeadlineContent) and not content.done
    return {
        "document": content.model_dump(mode="json"),
        "due": content.due if is_due and isinstance(content, DeadlineContent) else None,
    }
