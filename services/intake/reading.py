"""What the rooms that derive something (indexing, matching) read of challenges and companies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime

from sqlalchemy import func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.company import Company, ProfileStanding
from services.intake import challenge_store, company_store, completion, makeup
from services.intake.challenges import Challenges
from services.intake.companies import Companies
from services.intake.makeup import Makeup
from services.intake.model import ChallengeRow, CompanyRow
from services.kernel.clock import Clock
from services.kernel.database import Database


class Reading:
    """Present states, whoever asks: for services, never for a tenant."""

    def __init__(
        self, database: Database, clock: Clock, challenges: Challenges, companies: Companies
    ) -> None:
        self._database = database
        self._clock = clock
        self._challenges = challenges
        self._companies = companies

    async def challenges(self, ids: Collection[str]) -> dict[str, Challenge]:
        """Those that exist, by id."""
        return await self._challenges.many(ids)

    async def companies(self, ids: Collection[str]) -> dict[str, Company]:
        """Those that exist, by id, withdrawn ones included."""
        return await self._companies.many(ids)

    def active_companies(self) -> AsyncIterator[list[Company]]:
        """In pages."""
        return self._companies.active_pages()

    def open_challenges(self) -> AsyncIterator[list[Challenge]]:
        """In pages."""
        return self._challenges.open_pages()

    async def open_versions(self) -> dict[str, int]:
        """Id and version of every challenge that is matched now: announced, deadline not passed."""
        is_open = challenge_store.is_open(completion.last_open_day(self._clock.now()))
        query = select(ChallengeRow.id, ChallengeRow.version).where(is_open)
        async with self._database.read() as tx:
            return {row.id: row.version for row in (await tx.execute(query)).all()}

    async def company_versions(self, settled_before: datetime) -> dict[str, int]:
        """Id of every active company that has not changed since then, and the version in which what it says
        last changed."""
        version = company_store.matched_version().label("version")
        query = select(CompanyRow.id, version).where(
            company_store.is_active(), CompanyRow.changed_at < settled_before
        )
        async with self._database.read() as tx:
            return {row.id: row.version for row in (await tx.execute(query)).all()}

    async def challenge_versions(self, settled_before: datetime) -> dict[str, int]:
        """Id and version of every challenge that is matched now and has not changed since then."""
        is_open = challenge_store.is_open(completion.last_open_day(self._clock.now()))
        query = select(ChallengeRow.id, ChallengeRow.version).where(
            is_open, ChallengeRow.changed_at < settled_before
        )
        async with self._database.read() as tx:
            return {row.id: row.version for row in (await tx.execute(query)).all()}

    async def present_versions(self, ids: Collection[str]) -> dict[str, int]:
        """Version of each of these challenges and companies in which what it says last changed, whatever
        their state; unknown ones are left out."""
        wanted = sorted(ids)
        queries = [
            select(row.id, version.label("version")).where(row.id.in_(wanted))
            for row, version in (
                (ChallengeRow, ChallengeRow.version),
                (CompanyRow, company_store.matched_version()),
            )
        ]
        async with self._database.read() as tx:
            return {row.id: row.version for row in (await tx.execute(union_all(*queries))).all()}

    async def standings(
        self, companies: Collection[str], tx: AsyncSession | None = None
    ) -> dict[str, ProfileStanding]:
        """How far each of these profiles is looked after, by id; unknown ones are left out. Within a
        transaction of the caller's, or in one of its own."""
        if tx is not None:
            return await company_store.standings(tx, companies)
        async with self._database.read() as own:
            return await company_store.standings(own, companies)

    async def makeup(self) -> dict[Makeup, int]:
        """How many active companies there are of each country, size and so on."""
        async with self._database.read() as tx:
            return await makeup.makeup(tx)

    async def makeup_of(self, companies: Collection[str]) -> dict[str, Makeup]:
        """Of these companies, by id; unknown ones are left out."""
        async with self._database.read() as tx:
            return await makeup.makeup_of(tx, companies)

    async def active_count(self) -> int:
        query = select(func.count()).select_from(CompanyRow).where(company_store.is_active())
        async with self._database.read() as tx:
            return (await tx.execute(query)).scalar() or 0
