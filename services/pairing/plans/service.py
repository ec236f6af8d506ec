"""Use cases of investment plans: sent, sent again, listed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError
from sqlalchemy import or_, true
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge, ChallengeContent, ChallengeState
from schemas.codes import quoted
from schemas.company import ImportProblem
from schemas.plan import Plan, PlanContent, PlannedNeed, PlanReport, PlanRow, PlanTerms
from services.directory.service import Directory
from services.intake import completion
from services.intake.buyers import Buyers
from services.intake.challenge_store import content_of
from services.intake.challenges import Challenges
from services.intake.diff import changes
from services.intake.importing import Problem, read
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import FieldError, InvalidInput, NotFound
from services.kernel.security import Principal
from services.pairing import model
from services.pairing.plans import contents, store
from services.pairing.plans.columns import PLANS

BATCH = 100
"""Needs of a file written in one transaction: a tenth of a second in which other writers wait on SQLite."""
PROBLEMS_LISTED = 1_000
"""Problems told one by one; all are counted."""

Write = Callable[[AsyncSession], Awaitable[Challenge]]
_TABLE = model.PlanRow.__table__


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One row, ready to be written. `version`: of the need that is there, None for a new one; `write` is None
    where nothing changes."""

    reference: str
    version: int | None
    write: Write | None


@dataclass(slots=True)
class _Tally:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)


