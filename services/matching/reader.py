"""Who reads suggestions: which ones they see, and whether they stand on the company's side."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, or_, true

from schemas.organisation import Mandate
from services.kernel.security import CLUSTER, Principal
from services.matching.model import MatchRow


class Memberships(Protocol):
    async def companies_of(self, cluster: str) -> Collection[str]:
        """Companies whose matches the cluster may receive."""

    async def mandate(self, cluster: str, company: str) -> Mandate | None:
        """What this cluster may do for this company; None if it is no member."""


@dataclass(frozen=True, slots=True)
class Reader:
    """`receives`: companies that the principal, a cluster, receives for."""

    principal: Principal
    receives: frozenset[str]

    @property
    def visible(self) -> ColumnElement[bool]:
        """Which rows the reader sees."""
        who = self.principal
        if who.is_admin:
            return true()
        own = or_(
            MatchRow.company_owner == who.organisation,
            MatchRow.buyer == who.organisation,
            MatchRow.announced_by == who.organisation,
        )
        return or_(own, MatchRow.company.in_(sorted(self.receives))) if self.receives else own

    def is_company_side(self, *, company: str, owner: str) -> bool:
        """Whether the reader is who the suggestion is meant for: then looking at it counts, and why it was
        dismissed may be read. An administrator looks on, as a buyer does."""
        return self.principal.organisation == owner or company in self.receives


async def reader(principal: Principal, memberships: Memberships) -> Reader:
    if principal.role != CLUSTER or principal.is_admin:
        return Reader(principal, frozenset())
    return Reader(principal, frozenset(await memberships.companies_of(principal.organisation)))
