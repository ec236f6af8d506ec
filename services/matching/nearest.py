"""Asking the vector index: which companies have texts near a part, and how near texts in general are.

A part that the embedding model reads is looked for among all texts by its embedding and by its words, and
among those that the model cannot read by what it means across languages; a part that it cannot read, among
all of them by that and by its words. Requirements are asked for less: they are mostly cut from the need, and
what answers them well is at the top of their list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from schemas.codes import OFFICIAL_EU_LANGUAGES
from services.indexing.collections import (
    COMPANIES,
    ENTITY,
    LANGUAGE,
    MEANING,
    TEXT,
    UNREAD,
    VERSION,
    WORDS,
)
from services.indexing.generation import Generation
from services.intake.parts import WHOLE, Part
from services.kernel.embedding.fixed_point import quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder, Vectors
from services.kernel.embedding.source import reads
from services.kernel.vectors.port import AnyOf, Dense, Filter, Hit, Query, Sparse
from services.matching.across import level_of_meanings
from services.matching.evidence import NEIGHBOURS, Background, Texts, measure_background
from services.matching.said import Said

DENSE_NEAREST = 200
WORDS_NEAREST = 200
"""Texts fetched for the whole by meaning and by words. On CORDIS (3,326 organisations) the 250 companies they
belong to, scored exactly, reach nDCG@50 .270, as all companies do; half as many texts reach .265."""
REQUIREMENT_NEAREST = 50
"""Of a requirement, either way; a search that tells its background fetches NEIGHBOURS and takes these."""
EQUAL = 8
"""Further texts that are fetched and not taken. Several companies may have the same text, and an engine has
such texts in any order: which of them are the last to be taken is decided here, the same way each time."""
AS_GOOD_AS_EQUAL = 1e-6
"""Scores nearer than this are equal: an engine sums in an order of its own, and the last digits follow it.
Two different texts are hardly ever so near."""
EQUAL_MAX = 1_024
"""Texts fetched at most where those that are equal to the last one taken do not end. Among more of them the
engine's order decides."""

UNREAD_SHARE_MIN = 0.1
"""Texts that the model cannot read are looked for as many as is their share of the index, but not fewer than
this share."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Parts of a challenge and their vectors: for the index (`dense`, `words`), and for scoring (`texts`)."""

    parts: tuple[Part, ...]
    dense: Vectors
    words: tuple[Sparse, ...]
    texts: Texts


@dataclass(slots=True)
class Nearest:
    """`versions`: companies with a text near any part, and the version of their profile in the index;
    `backgrounds`: by part id."""

    versions: dict[str, int] = field(default_factory=dict)
    backgrounds: dict[str, Background] = field(default_factory=dict)


async def embed(embedder: Embedder, lexical: LexicalEncoder, parts: Sequence[Part]) -> Embedded:
    """At least one part."""

    async def cut() -> tuple[tuple[Sparse, ...], Said]:
        return tuple(lexical.query(part.text) for part in parts), Said.of(parts, embedder.model.name)

    # In this order: words are cut while the model is at work.
    dense, (words, said) = await asyncio.gather(embedder.embed([part.text for part in parts]), cut())
    return Embedded(tuple(parts), dense, words, Texts.of(quantise(dense), words, said))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One search: of which part, how many of its hits are taken, and whether its answer tells the background
    of that part."""

    part: int
    query: Query
    taken: int
    tells: bool = False

    def undecided(self, hits: Sequence[Hit]) -> bool:
        """Whether texts as near as the last one taken may be missing."""
        if not self.taken < len(hits) == self.query.limit < EQUAL_MAX:
            return False
        return _equals(hits, self.taken - 1).stop == len(hits)

    def deeper(self) -> _Asked:
        return replace(self, query=replace(self.query, limit=min(EQUAL_MAX, 4 * self.query.limit)))


async def nearest(generation: Generation, embedded: Embedded) -> Nearest:
    """All searches for all parts in one request. By the collection's own name, not by the alias: vectors
    of one model are never held against another's, also while the alias moves."""
    collection = generation.collection(COMPANIES)
    indexed = await generation.vectors.count(collection)
    asked = await _asked(generation, collection, embedded, indexed)
    answers = list(await generation.vectors.search(collection, [one.query for one in asked]))
    while again := [place for place, one in enumerate(asked) if one.undecided(answers[place])]:
        for place in again:
            asked[place] = asked[place].deeper()
        further = await generation.vectors.search(collection, [asked[place].query for place in again])
        for place, hits in zip(again, further, strict=True):
            answers[place] = hits
    found = Nearest()
    for one, hits in zip(asked, answers, strict=True):
        if one.tells:
            scores = [hit.score for hit in hits]
            if one.query.using == MEANING:
                scores = [level_of_meanings(score) for score in scores]
            found.backgrounds[embedded.parts[one.part].id] = measure_background(scores, indexed)
        _take(found, _best(hits, one.taken))
    return found


