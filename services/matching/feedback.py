"""A company's answers in its own list and alerts: what they move, why, and how to begin anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from schemas import feedback as contract
from schemas.company import Company
from schemas.feedback import AnswerThatCounts, Moved
from schemas.links import Links
from schemas.match import CompanyAnswer, DismissalReason, Nudge
from services.intake.completion import last_open_day
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Forbidden
from services.kernel.security import Principal
from services.kernel.upsert import insert_or
from services.matching import reader
from services.matching.changes import GONE, Pair
from services.matching.feedback_rules import NUDGE_MAX, nudge, says, strongest
from services.matching.likeness import ChallengeSource, Likeness
from services.matching.model import FeedbackResetRow, MatchRow

ANSWERS_MAX = 200
"""Latest answers of a company that count: years of a busy one, and work on each of its suggestions is
bounded."""
MOVED_MAX = 2_000
"""Best open suggestions of a company among which its answers move; more are open nowhere at a time."""
SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, as far as it speaks of the subject."""

    match: str
    challenge: str
    version: int
    title: str
    answer: CompanyAnswer
    reason: DismissalReason | None
    at: datetime

    @property
    def says(self) -> float:
        return says(self.answer, self.reason)


class Companies(Protocol):
    async def get(self, principal: Principal, company: str) -> Company:
        """Raises NotFound for what the principal may not know of."""


class Speaking(Protocol):
    async def may_answer(self, principal: Principal, company: str, owner: str) -> bool: ...


class Feedback:
    def __init__(self, database: Database, clock: Clock, challenges: ChallengeSource) -> None:
        self._database = database
        self._clock = clock
        self._likeness = Likeness(challenges)

    async def said(self, companies: Collection[str]) -> dict[str, list[Said]]:
        """Per company its answers since it began anew, the latest first; without those that have none."""
        asked = sorted(companies)
        query = (
            select(MatchRow.company, *_SAID)
            .outerjoin(FeedbackResetRow, FeedbackResetRow.company == MatchRow.company)
            .where(
                MatchRow.company.in_(asked),
                MatchRow.answer.is_not(None),
                or_(FeedbackResetRow.reset_at.is_(None), MatchRow.answered_at > FeedbackResetRow.reset_at),
            )
            .order_by(MatchRow.answered_at.desc(), MatchRow.id)
        )
        found: defaultdict[str, list[Said]] = defaultdict(list)
        async with self._database.read() as tx:
            for row in await tx.execute(query):
                if len(found[row.company]) < ANSWERS_MAX:
                    found[row.company].append(_said(row))
        return dict(found)

    async def nudges(self, said: Sequence[Said], challenges: Mapping[str, int]) -> dict[str, Nudge]:
        """How far these answers move each of the challenges (id → version); without those that stay."""
        speaking = [one for one in said if one.says]
        if not speaking or not challenges:
            return {}
        answered = {one.challenge: one.version for one in speaking}
        vectors = await self._likeness.vectors(answered | dict(challenges))
        speaking = [one for one in speaking if one.challenge in vectors]
        weights = [one.says for one in speaking]
        found = {}
        for challenge in challenges:
            if challenge not in vectors or not speaking:
                continue
            cosines = [float(vectors[one.challenge] @ vectors[challenge]) for one in speaking]
            if by := nudge(weights, cosines):
                most = speaking[strongest(weights, cosines)]
                found[challenge] = Nudge(by=by, like=most.title, answer=most.answer)
        return found

    async def of(self, pairs: Collection[Pair]) -> dict[Pair, float]:
        """How far each pair of challenge and company is moved in the company's own alerts; without those that
        are not."""
        companies = {company for _, company in pairs}
        found: dict[Pair, float] = {}
        for company, said in (await self.said(companies)).items():
            asked = sorted(challenge for challenge, of in pairs if of == company)
            versions = await self._versions(company, asked)
            for challenge, moved in (await self.nudges(said, versions)).items():
                found[challenge, company] = moved.by
        return found

    async def _versions(self, company: str, challenges: Collection[str]) -> dict[str, int]:
        query = select(MatchRow.challenge, MatchRow.challenge_version).where(
            MatchRow.company == company, MatchRow.challenge.in_(sorted(challenges))
        )
        async with self._database.read() as tx:
            return {row.challenge: row.challenge_version for row in await tx.execute(query)}

    async def standing(self, company: str) -> list[Any]:
        """Id, challenge, version, owner and score of the best open suggestions of a company, best first."""
        query = (
            select(
                MatchRow.id,
                MatchRow.challenge,
                MatchRow.challenge_version,
                MatchRow.company_owner,
                MatchRow.score,
            )
            .where(
                MatchRow.company == company,
                MatchRow.state.not_in(GONE),
                MatchRow.deadline >= last_open_day(self._clock.now()),
            )
            .order_by(MatchRow.score.desc(), MatchRow.id)
            .limit(MOVED_MAX)
        )
        async with self._database.read() as tx:
            return list((await tx.execute(query)).all())

    async def forget(self, tx: AsyncSession, company: str, by: str) -> None:
        """Answers given so far count no more; they themselves stay."""
        row = {"reset_at": self._clock.now(), "reset_by": by}
        statement = insert_or(tx, FeedbackResetRow).values(company=company, **row)
        await tx.execute(statement.on_conflict_do_update(index_elements=["company"], set_=row))

    async def reset_at(self, company: str) -> datetime | None:
        query = select(FeedbackResetRow.reset_at).where(FeedbackResetRow.company == company)
        async with self._database.read() as tx:
            return (await tx.execute(query)).scalar()