class Plans:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        directory: Directory,
        challenges: Challenges,
        *,
        public_url: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._challenges = challenges
        self._buyers = Buyers(directory.organisations)
        self._public_url = public_url

    async def sending(
        self, principal: Principal, content: PlanContent
    ) -> Callable[[AsyncSession], Awaitable[PlanReport]]:
        """Check a plan; what comes back writes all of it in a transaction of the caller's.

        A plan is recognised by its owner and name, a need by its reference. InvalidInput, naming each row,
        when any of them cannot be taken; Forbidden for who does not speak for the buyer.
        """
        terms = _terms(content)
        buyer = (await self._buyers.of(principal, terms.buyer)).id
        numbered = list(enumerate(content.needs))
        prepared, problems = await self._prepare(principal, terms, buyer, numbered)
        if problems:
            errors = [FieldError(pointer=f"/needs/{one.line}", detail=one.reason) for one in problems]
            raise InvalidInput(
                f"{len(errors)} of {len(numbered)} needs cannot be taken, so none was. "
                f"{errors[0].pointer}: {errors[0].detail}",
                errors=errors,
            )
        sent = {one.reference for one in content.needs}

        async def write(tx: AsyncSession) -> PlanReport:
            tally = _Tally()
            plan, absent = await self._write(tx, principal, terms, buyer, prepared, sent, tally)
            return _report(plan, tally, rows=len(numbered), absent=absent)

        return write

    async def import_file(self, principal: Principal, data: bytes, terms: PlanTerms) -> PlanReport:
        """Take a CSV, Excel or JSON Lines file: rows that cannot be taken are told with line and reason, the
        others come in, batch by batch; sending the file again changes only what is new in it.

        InvalidInput or TooLarge when the file as a whole cannot be read.
        """
        buyer = (await self._buyers.of(principal, terms.buyer)).id
        # off the event loop: thousands of rows take seconds to read
        reading = await asyncio.to_thread(read, data, PLANS)
        try:
            found = await asyncio.to_thread(contents.planned, reading.rows)
        finally:
            reading.close()
        if not found.needs and not found.problems:
            raise InvalidInput("The file has headings and no rows. Write one need on each row.")
        tally = _Tally(problems=list(found.problems))
        sent = {need.reference for _, need in found.needs} | found.broken
        for start in range(0, max(len(found.needs), 1), BATCH):
            batch = found.needs[start : start + BATCH]
            prepared, problems = await self._prepare(principal, terms, buyer, batch)
            tally.problems += problems
            async with self._database.write(durable=True) as tx:
                plan, absent = await self._write(tx, principal, terms, buyer, prepared, sent, tally)
        return _report(
            plan,
            tally,
            rows=found.read,
            absent=absent,
            format=reading.format,
            encoding=reading.encoding,
            ignored=tuple(reading.ignored),
        )

    async def page(self, principal: Principal, *, after: str | None, limit: int) -> list[Plan]:
        """The principal's own plans and those of which it is the buyer, newest first."""
        condition = (
            true()
            if principal.is_admin
            else or_(_TABLE.c.owner == principal.organisation, _TABLE.c.buyer == principal.organisation)
        )
        async with self._database.read() as tx:
            return await store.page(tx, condition, after=after, limit=limit)

    async def get(self, principal: Principal, plan: str) -> Plan:
        """NotFound for one that is not there, or somebody else's."""
        async with self._database.read() as tx:
            found = await store.page(tx, _TABLE.c.id == plan, after=None, limit=1)
        if not found or not (
            principal.is_admin or principal.organisation in (found[0].owner, found[0].buyer)
        ):
            raise NotFound(f"There is no plan {quoted(plan)} that you may see. GET /v1/plans lists yours.")
        return found[0]

    async def rows(self, principal: Principal, plan: str, *, after: str | None, limit: int) -> list[PlanRow]:
        """The needs of a plan as they stand now, by their references; for the buyer those that whoever sent
        the plan lets it read."""
        found = await self.get(principal, plan)
        made: list[PlanRow] = []
        while len(made) < limit:
            async with self._database.read() as tx:
                rows = await store.rows_of(tx, found.id, after=after, limit=limit)
            needs = await self._challenges.many([challenge for _, challenge in rows])
            made += [
                self._planned(reference, needs[challenge])
                for reference, challenge in rows
                if await self._may_read(principal, needs[challenge])
            ]
            if len(rows) < limit:
                break
            after = rows[-1][0]
        return made[:limit]

    def _planned(self, reference: str, need: Challenge) -> PlanRow:
        return PlanRow(
            reference=reference,
            challenge=need.id,
            title=need.title,
            state=need.state,
            readers=need.draft_readers,
            purchase=need.purchase,
            page=f"{self._public_url}/challenges/{need.id}",
        )

    async def _may_read(self, principal: Principal, need: Challenge) -> bool:
        if principal.organisation == need.announced_by:
            return True
        try:
            await self._challenges.get(principal, need.id)
        except NotFound:
            return False
        return True

    # ------------------------------------------------------------------------------------------------

    async def _prepare(
        self,
        principal: Principal,
        terms: PlanTerms,
        buyer: str,
        needs: Sequence[tuple[int, PlannedNeed]],
    ) -> tuple[list[_Prepared], list[Problem]]:
        """Outside any transaction: requirements are cut from every new text."""
        known = await self._known(principal, terms.name)
        prepared, problems = [], []
        for line, need in needs:
            try:
                prepared.append(await self._row(principal, terms, buyer, need, known.get(need.reference)))
            except InvalidInput as problem:
                detail = problem.errors[0].detail if problem.errors else problem.detail
                problems.append(Problem(line, detail, need.title))
        return prepared, problems

    async def _known(self, principal: Principal, name: str) -> Mapping[str, Challenge]:
        """What the plan of this name holds now, by reference."""
        async with self._database.read() as tx:
            plan = await store.named(tx, principal.organisation, name)
            references = await store.references(tx, plan.id) if plan else {}
        needs = await self._challenges.many(references.values())
        return {reference: needs[challenge] for reference, challenge in references.items()}

    async def _row(
        self,
        principal: Principal,
        terms: PlanTerms,
        buyer: str,
        need: PlannedNeed,
        before: Challenge | None,
    ) -> _Prepared:
        fields = contents.fields_of(need, terms, self._clock.now().date())
        if before is None:
            content = contents.content_of(fields, buyer)
            write = await self._challenges.announcing(principal, content, draft=True)
            return _Prepared(need.reference, None, write)
        if before.buyer != buyer:
            raise InvalidInput("This plan is another buyer's. Give the plan of this buyer a name of its own.")
        changed = contents.kept(need, fields, before)

        def revise(content: ChallengeContent) -> ChallengeContent:
            try:
                return completion.revised(content, changed)
            except ValidationError as error:
                raise InvalidInput(error.errors()[0]["msg"]) from error

        if before.state is not ChallengeState.draft:
            old = content_of(before)
            if changes(old, revise(old)):
                raise InvalidInput(
                    f"This need is {before.state.value} by now ({before.id}); a plan changes drafts alone. "
                    "Amend the challenge itself, or give the row a new reference."
                )
            return _Prepared(need.reference, before.version, None)
        write = await self._challenges.amending(principal, before.id, revise, _any_version)
        return _Prepared(need.reference, before.version, write)

    async def _write(
        self,
        tx: AsyncSession,
        principal: Principal,
        terms: PlanTerms,
        buyer: str,
        prepared: Sequence[_Prepared],
        sent: set[str],
        tally: _Tally,
    ) -> tuple[Plan, int]:
        """The plan afterwards, and how many of its needs were not sent this time."""
        now, owner = self._clock.now(), principal.organisation
        plan = await store.named(tx, owner, terms.name, lock=True)
        fresh = plan is None
        if plan is None:
            plan = await store.create(
                tx, owner=owner, buyer=buyer, name=terms.name, readers=terms.readers, now=now
            )
        changed = 0
        for one in prepared:
            if one.write is None:
                tally.unchanged += 1
                continue
            made = await one.write(tx)
            if one.version is None:
                await store.add(tx, plan.id, one.reference, made.id)
                tally.created += 1
                changed += 1
            elif made.version != one.version:
                tally.updated += 1
                changed += 1
            else:
                tally.unchanged += 1
        if not fresh and (changed or plan.readers is not terms.readers):
            await store.touch(tx, plan, terms.readers, now)
        after = await store.named(tx, owner, terms.name)
        assert after is not None
        return after, len((await store.references(tx, plan.id)).keys() - sent)


def _any_version(_version: int) -> None:
    """`amending` itself sees to it that nobody changes the need in between."""


def _terms(content: PlanContent) -> PlanTerms:
    return PlanTerms.model_construct(**{name: getattr(content, name) for name in PlanTerms.model_fields})


def _report(
    plan: Plan,
    tally: _Tally,
    *,
    rows: int,
    absent: int,
    format: str = "json",  # noqa: A002
    encoding: str = "utf-8",
    ignored: tuple[str, ...] = (),
) -> PlanReport:
    problems = sorted(tally.problems, key=lambda one: one.line)
    return PlanReport.model_validate(
        {
            "plan": plan,
            "format": format,
            "encoding": encoding,
            "rows": rows,
            "created": tally.created,
            "updated": tally.updated,
            "unchanged": tally.unchanged,
            "absent": absent,
            "problem_count": len(problems),
            "problems": [
                ImportProblem(line=one.line, reason=one.reason, name=one.name)
                for one in problems[:PROBLEMS_LISTED]
            ],
            "ignored_columns": ignored,
        }
    )
