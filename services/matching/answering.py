"""Use cases of the company: opening a suggestion, answering it, taking the answer back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import Row, case, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import MatchAnswered
from schemas.match import CompanyAnswer, Match, MatchAnswerContent, MatchState, MatchSuggestion
from services.intake.completion import last_open_day
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, Forbidden, NotFound, TransientError
from services.kernel.security import CLUSTER, Principal
from services.matching import reader, telling
from services.matching.changes import GONE
from services.matching.model import MatchRow
from services.matching.service import COLUMNS, Matches, shown

Write = Callable[[AsyncSession], Awaitable[Match]]


class Memberships(reader.Memberships, Protocol):
    async def clusters_of(
        self, companies: Collection[str], tx: AsyncSession | None = None
    ) -> Mapping[str, Collection[str]]:
        """Per company, the clusters with the mandate to receive its matches."""


class Answering:
    """What a company does with its suggestions, itself or by a cluster as far as its mandate says.

    To look at one takes the mandate to receive, to answer the mandate to act. An answer may be changed and
    taken back. It says nothing of the company's merit: no score ever depends on it, and no order but that of
    the company's own list, alerts and digests (`Feedback`).
    """

    def __init__(self, database: Database, clock: Clock, matches: Matches, memberships: Memberships) -> None:
        self._database = database
        self._clock = clock
        self._matches = matches
        self._memberships = memberships

    async def open(self, principal: Principal, match: str) -> Match:
        """The suggestion, which its company has `seen` from now on if it is one of theirs who looks.

        Raises NotFound as `Matches.get` does. Where the database takes no writes it is shown all the same:
        that somebody looked can be written down the next time.
        """
        who = await reader.reader(principal, self._memberships)
        found = await self._matches.get(principal, match)
        if not who.is_company_side(company=found.company.id, owner=found.company.owner):
            return found
        if found.state not in (MatchState.suggested, MatchState.notified):
            return found
        try:
            async with self._database.write() as tx:
                await tx.execute(_seen(match, self._clock.now()))
        except TransientError:
            return found
        return found.model_copy(update={"state": MatchState.seen})

    async def may_answer(self, principal: Principal, company: str, owner: str) -> bool:
        """Whether the principal speaks for this company: its owner, or a cluster that acts for it."""
        if "write" not in principal.scopes and "admin" not in principal.scopes:
            return False
        return await self._speaks_for(principal, company, owner)

    async def answering(self, principal: Principal, match: str, content: MatchAnswerContent) -> Write:
        """Checks the right to answer; what comes back writes the answer in a transaction of the caller's.

        Raises NotFound for a match the principal does not see, Forbidden for one that is not its own to
        answer, and, when it writes, Conflict for one that cannot be answered any more. The same answer again
        is no news.
        """
        await self._allowed(principal, match)

        async def write(tx: AsyncSession) -> Match:
            row = await self._row(tx, match)
            now = self._clock.now()
            _must_be_open(row, last_open_day(now))
            given = {
                "answer": content.answer.value,
                "answer_reason": content.reason.value if content.reason else None,
                "answer_note": content.note,
            }
            if all(getattr(row, name) == value for name, value in given.items()):
                return await self._shown(tx, row)
            by = {"answered_by": principal.organisation, "answered_at": now}
            state = {"state": content.answer.value, "seen_at": row.seen_at or now}
            await _set(tx, match, given | by | state)
            if row.answer != content.answer:
                await self._tell(tx, row, content.answer, principal, now)
            return await self._shown(tx, await self._row(tx, match))

        return write

    async def taking_back(self, principal: Principal, match: str) -> Write:
        """The same for taking an answer back, which can be done at any time; without one nothing happens."""
        await self._allowed(principal, match)

        async def write(tx: AsyncSession) -> Match:
            row = await self._row(tx, match)
            now = self._clock.now()
            if row.answer is not None:
                nothing = dict.fromkeys(
                    ("answer", "answer_reason", "answer_note", "answered_by", "answered_at")
                )
                state = row.state if row.state in GONE else MatchState.seen.value
                await _set(tx, match, nothing | {"state": state, "seen_at": row.seen_at or now})
                await self._tell(tx, row, None, principal, now)
            return await self._shown(tx, await self._row(tx, match))

        return write

    async def answer(self, principal: Principal, match: str, content: MatchAnswerContent) -> Match:
        """`answering`, in a transaction of its own."""
        write = await self.answering(principal, match, content)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def take_back(self, principal: Principal, match: str) -> Match:
        """`taking_back`, in a transaction of its own."""
        write = await self.taking_back(principal, match)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def _allowed(self, principal: Principal, match: str) -> None:
        principal.needs_scope("write")
        found = await self._matches.get(principal, match)
        if not await self._speaks_for(principal, found.company.id, found.company.owner):
            raise Forbidden(
                "Only the company itself answers, or a cluster that it lets act for it. Ask the company for "
                "the mandate 'act', or let it answer."
            )

    async def _speaks_for(self, principal: Principal, company: str, owner: str) -> bool:
        if principal.organisation == owner:
            return True
        if principal.role != CLUSTER:
            return False
        mandate = await self._memberships.mandate(principal.organisation, company)
        return mandate is not None and mandate.act and mandate.receive

    async def _row(self, tx: AsyncSession, match: str) -> Row[Any]:
        query = select(*COLUMNS).where(MatchRow.id == match).with_for_update()
        row = (await tx.execute(query)).first()
        if row is None:
            raise NotFound(f"There is no match {match!r} that you may see.")
        return row

    async def _shown(self, tx: AsyncSession, row: Row[Any]) -> Match:
        found = shown(row, last_open_day(self._clock.now()), private=True)
        return (await self._matches.with_profiles([found], tx))[0]

    async def _tell(
        self, tx: AsyncSession, row: Row[Any], answer: CompanyAnswer | None, by: Principal, now: datetime
    ) -> None:
        """For whoever hears of the suggestion itself: neither reason nor note, which are the company's own,
        and in a ledger would be there for ever."""
        about = MatchSuggestion.model_validate(row.document)
        data = MatchAnswered(
            match=about.id,
            challenge=about.challenge,
            company=about.company,
            score=about.score,
            answer=answer,
            by=by.organisation,
            at=now,
        )
        clusters = await self._memberships.clusters_of([about.company.id], tx)
        await journal.append(tx, [telling.of_pair(data, clusters[about.company.id])], now=now)


def _must_be_open(row: Row[Any], today: date) -> None:
    if row.state in GONE:
        raise Conflict("This suggestion no longer stands, so there is nothing to answer.")
    if row.deadline < today:
        raise Conflict("The challenge is closed and takes no more answers.")


async def _set(tx: AsyncSession, match: str, values: Mapping[str, Any]) -> None:
    await tx.execute(update(MatchRow.__table__).where(MatchRow.id == match).values(**values))  # type: ignore[arg-type]


def _seen(match: str, now: datetime) -> Any:
    early = (MatchState.suggested.value, MatchState.notified.value)
    return (
        update(MatchRow)
        .where(MatchRow.id == match, MatchRow.seen_at.is_(None), MatchRow.state.not_in(GONE))
        .values(
            seen_at=now,
            state=case((MatchRow.state.in_(early), MatchState.seen.value), else_=MatchRow.state),
        )
        .execution_options(synchronize_session=False)
    )