def _best(hits: Sequence[Hit], count: int) -> Sequence[Hit]:
    """So many of them, which come best first; of equal ones those with the lower ids."""
    if len(hits) <= count:
        return hits
    last = _equals(hits, count - 1)
    equal = sorted(hits[last.start : last.stop], key=lambda hit: hit.id)
    return [*hits[: last.start], *equal[: count - last.start]]


def _equals(hits: Sequence[Hit], place: int) -> range:
    """The places of those that are equal to the one in this place."""
    start, stop = place, place + 1
    while start and hits[start - 1].score - hits[start].score < AS_GOOD_AS_EQUAL:
        start -= 1
    while stop < len(hits) and hits[stop - 1].score - hits[stop].score < AS_GOOD_AS_EQUAL:
        stop += 1
    return range(start, stop)


async def _asked(generation: Generation, collection: str, embedded: Embedded, indexed: int) -> list[_Asked]:
    said, meaning = embedded.texts.said, generation.meaning
    unread, share = [False] * len(embedded.parts), 0.0
    meanings: Sequence[Dense] = ()
    languages = _unread(generation.embedder.model.name)
    if meaning is not None and said is not None and languages is not None:
        unread = said.unread.tolist()
        share = await generation.vectors.count(collection, languages) / max(1, indexed)
        if share or any(unread):
            meanings = list(await meaning.embed(said.texts))
    asked = []
    for part, one in enumerate(embedded.parts):
        of_whole = one.id == WHOLE
        dense = DENSE_NEAREST if of_whole else REQUIREMENT_NEAREST
        told = max(dense + EQUAL, NEIGHBOURS)
        if not unread[part]:
            asked.append(_Asked(part, _query(TEXT, embedded.dense[part], told), dense, tells=True))
        if meanings and meanings[part].any():
            if unread[part]:
                asked.append(_Asked(part, _query(MEANING, meanings[part], told), dense, tells=True))
            elif share:
                few = ceil(dense * max(share, UNREAD_SHARE_MIN))
                asked.append(_Asked(part, _query(UNREAD, meanings[part], few + EQUAL), few))
        if embedded.words[part].indices.size:
            words = WORDS_NEAREST if of_whole else REQUIREMENT_NEAREST
            asked.append(_Asked(part, _query(WORDS, embedded.words[part], words + EQUAL), words))
    # The engine makes searches that follow each other in one space at once: a quarter less time for all.
    return sorted(asked, key=lambda one: (one.query.using, one.query.limit))


def _unread(model: str) -> Filter | None:
    """Texts that the model cannot read; None for one that reads all."""
    unread = tuple(one for one in OFFICIAL_EU_LANGUAGES if not reads(model, one))
    return Filter(must=(AnyOf(LANGUAGE, unread),)) if unread else None


def _query(using: str, vector: Dense | Sparse, limit: int) -> Query:
    return Query(using, vector, limit, fields=(ENTITY, VERSION))


def _take(found: Nearest, hits: Sequence[Hit]) -> None:
    for hit in hits:
        company, version = hit.payload[ENTITY], hit.payload[VERSION]
        assert isinstance(company, str)
        assert isinstance(version, int)
        found.versions[company] = max(version, found.versions.get(company, 0))
