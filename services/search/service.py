"""The use case: somebody asks, and sees what they may see."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.challenge import Challenge
from schemas.company import Capability, Company, Reference
from schemas.links import Links
from schemas.search import (
    FoundBy,
    FoundField,
    FoundItem,
    FoundText,
    ReadAs,
    SearchAnswer,
    SearchKind,
)
from services.indexing.collections import CHALLENGES
from services.intake.challenges import Challenges
from services.intake.companies import Companies
from services.intake.freshness import standing
from services.intake.parts import REQUIREMENT_PREFIX, WHOLE, Part, company_parts
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.security import Principal
from services.kernel.web.pagination import encode_cursor
from services.search.candidates import NAME, Near, near
from services.search.ports import SearchIndex
from services.search.question import Question, read
from services.search.ranking import Position, Unit, behind, claimed, facets, narrowed, units, without
from services.search.reasons import Reasons, Source
from services.search.spelling import Spelling
from services.search.wanted import Wanted

TEXTS_SHOWN = 3
"""Texts named of a challenge or company: the third best still says something, the tenth does not."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What it takes to read a question and to give reasons."""

    lexical: LexicalEncoder
    multilingual: MultilingualEncoder
    spelling: Spelling
    reasons: Reasons

    @classmethod
    def shipped(cls) -> _Reading:
        lexical, multilingual = LexicalEncoder.shipped(), MultilingualEncoder.shipped()
        return cls(lexical, multilingual, Spelling(lexical.known), Reasons(lexical, multilingual))


class Search:
    """Challenges are everybody's, as far as they are announced and open; of companies and their capabilities
    everybody finds what they may read."""

    def __init__(self, index: SearchIndex, challenges: Challenges, companies: Companies) -> None:
        self._index = index
        self._challenges = challenges
        self._companies = companies
        self._reading: _Reading | None = None
        self._preparing = asyncio.Lock()

    async def find(
        self,
        principal: Principal | None,
        text: str,
        wanted: Wanted,
        *,
        language: str | None = None,
        after: Position | None = None,
        limit: int,
    ) -> SearchAnswer:
        """A page, best first. `language`: of the text, None to have it guessed. Raises `Unavailable`."""
        generation = await self._index.generation()
        reading = await self._ready()
        question = await asyncio.to_thread(
            read, text, language, reading.lexical, reading.spelling, reading.multilingual
        )
        visible = frozenset[str]() if principal is None else await self._companies.findable(principal)
        found = await near(generation, question, wanted, companies=visible)
        ranked = units(await self._permitted(principal, found))
        if wanted.looks_at_claims:
            capable = {one.entity for one in ranked if one.kind is SearchKind.capability}
            ranked = claimed(ranked, await self._companies.claims(capable))
        chosen = narrowed(ranked, wanted)
        page = behind(chosen, after)
        items = await self._items(reading.reasons, question, page[:limit])
        return SearchAnswer(
            items=tuple(items),
            next=encode_cursor(page[limit - 1].position) if len(page) > limit else None,
            total=len(chosen),
            language=question.language,
            spelling=_read_as(question, items),
            facets=facets(ranked, wanted),
            without=() if chosen else without(ranked, wanted),
        )

    async def _ready(self) -> _Reading:
        """Takes a second or two the first time."""
        async with self._preparing:
            if self._reading is None:
                self._reading = await asyncio.to_thread(_Reading.shipped)
        return self._reading

    async def _permitted(self, principal: Principal | None, found: Sequence[Near]) -> list[Near]:
        """The index may be a moment behind; who may see what is asked of the rows."""
        ids = {one.entity for one in found if one.alias == CHALLENGES}
        seen = await self._challenges.open_among(ids)
        if principal is not None:
            seen |= await self._companies.among(principal, {one.entity for one in found} - ids)
        return [one for one in found if one.entity in seen]

    async def _items(self, reasons: Reasons, question: Question, page: Sequence[Unit]) -> list[FoundItem]:
        challenges = await self._challenges.many(
            {one.entity for one in page if one.kind is SearchKind.challenge}
        )
        companies = await self._companies.many(
            {one.entity for one in page if one.kind is not SearchKind.challenge}
        )
        return await asyncio.to_thread(_described, reasons, question, page, challenges, companies)


