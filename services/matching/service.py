"""Use cases of matching: who may see which suggestions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from schemas.match import MatchState, MatchSuggestion
from services.intake.completion import last_open_day
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import NotFound
from services.kernel.security import CLUSTER, Principal
from services.matching.changes import stands
from services.matching.depth import Depth, depth
from services.matching.model import MatchRow

GONE = (MatchState.retracted.value, MatchState.superseded.value, MatchState.expired.value)

Position = tuple[float, str]
"""Score and id of the last suggestion of a page."""


class Memberships(Protocol):
    async def companies_of(self, cluster: str) -> Collection[str]:
        """Companies whose matches the cluster may receive."""


class Matches:
    """Suggestions, bound to their reader.

    A challenge's announcer and its buyer see all of its matches; a company sees its own, a cluster those of
    members that gave it the mandate; nobody sees a rival's.

    A suggestion whose challenge takes no more answers is shown as `expired`. That is read off the deadline,
    not written down on the day: nobody needs to be told of hundreds of changes, and a deadline that is moved
    brings the suggestions back. It leaves a company's list of what is open, and stays in the challenge's.
    """

    def __init__(self, database: Database, clock: Clock, memberships: Memberships) -> None:
        self._database = database
        self._clock = clock
        self._memberships = memberships

    async def of_challenge(
        self,
        principal: Principal,
        challenge: str,
        *,
        after: Position | None,
        limit: int,
        with_retracted: bool = False,
    ) -> list[MatchSuggestion]:
        """Best first."""
        return await self._list(
            principal,
            MatchRow.challenge == challenge,
            after=after,
            limit=limit,
            with_retracted=with_retracted,
        )

    async def of_company(
        self,
        principal: Principal,
        company: str,
        *,
        after: Position | None,
        limit: int,
        with_retracted: bool = False,
    ) -> list[MatchSuggestion]:
        """Best first; without `with_retracted` only those that can still be answered."""
        condition = MatchRow.company == company
        if not with_retracted:
            condition = and_(condition, self._is_open())
        return await self._list(principal, condition, after=after, limit=limit, with_retracted=with_retracted)

    async def get(self, principal: Principal, match: str) -> MatchSuggestion:
        """Raises NotFound for one that is not there, or not for this reader."""
        visible = await self._visible(principal)
        async with self._database.read() as tx:
            query = select(MatchRow.document).where(MatchRow.id == match, visible)
            document = (await tx.execute(query)).scalar()
        if document is None:
            raise NotFound(f"There is no match {match!r} that you may see.")
        return self._shown(document)

    async def counts(self, principal: Principal, challenges: Collection[str]) -> dict[str, int]:
        """How many suggestions of each of these challenges the reader sees; without those that have none."""
        return await self._counts(principal, MatchRow.challenge, challenges, true())

    async def counts_of_companies(self, principal: Principal, companies: Collection[str]) -> dict[str, int]:
        """The same of companies, as far as they can still be answered."""
        return await self._counts(principal, MatchRow.company, companies, self._is_open())

    async def _counts(
        self,
        principal: Principal,
        side: InstrumentedAttribute[str],
        ids: Collection[str],
        condition: ColumnElement[bool],
    ) -> dict[str, int]:
        if not ids:
            return {}
        visible = await self._visible(principal)
        query = (
            select(side, func.count())
            .where(side.in_(sorted(ids)), MatchRow.state.not_in(GONE), condition, visible)
            .group_by(side)
        )
        async with self._database.read() as tx:
            return {row[0]: row[1] for row in (await tx.execute(query)).all()}

    async def depth(self, principal: Principal, challenge: str) -> Depth:
        """How many answer each requirement, among the suggestions that the reader sees."""
        query = select(MatchRow.document).where(
            MatchRow.challenge == challenge,
            MatchRow.state.not_in(GONE),
            await self._visible(principal),
        )
        async with self._database.read() as tx:
            return depth((await tx.execute(query)).scalars())

    async def _list(
        self,
        principal: Principal,
        condition: ColumnElement[bool],
        *,
        after: Position | None,
        limit: int,
        with_retracted: bool,
    ) -> list[MatchSuggestion]:
        query = select(MatchRow.document).where(condition, await self._visible(principal))
        if not with_retracted:
            query = query.where(MatchRow.state.not_in(GONE))
        if after is not None:
            score, last = after
            query = query.where(
                or_(MatchRow.score < score, and_(MatchRow.score == score, MatchRow.id > last))
            )
        async with self._database.read() as tx:
            rows = await tx.execute(query.order_by(MatchRow.score.desc(), MatchRow.id).limit(limit))
            return [self._shown(document) for document in rows.scalars()]

    def _shown(self, document: Any) -> MatchSuggestion:
        found = MatchSuggestion.model_validate(document)
        if stands(found) and found.challenge.deadline < self._today():
            return found.model_copy(update={"state": MatchState.expired})
        return found

    def _is_open(self) -> ColumnElement[bool]:
        return MatchRow.deadline >= self._today()

    def _today(self) -> date:
        """The earliest deadline that still takes answers."""
        return last_open_day(self._clock.now())

    async def _visible(self, principal: Principal) -> ColumnElement[bool]:
        if principal.is_admin:
            return true()
        own = or_(
            MatchRow.company_owner == principal.organisation,
            MatchRow.buyer == principal.organisation,
            MatchRow.announced_by == principal.organisation,
        )
        if principal.role == CLUSTER:
            members = await self._memberships.companies_of(principal.organisation)
            return or_(own, MatchRow.company.in_(sorted(members)))
        return own
