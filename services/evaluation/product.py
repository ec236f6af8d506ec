"""The product, measured: its own indexing, candidate search and scoring on a bundle in a scratch index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.challenge import Challenge
from schemas.company import Company
from services.evaluation.bundle import Bundle
from services.evaluation.entities import challenges_of, companies_of
from services.evaluation.methods import Progress, Ranked
from services.indexing.collections import COMPANIES, of_company
from services.indexing.generation import Generation, Generations
from services.intake.parts import REQUIREMENT_PREFIX, company_parts
from services.kernel.database import Database
from services.matching.board import Board, OpenChallenge
from services.matching.candidates import Candidates, candidates
from services.matching.evidence import DISCOUNT
from services.matching.profiles import Profiles
from services.matching.scoring import Challenges, Companies, Scored

PAGE = 256
EVERYTHING = 0.0
"""Lowest score that is looked at: a ranking is judged as a whole, not only what would be suggested of it."""


@dataclass(frozen=True, slots=True)
class Considered:
    """`scores`: by company, as far as it is near; `documents`: matches as they are stored, by company."""

    challenge: Challenge
    scores: Mapping[str, float]
    documents: Mapping[str, Mapping[str, Any]]


class Product:
    """Challenge → companies and back. `generation` and `database` are the caller's; empty, they are filled
    here. `discount`: what each further text of a company counts. Its index is searched by full scan, never
    optimised: an approximate search finds other neighbours each time it is built, and two runs must print the
    same figures."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        generation: Generation,
        database: Database,
        progress: Progress,
        discount: float = DISCOUNT,
    ) -> None:
        companies = companies_of(bundle.companies)
        challenges = challenges_of(bundle.challenges)
        self._companies = {one.id: one for one in companies}
        self._ranked: dict[str, OpenChallenge] = {}
        self._challenges = {one.id: one for one in challenges}
        self._names = {made.id: one.id for made, one in zip(companies, bundle.companies, strict=True)}
        self._names |= {made.id: one.id for made, one in zip(challenges, bundle.challenges, strict=True)}
        self._company_ids = {self._names[one.id]: one.id for one in companies}
        self._challenge_ids = {self._names[one.id]: one.id for one in challenges}
        self._generations = Generations(generation)
        self._profiles = Profiles(self, generation.embedder, generation.lexical)
        self._board = Board(database, self, generation)
        self._progress = progress
        self._discount = discount

    async def fill(self) -> None:
        """Index the companies."""
        await self._generations.open()
        total = len(self._companies)
        for done, page in self._pages():
            await self._generations.serving.write(
                COMPANIES, [of_company(company, company_parts(company)) for company in page]
            )
            self._progress("indexing companies", done, total)

    async def rank(self, challenge: str) -> list[Ranked]:
        """Companies near a challenge as it would be announced, best first: what the product would suggest,
        were there no threshold."""
        look = await self._board.look(self._challenges[self._challenge_ids[challenge]])
        self._ranked[challenge] = look.ready
        near = await self._profiles.get(look.near.versions)
        profiles = sorted(near.values(), key=lambda one: one.company.id)
        found = candidates([look.ready], profiles, floor=EVERYTHING, discount=self._discount)
        return [
            Ranked(self._names[profiles[column].company.id], score) for _, column, score in _scores(found)
        ]

    async def alone(self, challenge: str, companies: Collection[str]) -> dict[str, float]:
        """The score that each of these would have with the one of its texts that comes nearest to the
        challenge as a whole, and no other; the challenge was ranked before."""
        if not companies:
            return {}
        known = list((await self._profiles.get({self._company_ids[one]: 1 for one in companies})).values())
        asked = Challenges([self._ranked[challenge].texts])
        offering, apart = (Companies([profile.texts for profile in known]) for _ in range(2))
        apart.starts = np.arange(len(apart.texts) + 1)  # every text is a company by itself
        together, alone = Scored(asked, offering), Scored(asked, apart).totals[0]
        found = {}
        for column, profile in enumerate(known):
            nearest = together.details(0, column).parts[0].capability or 0
            found[self._names[profile.company.id]] = float(alone[offering.starts[column] + nearest])
        return found

    async def considered(self, challenge: str, *, limit: int) -> Considered:
        """Everybody's score for a challenge, and what matching would say of the best `limit`, requirement by
        requirement, as far as consortia read it."""
        look = await self._board.look(self._challenges[self._challenge_ids[challenge]])
        near = await self._profiles.get(look.near.versions)
        profiles = sorted(near.values(), key=lambda one: one.company.id)
        found = candidates([look.ready], profiles, floor=EVERYTHING)
        documents = {}
        for row, column in found.pairs[:limit]:
            assert found.scored is not None
            details = found.scored.details(row, column)
            documents[profiles[column].company.id] = {
                "score": details.score,
                "requirements": [
                    {"id": part.id.removeprefix(REQUIREMENT_PREFIX), "score": part.score}
                    for part in details.parts[1:]
                ],
            }
        return Considered(
            challenge=look.ready.challenge,
            scores={profiles[column].company.id: score for _, column, score in _scores(found)},
            documents=documents,
        )

    @property
    def everybody(self) -> Mapping[str, Company]:
        """All companies, by id."""
        return self._companies

    def named(self, company: str) -> str:
        """The id of a company as the product has it."""
        return self._company_ids[company]

    async def scores(self, company: str) -> dict[str, float]:
        """A profile against all open challenges, as when it changes."""
        await self._board.refresh()
        open_challenges = self._board.challenges()
        profiles = list((await self._profiles.get({self._company_ids[company]: 1})).values())
        found = candidates(
            open_challenges,
            profiles,
            floor=EVERYTHING,
            stack=self._board.stack(),
            discount=self._discount,
        )
        return {self._names[open_challenges[row].challenge.id]: score for row, _, score in _scores(found)}

    # -- what the product reads from its database, read from the bundle ---------------------------------

    async def companies(self, ids: Collection[str]) -> Mapping[str, Company]:
        return {one: self._companies[one] for one in ids}

    async def active_companies(self) -> AsyncIterator[Sequence[Company]]:
        for _, page in self._pages():
            yield page

    async def active_count(self) -> int:
        return len(self._companies)

    async def open_versions(self) -> Mapping[str, int]:
        return {one.id: one.version for one in self._challenges.values()}

    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]:
        return {one: self._challenges[one] for one in ids}

    def _pages(self) -> Iterator[tuple[int, Sequence[Company]]]:
        companies = list(self._companies.values())
        for start in range(0, len(companies), PAGE):
            page = companies[start : start + PAGE]
            yield start + len(page), page


def _scores(found: Candidates) -> Iterator[tuple[int, int, float]]:
    """Places of challenge and profile, and their score, best first."""
    if found.scored is not None:
        for row, column in found.pairs:
            yield row, column, float(found.scored.totals[row, column])
