"""Use cases of matching: who may see which suggestions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from schemas.company import ProfileStanding
from schemas.links import Links
from schemas.match import CompanyAnswer, Match, MatchState, Outreach
from services.intake.completion import last_open_day
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import NotFound
from services.kernel.security import Principal
from services.matching.changes import GONE
from services.matching.depth import Depth, depth
from services.matching.feedback import Feedback
from services.matching.model import MatchRow, SpecialistRow
from services.matching.reader import Memberships, reader
from services.matching.specialists import SPECIALISTS

Position = tuple[float, str]
"""Score and id of the last suggestion of a page."""


COLUMNS = (
    MatchRow.document,
    MatchRow.state,
    MatchRow.company,
    MatchRow.company_owner,
    MatchRow.deadline,
    MatchRow.seen_at,
    MatchRow.answer,
    MatchRow.answer_reason,
    MatchRow.answer_note,
    MatchRow.answered_by,
    MatchRow.answered_at,
)
"""What `shown` reads."""


class Standings(Protocol):
    async def standings(
        self, companies: Collection[str], tx: AsyncSession | None = None
    ) -> Mapping[str, ProfileStanding]:
        """How far each of these profiles is looked after, by id."""


class Matches:
    """Suggestions, bound to their reader.

    A challenge's announcer and its buyer see all of its matches; a company sees its own, a cluster those of
    members that gave it the mandate; nobody sees a rival's.

    A suggestion whose challenge takes no more answers is shown as `expired`. That is read off the deadline,
    not written down on the day: nobody needs to be told of hundreds of changes, and a deadline that is moved
    brings the suggestions back. Where a consultation is closed before, the day of its suggestions is moved up
    (`changes.close`). It leaves a company's list of what is open, and stays in the challenge's.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        memberships: Memberships,
        feedback: Feedback | None = None,
        profiles: Standings | None = None,
    ) -> None:
        """`feedback`: what moves suggestions in their own company's list; None: nothing. `profiles`: who
        knows whether they were looked after lately; None: nobody."""
        self._profiles = profiles
        self._feedback = feedback
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
    ) -> list[Match]:
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
    ) -> list[Match]:
        """Best first; without `with_retracted` only those that can still be answered. For the company's side
        the company's own answers have a say in the order; `position` is where a page ends."""
        if not with_retracted and self._feedback is not None:
            moved = await self._moved(self._feedback, principal, company, after=after, limit=limit)
            if moved is not None:
                return moved
        condition = MatchRow.company == company
        if not with_retracted:
            condition = and_(condition, self._is_open())
        return await self._list(principal, condition, after=after, limit=limit, with_retracted=with_retracted)

    async def _moved(
        self,
        feedback: Feedback,
        principal: Principal,
        company: str,
        *,
        after: Position | None,
        limit: int,
    ) -> list[Match] | None:
        """The company's own order, for its own side; None where that is the order by score."""
        who = await reader(principal, self._memberships)
        said = (await feedback.said([company])).get(company, [])
        if not any(one.says for one in said):
            return None
        standing = await feedback.standing(company)
        if not standing or not who.is_company_side(company=company, owner=standing[0].company_owner):
            return None
        nudges = await feedback.nudges(said, {row.challenge: row.challenge_version for row in standing})
        moved = {row.id: nudges[row.challenge] for row in standing if row.challenge in nudges}
        places = sorted(
            (-(row.score + (moved[row.id].by if row.id in moved else 0.0)), row.id) for row in standing
        )
        if after is not None:
            places = [place for place in places if place > (-after[0], after[1])]
        wanted = [match for _, match in places[:limit]]
        async with self._database.read() as tx:
            rows = (await tx.execute(select(*COLUMNS, MatchRow.id).where(MatchRow.id.in_(wanted)))).all()
        found = {
            row.id: shown(row, self._today(), private=True).model_copy(update={"nudge": moved.get(row.id)})
            for row in rows
        }
        return await self.with_profiles([found[match] for match in wanted if match in found])

    async def get(self, principal: Principal, match: str) -> Match:
        """Raises NotFound for one that is not there, or not for this reader."""
        who = await reader(principal, self._memberships)
        async with self._database.read() as tx:
            query = select(*COLUMNS).where(MatchRow.id == match, who.visible)
            row = (await tx.execute(query)).first()
        if row is None:
            raise NotFound(f"There is no match {match!r} that you may see.")
        own = who.is_company_side(company=row.company, owner=row.company_owner)
        found = shown(row, self._today(), private=own)
        if own and self._feedback is not None and found.state not in GONE:
            said = (await self._feedback.said([row.company])).get(row.company, [])
            challenge = found.challenge
            nudges = await self._feedback.nudges(said, {challenge.id: challenge.version})
            found = found.model_copy(update={"nudge": nudges.get(challenge.id)})
        return (await self.with_profiles([found]))[0]

    async def with_profiles(self, found: Sequence[Match], tx: AsyncSession | None = None) -> list[Match]:
        """The same, each with how far its profile is looked after now: no event of a suggestion tells that,
        since it changes none. Within a transaction of the caller's, or in one of its own."""
        if self._profiles is None or not found:
            return list(found)
        standings = await self._profiles.standings({one.company.id for one in found}, tx)
        return [one.model_copy(update={"profile": standings.get(one.company.id)}) for one in found]

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
        visible = (await reader(principal, self._memberships)).visible
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
            (await reader(principal, self._memberships)).visible,
        )
        async with self._database.read() as tx:
            return depth((await tx.execute(query)).scalars())

    async def documents(self, challenge: str, *, limit: int) -> dict[str, Mapping[str, Any]]:
        """For other rooms, whoever asks: by company what stands and was not dismissed, as it is stored; the
        best `limit`, and with them the best SPECIALISTS that answer something well and too little to be
        suggested."""
        suggested = (
            select(MatchRow.company, MatchRow.document)
            .where(
                MatchRow.challenge == challenge,
                MatchRow.state.not_in(GONE),
                or_(MatchRow.answer.is_(None), MatchRow.answer != CompanyAnswer.dismissed.value),
            )
            .order_by(MatchRow.score.desc(), MatchRow.id)
            .limit(limit)
        )
        dismissed = select(MatchRow.company).where(
            MatchRow.challenge == challenge, MatchRow.answer == CompanyAnswer.dismissed.value
        )
        answering = (
            select(SpecialistRow.company, SpecialistRow.document)
            .where(SpecialistRow.challenge == challenge, SpecialistRow.company.not_in(dismissed))
            .order_by(SpecialistRow.best.desc(), SpecialistRow.company)
            .limit(SPECIALISTS)
        )
        async with self._database.read() as tx:
            found = {row.company: row.document for row in await tx.execute(answering)}
            return found | {row.company: row.document for row in await tx.execute(suggested)}

    async def documents_of(
        self, challenge: str, companies: Collection[str], *, dismissed: bool = True
    ) -> dict[str, Mapping[str, Any]]:
        """The same of these companies, whatever rank they have. `dismissed`: those that were, too."""
        suggested = select(MatchRow.company, MatchRow.document, MatchRow.answer).where(
            MatchRow.challenge == challenge,
            MatchRow.company.in_(sorted(companies)),
            MatchRow.state.not_in(GONE),
        )
        answering = select(SpecialistRow.company, SpecialistRow.document).where(
            SpecialistRow.challenge == challenge, SpecialistRow.company.in_(sorted(companies))
        )
        async with self._database.read() as tx:
            found = {row.company: row.document for row in await tx.execute(answering)}
            for row in await tx.execute(suggested):
                if dismissed or row.answer != CompanyAnswer.dismissed.value:
                    found[row.company] = row.document
                else:
                    found.pop(row.company, None)
            return found

    async def outreach(self, principal: Principal, challenge: str) -> Outreach:
        """How far the suggestions have come, among those that the reader sees."""

        def answered(answer: CompanyAnswer) -> ColumnElement[int]:
            return func.count(case((MatchRow.answer == answer.value, 1)))

        query = select(
            func.count().label("suggested"),
            func.count(MatchRow.notified_at).label("notified"),
            func.count(func.coalesce(MatchRow.seen_at, MatchRow.answered_at)).label("seen"),
            answered(CompanyAnswer.interested).label("interested"),
            answered(CompanyAnswer.dismissed).label("dismissed"),
        ).where(
            MatchRow.challenge == challenge,
            MatchRow.state.not_in(GONE),
            (await reader(principal, self._memberships)).visible,
        )
        async with self._database.read() as tx:
            return Outreach(**(await tx.execute(query)).one()._mapping)

    async def _list(
        self,
        principal: Principal,
        condition: ColumnElement[bool],
        *,
        after: Position | None,
        limit: int,
        with_retracted: bool,
    ) -> list[Match]:
        who = await reader(principal, self._memberships)
        query = select(*COLUMNS).where(condition, who.visible)
        if not with_retracted:
            query = query.where(MatchRow.state.not_in(GONE))
        if after is not None:
            score, last = after
            query = query.where(
                or_(MatchRow.score < score, and_(MatchRow.score == score, MatchRow.id > last))
            )
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(MatchRow.score.desc(), MatchRow.id).limit(limit))).all()
        return await self.with_profiles(
            [
                shown(
                    row,
                    self._today(),
                    private=who.is_company_side(company=row.company, owner=row.company_owner),
                )
                for row in rows
            ]
        )

    def _is_open(self) -> ColumnElement[bool]:
        return MatchRow.deadline >= self._today()

    def _today(self) -> date:
        """The earliest deadline that still takes answers."""
        return last_open_day(self._clock.now())


def position(one: Match) -> Position:
    """Of a suggestion in its list."""
    return one.score + (one.nudge.by if one.nudge else 0.0), one.id


def shown(row: Row[Any], today: date, *, private: bool) -> Match:
    """A row of COLUMNS as its reader sees it. `today`: the earliest deadline that still takes answers;
    `private`: why the company dismissed it, and what it noted, are this reader's to know."""
    expired = row.state not in GONE and row.deadline < today
    answer = None
    if row.answer is not None:
        answer = {
            "answer": row.answer,
            "reason": row.answer_reason if private else None,
            "note": row.answer_note if private else None,
            "by": row.answered_by,
            "at": row.answered_at,
        }
    state = MatchState.expired.value if expired else row.state
    found = Match.model_validate({**row.document, "state": state, "answer": answer})
    links = Links(
        self=f"/v1/matches/{found.id}",
        page=f"/matches/{found.id}",
        scores="/v1/scores",
    )
    return found.model_copy(update={"links": links})
