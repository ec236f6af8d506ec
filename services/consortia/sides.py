"""On whose side a reader is, by ownership and the mandates of members."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.consortium import Consortium
from schemas.organisation import Mandate
from services.consortia.views import Side
from services.kernel.security import CLUSTER, Principal


class Memberships(Protocol):
    async def companies_of(self, cluster: str) -> Collection[str]:
        """Companies that the cluster may receive for."""

    async def mandate(self, cluster: str, company: str) -> Mandate | None:
        """What this cluster may do for this company; None if it is no member."""

    async def mandates(
        self, cluster: str, companies: Collection[str], tx: AsyncSession | None = None
    ) -> Mapping[str, Mandate]:
        """The same of several, by company."""

    async def clusters_of(
        self, companies: Collection[str], tx: AsyncSession | None = None
    ) -> Mapping[str, Collection[str]]:
        """Per company, the clusters with the mandate to receive what concerns it."""


async def side(
    principal: Principal, whole: Consortium, memberships: Memberships, *, tx: AsyncSession | None = None
) -> Side:
    """To look takes the mandate to receive, to answer the mandate to act."""
    companies = [one.company for one in whole.members if one.company is not None]
    mandates: Mapping[str, Mandate] = {}
    if principal.role == CLUSTER:
        mandates = await memberships.mandates(principal.organisation, [one.id for one in companies], tx)
    own = {one.id for one in companies if one.owner == principal.organisation}
    receives = {company for company, mandate in mandates.items() if mandate.receive}
    acts = {company for company in receives if mandates[company].act}
    can_write = bool({"write", "admin"} & principal.scopes)
    challenge = whole.challenge
    return Side(
        companies=frozenset(own | receives),
        speaks=frozenset(own | acts) if can_write else frozenset(),
        overview=principal.is_admin or principal.organisation in (challenge.buyer, challenge.announced_by),
    )
