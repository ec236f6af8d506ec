"""Who may be in a team for a challenge, and what of it each covers: read from the other rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from schemas.challenge import Challenge
from schemas.company import Company, CompanyState
from schemas.match import GateName, GateState, MatchedChallenge
from services.consortia.acquaintance import SAVES, Acquaintances, counted
from services.consortia.coverage import Coverage, coverage
from services.consortia.meaning import KeptMeaning
from services.consortia.rules import Rules, rules_of
from services.intake.parts import challenge_parts, company_parts
from services.kernel.embedding.lexical import LexicalEncoder
from services.matching.gates import gates

CANDIDATES_MAX = 200
"""Companies considered for a team: the best matches. Who answers a single requirement well is among them, as
requirements are what the score of a match is made of; with 200 the best team is found within a second."""

BARRING = frozenset({GateName.eligible_country, GateName.conflict_of_interest, GateName.exclusion})
"""Gates that keep a company out of a team where they have failed. A readiness level does not: the others of
the team may have it."""


class Challenges(Protocol):
    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]: ...

    async def companies(self, ids: Collection[str]) -> Mapping[str, Company]: ...


class Matches(Protocol):
    async def documents(self, challenge: str, *, limit: int) -> Mapping[str, Mapping[str, Any]]:
        """By company, the suggestions that stand and were not dismissed, the best `limit` of them."""

    async def documents_of(
        self, challenge: str, companies: Collection[str], *, dismissed: bool = True
    ) -> Mapping[str, Mapping[str, Any]]:
        """The same of these companies, whatever rank they have. `dismissed`: those that were, too."""


@dataclass(frozen=True, slots=True)
class Market:
    """`barred`: why a company that was asked for by name may not take part; `unasked`: those that are here
    for the team that they are in, and are asked for no other."""

    challenge: Challenge
    companies: Mapping[str, Company]
    documents: Mapping[str, Mapping[str, Any]]
    coverage: Coverage
    rules: Rules
    barred: Mapping[str, str]
    unasked: frozenset[str] = frozenset()

    def row(self, company: str) -> int | None:
        return self.coverage.place(company)

    def asking(self) -> Market:
        """The same with those alone who may be asked for a new team."""
        rows = [row for row, one in enumerate(self.coverage.candidates) if one.id not in self.unasked]
        candidates = tuple(self.coverage.candidates[row] for row in rows)
        return replace(self, coverage=Coverage(candidates, self.coverage.cells, self.coverage.levels[rows]))


class Markets:
    def __init__(
        self,
        reading: Challenges,
        matches: Matches,
        meaning: KeptMeaning,
        lexical: Callable[[], LexicalEncoder] = LexicalEncoder.shipped,
    ) -> None:
        """`lexical` is called when somebody begins a team, and not before: reading its words takes a
        moment."""
        self._reading = reading
        self._matches = matches
        self._meaning = meaning
        self._lexical = lexical

    async def challenge(self, challenge: str) -> Challenge | None:
        return (await self._reading.challenges([challenge])).get(challenge)

    async def of(
        self,
        challenge: Challenge,
        *,
        fixed: Collection[str] = (),
        named: Collection[str] = (),
        bound: Collection[str] = (),
        without: Collection[str] = (),
    ) -> Market:
        """`fixed`: companies that take part whatever they cover; `named`: others that are wanted here whether
        they match or not; `bound`: those that have consented, whom no better match puts out: they are here as
        long as they match and have not dismissed it; `without`: those that declined. Whoever has worked with
        the fixed ones suits the team better."""
        wanted = {*fixed, *named}
        documents = dict(await self._matches.documents(challenge.id, limit=CANDIDATES_MAX))
        for company in without:
            documents.pop(company, None)
        asked = frozenset(documents)
        if wanted:
            documents |= await self._matches.documents_of(challenge.id, wanted)
        if bound:
            documents |= await self._matches.documents_of(challenge.id, bound, dismissed=False)
        companies = await self._reading.companies({*documents.keys(), *wanted})
        barred = {
            company: reason
            for company, one in companies.items()
            if (reason := _barring(challenge, one)) is not None
        }
        present = [one for company, one in companies.items() if company not in barred]
        found = coverage(challenge, present, documents)
        if fixed:
            found = await self._acquainted(challenge, found, companies, documents, fixed)
        return Market(
            challenge=challenge,
            companies=companies,
            documents=documents,
            coverage=found,
            rules=rules_of(challenge).with_fixed(fixed),
            barred={company: reason for company, reason in barred.items() if company in fixed},
            unasked=frozenset({*documents, *wanted}) - asked,
        )

    async def _acquainted(
        self,
        challenge: Challenge,
        found: Coverage,
        companies: Mapping[str, Company],
        documents: Mapping[str, Mapping[str, Any]],
        fixed: Collection[str],
    ) -> Coverage:
        """With what whoever has worked with the fixed members saves of a member's price."""
        texts = _texts([companies[one.id] for one in found.candidates])
        known = await asyncio.to_thread(lambda: Acquaintances(texts, self._lexical()))
        whole = challenge_parts(challenge)[0].text
        model = next((one["versions"]["model"] for one in documents.values() if "versions" in one), None)
        meaning = None if model is None else await self._meaning.cosines(model, whole, known.texts)
        members = [row for row, one in enumerate(found.candidates) if one.id in fixed]
        likeness = await asyncio.to_thread(known.likeness, whole, meaning)
        saved = SAVES * counted(known.of(members, likeness))
        saved[members] = 0.0
        return found.suiting(saved.tolist())


def _texts(companies: Sequence[Company]) -> list[list[str]]:
    return [[part.text for part in company_parts(one)] for one in companies]


def _barring(challenge: Challenge, company: Company) -> str | None:
    """As the challenge and the profile are now, whether they match or not."""
    if company.state is CompanyState.withdrawn:
        return "its profile was withdrawn"
    if company.state is CompanyState.draft:
        return "its profile is a draft"
    for found in gates(challenge, company):
        if found.gate in BARRING and found.state is GateState.failed:
            return found.reason
    return None


def matched_challenge(challenge: Challenge, public_url: str) -> MatchedChallenge:
    return MatchedChallenge.of(challenge, page=f"{public_url}/challenges/{challenge.id}")
