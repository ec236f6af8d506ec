"""Organisations: registering, changing, finding them, and who may announce for whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.codes import quoted
from schemas.events import OrganisationChanged, OrganisationRegistered
from schemas.organisation import Organisation, OrganisationContent, OrganisationKind
from services.directory import organisation_store as store
from services.directory.model import AppointmentRow, OrganisationRow
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.problems import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
)
from services.kernel.security import Principal
from services.kernel.versions import VersionCheck

PUBLIC_KINDS = frozenset({OrganisationKind.bso, OrganisationKind.ilo, OrganisationKind.cluster})
"""Everybody may know of these: a buyer is named on a challenge, a cluster is there to be joined. Of a
company's organisation and of the operator only they themselves and the operator know."""

_TABLE = OrganisationRow.__table__
_RULED_BY_ADMIN = frozenset({"handle", "kind", "appointed_to"})
"""Fields that an organisation cannot change for itself: its name in addresses, its role, its mandates."""


class Organisations:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def register(self, principal: Principal, content: OrganisationContent) -> Organisation:
        """`registering`, in a transaction of its own."""
        write = self.registering(principal, content)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    def registering(
        self, principal: Principal, content: OrganisationContent
    ) -> Callable[[AsyncSession], Awaitable[Organisation]]:
        """Write a new organisation in a transaction of the caller's.

        Forbidden unless an admin asks; InvalidInput for an unknown BSO or fields of another kind;
        Conflict when the handle is taken.
        """
        principal.needs_scope("admin")
        principal.needs_role((), "register organisations")
        return lambda tx: self.write(tx, content)

    async def write(self, tx: AsyncSession, content: OrganisationContent) -> Organisation:
        """The row, its appointments and the event; for callers that have asked who may."""
        bsos = await _checked(tx, content)
        organisation = Organisation(
            **_fields(content), id=new_id("org"), version=1, created_at=self._clock.now()
        )
        try:
            await tx.execute(insert(OrganisationRow).values(store.columns(organisation)))
        except IntegrityError as error:
            raise _handle_taken(content.handle) from error
        await store.appoint(tx, organisation.id, bsos)
        await self._append(tx, OrganisationRegistered(organisation=organisation))
        return organisation

    async def change(
        self, principal: Principal, reference: str, content: OrganisationContent, check: VersionCheck
    ) -> Organisation:
        """Replace an entry. An organisation may change its own, but for what only an admin rules.

        NotFound where the principal may not know of it; what `check` raises when somebody was faster. An
        equal content changes nothing and emits nothing.
        """
        principal.needs_scope("admin")
        async with self._database.write(durable=True) as tx:
            before = await store.find(tx, reference, lock=True)
            if before is None or not _may_see(principal, before):
                raise _unknown(reference)
            changed = _changed(before, content)
            _check_may_change(principal, before, changed)
            check(before.version)
            if not changed:
                return before
            bsos = await _checked(tx, content)
            after = Organisation(
                **_fields(content),
                id=before.id,
                version=before.version + 1,
                created_at=before.created_at,
            )
            try:
                await tx.execute(
                    update(OrganisationRow).where(_TABLE.c.id == before.id).values(store.columns(after))
                )
            except IntegrityError as error:
                raise _handle_taken(content.handle) from error
            await store.appoint(tx, after.id, bsos)
            await self._append(tx, OrganisationChanged(organisation=after, changed=tuple(changed)))
            return after

    async def get(self, principal: Principal, reference: str) -> Organisation:
        """By handle or id; NotFound also where the principal may not know of it."""
        found = await self.find(reference)
        if found is None or not _may_see(principal, found):
            raise _unknown(reference)
        return found

    async def find(self, reference: str) -> Organisation | None:
        """By handle or id, whoever asks."""
        async with self._database.read() as tx:
            return await store.find(tx, reference)

    async def many(self, ids: Collection[str]) -> dict[str, Organisation]:
        """By id; unknown ones are left out."""
        if not ids:
            return {}
        async with self._database.read() as tx:
            rows = (await tx.execute(select(_TABLE).where(_TABLE.c.id.in_(sorted(ids))))).all()
            return {found.id: found for found in await store.parsed(tx, rows)}

    async def page(
        self,
        principal: Principal,
        *,
        kind: OrganisationKind | None = None,
        country: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[Organisation]:
        """What the principal may know of, by handle, from behind the handle `after`."""
        query = select(_TABLE)
        if not principal.is_admin:
            query = query.where(
                or_(_TABLE.c.kind.in_(sorted(PUBLIC_KINDS)), _TABLE.c.id == principal.organisation)
            )
        if kind is not None:
            query = query.where(_TABLE.c.kind == kind.value)
        if country is not None:
            query = query.where(_TABLE.c.country == country)
        if after is not None:
            query = query.where(_TABLE.c.handle > after)
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(_TABLE.c.handle).limit(limit))).all()
            return await store.parsed(tx, rows)

    async def may_announce(self, principal: Principal, buyer: Organisation) -> bool:
        """Whether the principal speaks for this buyer: the BSO itself, an ILO appointed to it, an admin."""
        if buyer.kind is not OrganisationKind.bso:
            return False
        if principal.is_admin or principal.organisation == buyer.id:
            return True
        if principal.role != OrganisationKind.ilo:
            return False
        query = select(AppointmentRow.bso).where(
            AppointmentRow.ilo == principal.organisation, AppointmentRow.bso == buyer.id
        )
        async with self._database.read() as tx:
            return (await tx.execute(query)).first() is not None

    async def buyers_of(self, principal: Principal) -> list[str]:
        """Handles of the BSOs that the principal may announce for, in order."""
        query = select(_TABLE.c.handle).where(_TABLE.c.kind == OrganisationKind.bso.value)
        if not principal.is_admin:
            appointed = select(AppointmentRow.bso).where(AppointmentRow.ilo == principal.organisation)
            query = query.where(or_(_TABLE.c.id == principal.organisation, _TABLE.c.id.in_(appointed)))
        async with self._database.read() as tx:
            return list((await tx.execute(query.order_by(_TABLE.c.handle))).scalars())

    async def suggestion(self, reference: str, kind: OrganisationKind) -> str | None:
        """The handle of this kind that is nearest to a wrong one, by handle or by name."""
        async with self._database.read() as tx:
            return await store.suggestion(tx, reference, kind)

    async def _append(self, tx: AsyncSession, data: OrganisationRegistered | OrganisationChanged) -> None:
        organisation = data.organisation
        event = journal.NewEvent(
            type=data.TYPE,
            subject=f"organisation/{organisation.id}",
            key=organisation.id,
            data=data.model_dump(mode="json"),
            audience=frozenset({organisation.id}),
            public=organisation.kind in PUBLIC_KINDS,
        )
        await journal.append(tx, [event], now=self._clock.now())


