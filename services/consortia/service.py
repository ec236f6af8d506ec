"""Use cases of whoever reads consortia."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, true

from schemas.consortium import Consortia, Consortium
from services.consortia import store
from services.consortia.market import Markets
from services.consortia.model import ConsortiumRow
from services.consortia.sides import Memberships, side
from services.consortia.views import seen
from services.kernel.database import Database
from services.kernel.problems import NotFound
from services.kernel.security import CLUSTER, Principal


class ConsortiumService:
    """Whoever announced a challenge and its buyer see its consortia as they are; a company, and a cluster
    that receives for it, those it has a part in, without knowing the others before all have consented."""

    def __init__(self, database: Database, *, markets: Markets, memberships: Memberships) -> None:
        self._database = database
        self._markets = markets
        self._memberships = memberships

    async def of_challenge(self, principal: Principal, challenge: str, *, gone: bool = False) -> Consortia:
        """Best first; none for who has no part in any."""
        async with self._database.read() as tx:
            found = await store.of_challenge(tx, challenge, gone=gone, visible=await self._visible(principal))
            reviewed = (await store.reviewed(tx, [challenge])).get(challenge)
        views = [await self._view(principal, whole) for whole in found]
        overview = principal.is_admin or await self._has_overview(principal, challenge)
        return Consortia(
            consortia=tuple(view for view in views if view is not None),
            conflict=reviewed.conflict if reviewed is not None and overview else None,
            gaps=None if reviewed is None else reviewed.gaps,
        )

    async def get(self, principal: Principal, consortium: str) -> Consortium:
        """NotFound for one that is not there, or not for this reader."""
        async with self._database.read() as tx:
            whole = await store.find(tx, consortium)
        view = None if whole is None else await self._view(principal, whole)
        if view is None:
            raise unknown(consortium)
        return view

    async def _view(self, principal: Principal, whole: Consortium) -> Consortium | None:
        return seen(whole, await side(principal, whole, self._memberships))

    async def _visible(self, principal: Principal) -> ColumnElement[bool]:
        if principal.is_admin:
            return true()
        receives = (
            await self._memberships.companies_of(principal.organisation) if principal.role == CLUSTER else ()
        )
        return or_(
            ConsortiumRow.buyer == principal.organisation,
            ConsortiumRow.announced_by == principal.organisation,
            store.with_a_member(owner=principal.organisation, receives=receives),
        )

    async def _has_overview(self, principal: Principal, challenge: str) -> bool:
        found = await self._markets.challenge(challenge)
        return found is not None and principal.organisation in (found.buyer, found.announced_by)


def unknown(consortium: str) -> NotFound:
    return NotFound(f"There is no consortium {consortium!r} that you may see.")