def _described(
    reasons: Reasons,
    question: Question,
    page: Sequence[Unit],
    challenges: Mapping[str, Challenge],
    companies: Mapping[str, Company],
) -> list[FoundItem]:
    items = []
    for one in page:
        if one.kind is SearchKind.challenge and (challenge := challenges.get(one.entity)) is not None:
            items.append(_challenge(reasons, question, one, challenge))
        elif (company := companies.get(one.entity)) is not None:
            items.append(_company(reasons, question, one, company))
    return items


def _challenge(reasons: Reasons, question: Question, unit: Unit, challenge: Challenge) -> FoundItem:
    sources = [source for text in unit.texts for source in _of_challenge(challenge, text.part)]
    return FoundItem(
        kind=unit.kind,
        challenge=challenge.id,
        name=challenge.title,
        buyer_name=challenge.buyer_name,
        deadline=challenge.deadline,
        trl=challenge.trl_start,
        relevance=unit.relevance,
        found_in=_texts(reasons, question, sources),
        links=Links(
            self=f"/v1/challenges/{challenge.id}",
            page=f"/challenges/{challenge.id}",
            matches=f"/v1/challenges/{challenge.id}/matches",
        ),
    )


def _company(reasons: Reasons, question: Question, unit: Unit, company: Company) -> FoundItem:
    parts = {part.id: part for part in company_parts(company)}
    owners: list[Capability | Reference] = [*company.capabilities, *company.references]
    stated = {one.id: one for one in owners}
    sources = [source for text in unit.texts for source in _of_company(company, text.part, parts, stated)]
    return FoundItem(
        kind=unit.kind,
        company=company.id,
        name=company.name,
        country=company.country,
        profile=standing(company),
        trl=unit.facts.trl,
        relevance=unit.relevance,
        found_in=_texts(reasons, question, sources),
        links=Links(
            self=f"/v1/companies/{company.id}",
            page=f"/companies/{company.id}",
            matches=f"/v1/companies/{company.id}/matches",
        ),
    )


def _of_challenge(challenge: Challenge, part: str) -> list[Source]:
    """The texts that a part of the index stands for; none if this version has it no more."""
    language = challenge.language
    title = Source(FoundField.challenge_title, None, challenge.title, language)
    if part == NAME:
        return [title, Source(FoundField.buyer, None, challenge.buyer_name, None)]
    if part == WHOLE:
        return [title, Source(FoundField.need, None, challenge.need, language)]
    wanted = part.removeprefix(REQUIREMENT_PREFIX)
    return [
        Source(FoundField.requirement, one.id, one.text, language)
        for one in challenge.requirements
        if one.id == wanted
    ]


def _of_company(
    company: Company, part: str, parts: Mapping[str, Part], stated: Mapping[str, Capability | Reference]
) -> list[Source]:
    if part == NAME:
        return [Source(FoundField.company_name, None, company.name, None)]
    there = parts.get(part)
    if there is None:
        return []
    owner = stated[there.stated_as]
    field = FoundField.reference if isinstance(owner, Reference) else FoundField.capability
    return [Source(field, owner.id, there.text, owner.language)]


def _texts(reasons: Reasons, question: Question, sources: Sequence[Source]) -> tuple[FoundText, ...]:
    """The first few that say why; those with words before those of likeness alone, of which one is enough."""
    distinct = list({(one.field, one.id): one for one in reversed(sources)}.values())[::-1][: 2 * TEXTS_SHOWN]
    found = [reasons.found_text(question, one) for one in distinct]
    told = [one for one in found if one.by is not FoundBy.meaning]
    return tuple((told or _longest(found))[:TEXTS_SHOWN])


def _longest(found: Sequence[FoundText]) -> list[FoundText]:
    """Of the likeness of a whole challenge the need says more than the title, which is shown anyway."""
    names = (FoundField.challenge_title, FoundField.buyer)
    return sorted(found, key=lambda one: one.field in names)[:1]


def _read_as(question: Question, items: Sequence[FoundItem]) -> tuple[ReadAs, ...]:
    """Words that the texts shown have only as they may have been meant."""
    words = [word for item in items for text in item.found_in for word in text.words]
    found = []
    for written in question.meant:
        mine = [one.word for one in words if one.stands_for == written]
        if mine and written.casefold() not in {one.casefold() for one in mine}:
            found.append(ReadAs(word=written, read_as=mine[0].casefold()))
    return tuple(found)