class OwnFeedback:
    """The use cases: the company's side reads what its answers change, and resets it."""

    def __init__(
        self,
        database: Database,
        feedback: Feedback,
        companies: Companies,
        memberships: reader.Memberships,
        speaking: Speaking,
    ) -> None:
        self._database = database
        self._feedback = feedback
        self._companies = companies
        self._memberships = memberships
        self._speaking = speaking

    async def show(self, principal: Principal, company: str) -> contract.Feedback:
        """Raises NotFound, and Forbidden for whoever does not stand on the company's side: why it dismissed
        something is nobody else's business."""
        found = await self._companies.get(principal, company)
        who = await reader.reader(principal, self._memberships)
        if not who.is_company_side(company=found.id, owner=found.owner):
            raise Forbidden(
                "What a company's answers change is for the company itself, and for a cluster that receives "
                "its matches."
            )
        said = (await self._feedback.said([company])).get(company, [])
        standing = {row.challenge: row for row in await self._feedback.standing(company)}
        versions = {challenge: row.challenge_version for challenge, row in standing.items()}
        nudges = await self._feedback.nudges(said, versions)
        titles = await self._titles({standing[challenge].id for challenge in nudges})
        moved = [
            Moved(
                match=standing[challenge].id,
                challenge=challenge,
                title=titles[standing[challenge].id],
                score=standing[challenge].score,
                by=one.by,
                like=one.like,
            )
            for challenge, one in nudges.items()
        ]
        moved.sort(key=lambda one: (-abs(one.by), one.match))
        return contract.Feedback(
            company=company,
            most=NUDGE_MAX,
            answers=tuple(
                AnswerThatCounts(
                    match=one.match,
                    challenge=one.challenge,
                    title=one.title,
                    answer=one.answer,
                    reason=one.reason,
                    says=one.says,
                    at=one.at,
                )
                for one in said[:SHOWN_MAX]
            ),
            moved=tuple(moved[:SHOWN_MAX]),
            since=await self._feedback.reset_at(company),
            links=Links(
                self=f"/v1/companies/{company}/feedback",
                page=f"/companies/{company}#answers",
                matches=f"/v1/companies/{company}/matches",
                scores="/v1/scores",
            ),
        )

    async def reset(self, principal: Principal, company: str) -> None:
        """For whoever may answer. Raises NotFound, Forbidden. Again it does no harm."""
        principal.needs_scope("write")
        found = await self._companies.get(principal, company)
        if not await self._speaking.may_answer(principal, found.id, found.owner):
            raise Forbidden("Only the company itself resets this, or a cluster that it lets act for it.")
        async with self._database.write(durable=True) as tx:
            await self._feedback.forget(tx, company, principal.organisation)

    async def _titles(self, matches: Collection[str]) -> dict[str, str]:
        if not matches:
            return {}
        query = select(MatchRow.id, MatchRow.document).where(MatchRow.id.in_(sorted(matches)))
        async with self._database.read() as tx:
            return {row.id: row.document["challenge"]["title"] for row in await tx.execute(query)}


_SAID = (
    MatchRow.id,
    MatchRow.challenge,
    MatchRow.challenge_version,
    MatchRow.document,
    MatchRow.answer,
    MatchRow.answer_reason,
    MatchRow.answered_at,
)


def _said(row: Any) -> Said:
    return Said(
        match=row.id,
        challenge=row.challenge,
        version=row.challenge_version,
        title=row.document["challenge"]["title"],
        answer=CompanyAnswer(row.answer),
        reason=DismissalReason(row.answer_reason) if row.answer_reason else None,
        at=row.answered_at,
    )
