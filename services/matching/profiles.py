"""Profiles as matching needs them: facts for the gates, texts, and their vectors, kept in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from schemas.company import MATCHED_STATES, Company
from services.intake.parts import Part, company_parts
from services.kernel.embedding.fixed_point import quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.matching.across import ahead, prepare
from services.matching.evidence import Texts
from services.matching.said import Said

TEXTS_KEPT = 100_000
"""Capability texts kept in memory: about 4 kB each (384 dimensions as float64, words, the text), so 400 MB
at the most. Beyond it the least recently used profiles are read again when they are needed."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A company, its capabilities and references in their order, and the same as vectors."""

    company: Company
    parts: tuple[Part, ...]
    texts: Texts


class CompanySource(Protocol):
    async def companies(self, ids: Collection[str]) -> Mapping[str, Company]:
        """The present state of those that exist."""

    def active_companies(self) -> AsyncIterator[Sequence[Company]]:
        """All active companies, in pages."""

    async def active_count(self) -> int: ...


class Profiles:
    """Reads profiles through memory. A profile is as new as the version that was asked for."""

    def __init__(
        self,
        source: CompanySource,
        embedder: Embedder,
        lexical: LexicalEncoder,
        *,
        texts_kept: int = TEXTS_KEPT,
    ) -> None:
        self._source = source
        self._embedder = embedder
        self._lexical = lexical
        self._texts_kept = texts_kept
        self._kept: OrderedDict[str, Profile] = OrderedDict()
        self._texts = 0

    def use(self, embedder: Embedder) -> None:
        """Another model serves from now on: its vectors are other vectors."""
        self._embedder = embedder
        self._kept.clear()
        self._texts = 0

    async def get(self, versions: Mapping[str, int]) -> dict[str, Profile]:
        """Profiles by company id, at least as new as the version given; those that are gone are left out."""
        found: dict[str, Profile] = {}
        missing: list[str] = []
        for company, version in versions.items():
            kept = self._kept.get(company)
            if kept is not None and kept.company.version >= version:
                self._kept.move_to_end(company)
                found[company] = kept
            else:
                missing.append(company)
        if missing:
            read = await self._source.companies(missing)
            active = [one for one in read.values() if one.state in MATCHED_STATES]
            for profile in await self._made(active):
                found[profile.company.id] = profile
        return found

    async def count(self) -> int:
        """How many companies there are to be found."""
        return await self._source.active_count()

    async def warm(self) -> int:
        """Read active profiles until memory is full; returns how many there are in it."""
        async for page in self._source.active_companies():
            await self._made([one for one in page if one.id not in self._kept])
            if self._texts >= self._texts_kept:
                break
        return len(self._kept)

    async def _made(self, companies: Sequence[Company]) -> list[Profile]:
        parts = [company_parts(company) for company in companies]
        texts = [part.text for one in parts for part in one]
        embedder = self._embedder
        empty = np.zeros((0, embedder.model.dimensions), dtype=np.float32)
        dense = quantise(await embedder.embed(texts) if texts else empty)
        said = await asyncio.to_thread(_said, parts, embedder.model.name)
        if embedder is not self._embedder:  # another model serves since then
            return await self._made(companies)
        made, start = [], 0
        for company, own, written in zip(companies, parts, said, strict=True):
            end = start + len(own)
            profile = Profile(
                company=company,
                parts=tuple(own),
                texts=ahead(
                    Texts.of(
                        dense[start:end],
                        [self._lexical.document(part.text) for part in own],
                        written,
                    )
                ),
            )
            start = end
            self._keep(profile)
            made.append(profile)
        return made

    def _keep(self, profile: Profile) -> None:
        old = self._kept.pop(profile.company.id, None)
        if old is not None and old.company.version > profile.company.version:
            profile = old
        self._texts += len(profile.texts) - (len(old.texts) if old else 0)
        self._kept[profile.company.id] = profile
        while self._texts > self._texts_kept and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._texts -= len(gone.texts)


def _said(parts: Sequence[Sequence[Part]], model: str) -> list[Said]:
    found = [Said.of(own, model) for own in parts]
    for one in found:
        prepare(one)
    return found