def _fields(content: OrganisationContent) -> dict[str, Any]:
    return {name: getattr(content, name) for name in OrganisationContent.model_fields}


def _changed(before: Organisation, content: OrganisationContent) -> list[str]:
    """Names of the fields that differ; the order of appointments means nothing."""
    old, new = _fields(before), _fields(content)
    for side in (old, new):
        side["appointed_to"] = sorted(side["appointed_to"])
    return [name for name in old if old[name] != new[name]]


def _may_see(principal: Principal, organisation: Organisation) -> bool:
    return (
        principal.is_admin or organisation.kind in PUBLIC_KINDS or organisation.id == principal.organisation
    )


def _check_may_change(principal: Principal, before: Organisation, changed: Collection[str]) -> None:
    if "kind" in changed:
        raise InvalidInput(
            f"'{before.handle}' keeps its kind, {before.kind}. Register another organisation instead.",
            errors=[FieldError(pointer="/kind", detail="cannot be changed")],
        )
    if principal.is_admin:
        return
    if principal.organisation != before.id:
        raise Forbidden("Only this organisation itself or an admin may change its entry.")
    if ruled := sorted(_RULED_BY_ADMIN & set(changed)):
        raise Forbidden(f"Only an admin may change {' and '.join(ruled)}. Ask the operator of this service.")


async def _checked(tx: AsyncSession, content: OrganisationContent) -> list[str]:
    """Ids of the BSOs in `appointed_to`; InvalidInput for what does not go with the kind."""
    errors = []
    for name, kind in (
        ("appointed_to", OrganisationKind.ilo),
        ("eligible_countries", OrganisationKind.bso),
        ("sectors", OrganisationKind.cluster),
    ):
        if getattr(content, name) and content.kind is not kind:
            detail = f"only an organisation of kind {kind} has {name}; leave it out for a {content.kind}"
            errors.append(FieldError(pointer=f"/{name}", detail=detail))
    bsos: list[str] = []
    if not errors:
        query = select(_TABLE.c.handle, _TABLE.c.id).where(
            _TABLE.c.kind == OrganisationKind.bso.value, _TABLE.c.handle.in_(content.appointed_to)
        )
        known = {row.handle: row.id for row in await tx.execute(query)}
        for index, handle in enumerate(content.appointed_to):
            if handle in known:
                bsos.append(known[handle])
                continue
            near = await store.suggestion(tx, handle, OrganisationKind.bso)
            advice = f" Did you mean '{near}'?" if near else " Register it first."
            errors.append(
                FieldError(pointer=f"/appointed_to/{index}", detail=f"there is no BSO '{handle}'.{advice}")
            )
    if errors:
        raise InvalidInput(errors[0].detail[0].upper() + errors[0].detail[1:], errors=errors)
    return sorted(set(bsos))


def _handle_taken(handle: str) -> Conflict:
    return Conflict(
        f"The handle '{handle}' is taken. Choose another.",
        errors=[FieldError(pointer="/handle", detail="is taken")],
    )


def _unknown(reference: str) -> NotFound:
    return NotFound(f"There is no organisation {quoted(reference)} that you may see.")
