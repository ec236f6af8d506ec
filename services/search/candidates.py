"""Texts and names near a question, from the vector index, each with how near it comes by which way."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from services.indexing.collections import (
    CHALLENGES,
    COMPANIES,
    ENTITY,
    KIND,
    LETTERS,
    MEANING,
    NAMES,
    PART,
    TEXT,
    VERSION,
    WORDS,
)
from services.indexing.generation import Generation
from services.indexing.names import of_query
from services.kernel.embedding.cached import embed_once
from services.kernel.vectors.port import (
    AnyOf,
    Condition,
    Dense,
    Equals,
    Filter,
    Hit,
    Query,
    Sparse,
    VectorIndex,
)
from services.search.question import Question
from services.search.wanted import Facts, Wanted

NEAREST = 100
"""Texts fetched a way and collection. Five pages of twenty are more than anybody turns; and the embedded
index stops all else for some 10 µs a hit."""
NAMES_NEAREST = 50

NAME = ""
"""Stands for the part of a hit by name or title."""

_FIELDS = (ENTITY, VERSION, PART, "country", "countries", "cpv", "stages", "trl")


@dataclass(slots=True)
class Near:
    """A text (`part` of an entity) or a name (`NAME`). `alias`: COMPANIES or CHALLENGES; `by`: vector space →
    cosine, of LETTERS the share of letters."""

    alias: str
    entity: str
    part: str
    facts: Facts
    by: dict[str, float] = field(default_factory=dict)


async def near(
    generation: Generation,
    question: Question,
    wanted: Wanted,
    *,
    companies: Collection[str] | None,
) -> list[Near]:
    """`companies`: ids of those that may be found; None: all of them. Searched with the filters and without:
    those that they keep away are counted in the facets."""
    ways = await _ways(generation, question)
    index = generation.vectors
    asked: list[tuple[str, str, list[Query]]] = []
    for alias in (COMPANIES, CHALLENGES):
        if alias == COMPANIES and companies is not None and not companies:
            continue
        visible = _visible(alias, companies)
        narrow = wanted.conditions(alias)
        queries = [
            Query(space, vector, NEAREST, Filter(must=(*visible, *conditions)), _FIELDS)
            for space, vector in ways
            for conditions in ([(), narrow] if narrow else [()])
        ]
        asked.append((alias, generation.collection(alias), queries))
        letters = of_query(question.text)
        if NAMES in generation.aliases and letters.indices.size:
            named = Filter(must=(Equals(KIND, alias), *visible))
            query = Query(LETTERS, letters, NAMES_NEAREST, named, _FIELDS)
            asked.append((alias, generation.collection(NAMES), [query]))
    answers = await asyncio.gather(*(_search(index, one, queries) for _, one, queries in asked))
    found: dict[tuple[str, str], Near] = {}
    for (alias, _, queries), hits in zip(asked, answers, strict=True):
        for query, some in zip(queries, hits, strict=True):
            _take(found, alias, query.using, some)
    return list(found.values())


async def _ways(generation: Generation, question: Question) -> list[tuple[str, Dense | Sparse]]:
    """Vector spaces and the question in each."""
    spoken = [question.spoken]
    ways: list[tuple[str, Dense | Sparse]] = [(TEXT, (await embed_once(generation.embedder, spoken))[0])]
    if question.words.indices.size:
        ways.append((WORDS, question.words))
    if generation.meaning is not None:
        meaning = (await generation.meaning.embed(spoken))[0]
        if meaning.any():
            ways.append((MEANING, meaning))
    return ways


def _visible(alias: str, companies: Collection[str] | None) -> tuple[Condition, ...]:
    if alias != COMPANIES or companies is None:
        return ()
    return (AnyOf(ENTITY, tuple(sorted(companies))),)


async def _search(index: VectorIndex, collection: str, queries: Sequence[Query]) -> list[list[Hit]]:
    return await index.search(collection, queries)


def _take(found: dict[tuple[str, str], Near], alias: str, space: str, hits: Sequence[Hit]) -> None:
    for hit in hits:
        entity, part = str(hit.payload[ENTITY]), str(hit.payload.get(PART, NAME))
        one = found.get((entity, part))
        if one is None:
            one = found[entity, part] = Near(alias, entity, part, Facts.of(alias, hit.payload))
        one.by[space] = max(hit.score, one.by.get(space, 0.0))
