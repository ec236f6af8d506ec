"""The companies for a challenge among 100,000 capability texts, over a plain hybrid search for the same.

Ours: known backgrounds are read, all searches of all parts made (by embedding and by words, and among texts
in other languages by meaning), the companies found scored against all parts, and the suggestions picked.
Reference: a dense and a sparse search for every part in the same index, fused by reciprocal ranks. On both
sides the vectors of the challenge are at hand: embedding it is another bench.

The texts are two real sentences each, and their embedding is the sum of those of the sentences: embedding
100,000 texts would take half an hour, and a search does not know the difference. A third of them are French.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
from ulid import ULID

from schemas.challenge import Challenge, ChallengeState
from schemas.company import Capability, Company, CompanyState
from services.indexing.collections import COMPANIES, of_company
from services.indexing.generation import Generation, Generations
from services.indexing.meaning import ShippedMeaning
from services.intake.completion import proposed
from services.intake.parts import challenge_parts, company_parts
from services.kernel.database import Database
from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import EmbeddingModel, Vectors
from services.kernel.vectors.edge import EdgeVectorIndex
from services.matching.board import Board
from services.matching.candidates import candidates
from services.matching.profiles import Profiles
from services.matching.scoring import POSSIBLE
from tests.bench.bare_model import open_model
from tests.bench.figures import FOLDER, Aim, Bench, Samples, Scale, significant
from tests.bench.hybrid import fused, queries
from tests.bench.parts import sqlite
from tests.bench.texts import Writer, needed, next_year, stated

VERSION = "2"
"""Raise it when what is written here changes: the index is then made anew."""
TEXTS_OF_A_COMPANY = 5
SENTENCES = 600
"""That the texts are made of: 180,000 different pairs."""
PAGE = 500
"""Companies indexed at once."""
SOMEBODY = f"org_{ULID.from_int(0)}"
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
WARM_UP = 3
"""Challenges that do not count."""


class Recombined:
    """An embedder of texts that consist of sentences it was given, one a line."""

    def __init__(self, model: EmbeddingModel, sentences: Mapping[str, Vectors]) -> None:
        self.model = model
        self._sentences = sentences

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._sum(text) for text in texts])

    async def close(self) -> None:
        pass

    def _sum(self, text: str) -> Vectors:
        total = np.sum([self._sentences[line] for line in text.split("\n")], axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float32)


class _Market:
    """What matching reads from its database, and the challenges that are asked."""

    def __init__(self, companies: Sequence[Company], challenges: Sequence[Challenge]) -> None:
        self._companies = {one.id: one for one in companies}
        self._challenges = {one.id: one for one in challenges}

    async def companies(self, ids: Collection[str]) -> Mapping[str, Company]:
        return {one: self._companies[one] for one in ids}

    async def active_companies(self) -> AsyncIterator[Sequence[Company]]:
        everybody = list(self._companies.values())
        for start in range(0, len(everybody), PAGE):
            yield everybody[start : start + PAGE]

    async def active_count(self) -> int:
        return len(self._companies)

    async def open_versions(self) -> Mapping[str, int]:
        return {one.id: one.version for one in self._challenges.values()}

    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]:
        return {one: self._challenges[one] for one in ids}


async def measure(scale: Scale) -> Samples:
    companies = _companies(scale.pick(20_000, 400))
    challenges = _challenges(WARM_UP + scale.pick(31, 4))
    embedder = await _embedder(companies, challenges)
    folder = _folder(len(companies), embedder)
    async with sqlite() as database:
        if not folder.is_dir():
            await _make(folder, embedder, companies)
        index = await EdgeVectorIndex.open(folder)
        try:
            generation = _generation(embedder, index)
            await Generations(generation).open()
            return await _measure(generation, database, _Market(companies, challenges), challenges)
        finally:
            await index.close()


async def _measure(
    generation: Generation, database: Database, market: _Market, challenges: Sequence[Challenge]
) -> Samples:
    profiles = Profiles(market, generation.embedder, generation.lexical)
    await profiles.warm()
    board = Board(database, market, generation)
    samples, searched, picked, met, parts = Samples(), [], 0, 0, 0
    for number, challenge in enumerate(challenges):
        asked = challenge_parts(challenge)
        dense = await generation.embedder.embed([part.text for part in asked])
        words = [generation.lexical.query(part.text) for part in asked]
        began = time.perf_counter()
        look = await board.look(challenge)
        found_s = time.perf_counter() - began
        near = list((await profiles.get(look.near.versions)).values())
        found = await asyncio.to_thread(candidates, [look.ready], near, floor=POSSIBLE)
        ours = time.perf_counter() - began
        began = time.perf_counter()
        fused(await generation.vectors.search(generation.collection(COMPANIES), queries(dense, words)))
        reference = time.perf_counter() - began
        if number >= WARM_UP:
            samples.ours.append(ours * 1e3)
            samples.reference.append(reference * 1e3)
            searched.append(found_s * 1e3)
            picked, met, parts = picked + len(found.pairs), met + len(near), parts + len(asked)
    counted = len(samples.ours)
    samples.notes.append(
        f"{await generation.vectors.count(generation.collection(COMPANIES))} texts; a challenge has "
        f"{parts / counted:.1f} parts, meets {met // counted} companies and is suggested to "
        f"{picked // counted}; its searches take {significant(sorted(searched)[counted // 2]):g} ms of it"
    )
    return samples


def _folder(companies: int, embedder: Recombined) -> Path:
    """Of the index that is kept; another one for another model."""
    return FOLDER / f"querying-{VERSION}-{companies}-{embedder.model.fingerprint}"


async def _make(folder: Path, embedder: Recombined, companies: Sequence[Company]) -> None:
    """Through the product's own writing; a run that is broken off leaves nothing behind."""
    fresh = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    index = await EdgeVectorIndex.open(fresh)
    try:
        generation = _generation(embedder, index)
        await Generations(generation).open()
        for start in range(0, len(companies), PAGE):
            page = companies[start : start + PAGE]
            await generation.write(COMPANIES, [of_company(one, company_parts(one)) for one in page])
        await index.optimise(COMPANIES)
    finally:
        await index.close()
    fresh.rename(folder)


