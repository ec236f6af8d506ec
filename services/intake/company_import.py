"""A whole file of profiles, in batches: the good rows come in, the others are told, nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from schemas.codes import quoted
from schemas.company import Company, ImportProblem, ImportReport
from schemas.organisation import Organisation
from services.directory.service import Directory
from services.intake import company_store as store
from services.intake.companies import Companies
from services.intake.company_store import Identity
from services.intake.company_writing import CompanyWriter
from services.intake.import_plan import Terms, identity_of, plan
from services.intake.importing import Problem, Reading, Row, read
from services.intake.importing.collation import Collation, collate
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, TransientError, Unavailable
from services.kernel.security import Principal

BATCH = 200
"""Companies in one transaction: some 50 ms in which other writers wait on SQLite, and a disk flush each."""
PROBLEMS_LISTED = 1_000
"""Problems told one by one; all are counted. A file with more needs another look, not a longer list."""
TRIES = 3
"""Times a batch is planned anew when somebody else changed one of its companies meanwhile."""

Progress = Callable[[int, int], None]
"""Called after every batch with the companies done, and how many there are."""


@dataclass(slots=True)
class _Tally:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)

    def report(self, reading: Reading, collation: Collation) -> ImportReport:
        problems = sorted([*collation.problems, *self.problems], key=lambda one: one.line)
        return ImportReport(
            format=reading.format,
            encoding=reading.encoding,
            rows=collation.read,
            created=self.created,
            updated=self.updated,
            unchanged=self.unchanged,
            combined=collation.combined,
            problem_count=len(problems),
            problems=tuple(_told(problem) for problem in problems[:PROBLEMS_LISTED]),
            ignored_columns=tuple(reading.ignored),
        )


class CompanyImport:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        directory: Directory,
        companies: Companies,
        writer: CompanyWriter,
    ) -> None:
        self._database = database
        self._clock = clock
        self._directory = directory
        self._companies = companies
        self._writer = writer

    async def run(
        self,
        principal: Principal,
        data: bytes,
        *,
        owner: str | None = None,
        country: str | None = None,
        language: str = "en",
        draft: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Import a CSV, Excel or JSON Lines file into the principal's organisation (an admin names `owner`).

        `country` is for rows that name none; without it the owner's own. A company is recognised by its legal
        id, else by its name: importing a file again updates, and what is equal stays untouched. `draft`: new
        profiles come in as drafts, and drafts stay drafts; without it drafts that the file has are published.
        InvalidInput
        or TooLarge when the file as a whole cannot be read. When the database fails on the way, Unavailable,
        when others change the same companies Conflict: batches before are in, the sentence says how many.
        """
        keeper = await self._companies.owner(principal, owner)
        terms = Terms(keeper.id, language, self._clock.now(), draft)
        # off the event loop: thousands of rows take seconds to read
        reading = await asyncio.to_thread(read, data)
        try:
            collation = await asyncio.to_thread(collate, reading.rows, country or keeper.country)
        finally:
            reading.close()
        tally = _Tally()
        for start in range(0, len(collation.rows), BATCH):
            batch = collation.rows[start : start + BATCH]
            try:
                await self._take(principal, keeper, batch, terms, tally)
            except TransientError as error:
                if start == 0:
                    raise
                raise Unavailable(_half_way(start, len(collation.rows))) from error
            except Conflict as error:
                if start == 0:
                    raise
                raise Conflict(_half_way(start, len(collation.rows))) from error
            if progress is not None:
                progress(start + len(batch), len(collation.rows))
        return tally.report(reading, collation)

    async def _take(
        self, principal: Principal, keeper: Organisation, batch: Sequence[Row], terms: Terms, tally: _Tally
    ) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                return await self._write(principal, keeper, batch, terms, tally)
            except Conflict:
                if attempt == TRIES:
                    raise
        return None

    async def _write(
        self, principal: Principal, keeper: Organisation, batch: Sequence[Row], terms: Terms, tally: _Tally
    ) -> None:
        """Plan outside any transaction, then write if nothing has changed since, else Conflict."""
        keys = [identity_of(row, terms.owner) for row in batch]
        async with self._database.read() as tx:
            documents = await store.recognised_documents(tx, keys)
        stored = await asyncio.to_thread(store.parsed, documents)
        editable = await self._editable(principal, stored, terms)
        made = await asyncio.to_thread(plan, batch, stored, terms, editable=editable)
        async with self._database.write(durable=True) as tx:
            if await store.recognised_versions(tx, keys) != {one.id: one.version for _, one in stored}:
                raise Conflict("Companies of this file are being changed by somebody else. Import it again.")
            await self._writer.create(tx, keeper, made.new, draft=terms.draft)
            after = await self._writer.change(tx, made.present, publish=not terms.draft)
        before = [company.version for company, _ in made.present]
        updated = sum(company.version != old for company, old in zip(after, before, strict=True))
        tally.created += len(made.new)
        tally.updated += updated
        tally.unchanged += len(after) - updated
        tally.problems += made.problems

    async def _editable(
        self, principal: Principal, stored: Sequence[tuple[Identity, Company]], terms: Terms
    ) -> set[str]:
        """Companies of other owners that the importing cluster has the mandate to act for."""
        if principal.is_admin:
            return set()
        foreign = [company for _, company in stored if company.owner != terms.owner]
        return {
            company.id
            for company in foreign
            if await self._directory.may_edit_company(principal, company.id, company.owner)
        }


def _half_way(done: int, companies: int) -> str:
    return (
        f"The import stopped on its way: {done} of {companies} companies of this file are in. Send the same "
        "file again: what is in is recognised, and the rest follows."
    )


def _told(problem: Problem) -> ImportProblem:
    name = quoted(problem.name).strip("'") if problem.name else None
    return ImportProblem(line=problem.line, reason=problem.reason, name=name)