def _generation(embedder: Recombined, index: EdgeVectorIndex) -> Generation:
    return Generation(embedder, LexicalEncoder.shipped(), index, meaning=ShippedMeaning())


async def _embedder(companies: Sequence[Company], challenges: Sequence[Challenge]) -> Recombined:
    """With every line of these texts embedded by the bundled model."""
    said = [one.text for company in companies for one in company.capabilities]
    said += [part.text for challenge in challenges for part in challenge_parts(challenge)]
    lines = sorted({line for text in said for line in text.split("\n")})
    model = BatchingEmbedder(open_model())
    try:
        rows = await model.embed(lines)
    finally:
        await model.close()
    return Recombined(model.model, dict(zip(lines, rows, strict=True)))


def _companies(count: int) -> list[Company]:
    random = Random(7)
    pool = random.sample([*stated(), *needed()], SENTENCES)
    return [
        Company(
            id=f"cmp_{ULID.from_int(number)}",
            version=1,
            state=CompanyState.active,
            owner=SOMEBODY,
            name=f"Company {number}",
            country="FR",
            changed_at=SOME_DAY,
            capabilities=tuple(
                Capability(id=f"c{place}", text="\n".join(random.sample(pool, 2)))
                for place in range(TEXTS_OF_A_COMPANY)
            ),
        )
        for number in range(count)
    ]


def _challenges(count: int) -> list[Challenge]:
    writer, made = Writer(seed=8), []
    for number in range(count):
        content = writer.challenge(SOMEBODY, next_year(SOME_DAY.date()))
        made.append(
            Challenge(
                **dict(content.model_copy(update={"requirements": proposed(content)})),
                id=f"chl_{ULID.from_int(number)}",
                version=1,
                state=ChallengeState.announced,
                buyer_name="Laboratory",
                announced_by=SOMEBODY,
                announced_at=SOME_DAY,
                changed_at=SOME_DAY,
            )
        )
    return made


BENCHES = [
    Bench(
        name="querying",
        about="companies for a challenge, searched and scored, 100,000 texts / a plain hybrid search (p50)",
        unit="ms",
        aim=Aim(2.0, at_least=False),
        measure=measure,
    )
]
