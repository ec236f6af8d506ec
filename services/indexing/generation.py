"""A generation of the index: one embedding model and the collections made with it.

Usually there is one, and it serves. While the model is being changed there are two: the old one serves,
the new one is built; every write goes into both, and the switch is one moving of the aliases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.indexing.collections import (
    ALIASES,
    COMPANIES,
    LANGUAGES_TOLD,
    NAMES,
    Indexed,
    collection_name,
    every_point,
    name_point,
    outdated,
    points,
    specification,
)
from services.indexing.meaning import Meaning
from services.indexing.names import SCHEME
from services.intake.parts import CUTTING
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.kernel.embedding.source import reads
from services.kernel.vectors.port import VectorIndex


@dataclass(frozen=True, slots=True)
class Generation:
    """`reference`: how the model is asked for by name or folder, so that it can be loaded again. `made_as`:
    the fingerprint of collections that an earlier release made, with another table of words or other
    passages; they serve until the present ones are built. `meaning`: with it texts have vectors that are
    comparable across languages, and names their letters, which collections of an earlier release lack."""

    embedder: Embedder
    lexical: LexicalEncoder
    vectors: VectorIndex
    reference: str = ""
    made_as: str = ""
    meaning: Meaning | None = None

    @property
    def fingerprint(self) -> str:
        """Of whatever decides a point: the embedding model, the table of words, the cutting into parts, and
        what is there across languages and for people who search."""
        present = f"{self.embedder.model.fingerprint}-{self.lexical.fingerprint}-{CUTTING}"
        return self.made_as or present + (searchable(self.meaning) if self.meaning else "")

    @property
    def aliases(self) -> tuple[str, ...]:
        """Those that it has a collection for."""
        return (*ALIASES, NAMES) if self.meaning else ALIASES

    def collection(self, alias: str) -> str:
        return collection_name(alias, self.fingerprint)

    async def ensure(self) -> None:
        """Create the collections where they do not exist. Those of an earlier release are as it made them."""
        there = await self.vectors.collections() if self.made_as else ()
        for alias in self.aliases:
            if self.collection(alias) in there:
                continue
            await self.vectors.ensure(
                specification(
                    alias,
                    self.fingerprint,
                    self.embedder.model.dimensions,
                    self.meaning.dimensions if self.meaning else None,
                )
            )

    async def write(self, alias: str, entities: Sequence[Indexed]) -> None:
        """Put entities into the index, and take out what their earlier versions left. Idempotent."""
        texts = [part.text for one in entities for part in one.parts]
        unread = self._cannot_read if alias == COMPANIES else None
        collection = self.collection(alias)
        if texts:
            rows = await self.embedder.embed(texts)
            meanings = await self.meaning.embed(texts) if self.meaning else None
            batch, start = [], 0
            for one in entities:
                end = start + len(one.parts)
                said = None if meanings is None else meanings[start:end]
                batch.extend(
                    await asyncio.to_thread(points, one, rows[start:end], self.lexical, said, unread)
                )
                start = end
            await self.vectors.upsert(collection, batch)
        for one in entities:
            if one.version > 1:
                await self.vectors.delete(collection, outdated(one.entity, one.version))
        names = [point for one in entities if (point := name_point(alias, one)) is not None]
        if self.meaning and names:
            await self.vectors.upsert(self.collection(NAMES), names)

    def _cannot_read(self, language: str) -> bool:
        return not reads(self.embedder.model.name, language)

    async def remove(self, alias: str, entity: str) -> None:
        for one in (alias, NAMES) if self.meaning else (alias,):
            await self.vectors.delete(self.collection(one), every_point(entity))

    async def drop(self) -> None:
        """Take its collections away, where they are."""
        for alias in self.aliases:
            await self.vectors.drop(self.collection(alias))


def searchable(meaning: Meaning) -> str:
    """What it adds to the fingerprint of a generation."""
    return f"-{SCHEME}-{LANGUAGES_TOLD}-{meaning.fingerprint}"


class Generations:
    """The generation that serves, and the one that is being built, if any."""

    def __init__(self, serving: Generation, building: Generation | None = None) -> None:
        self.serving = serving
        self.building = building
        self.is_whole = True
        """False while the serving index is known to lack texts that it had: whatever is held against it then
        meets half a market, and would keep that for a background."""
        self.writing = asyncio.Lock()
        """Held while points are written, so that a rebuild cannot put an older version over a newer one."""

    def all(self) -> tuple[Generation, ...]:
        return (self.serving,) if self.building is None else (self.serving, self.building)

    async def open(self) -> None:
        """Make the collections, and point the aliases at those that serve. While a new generation is to be
        built they point there already, and another process may be the one that moves them on."""
        for generation in self.all():
            await generation.ensure()
        if self.building is None:
            await self._point(self.serving)

    async def follow(self) -> bool:
        """Let the new generation serve here too, if another process has switched to it. True when there is
        nothing to switch to any more."""
        new = self.building
        if new is None:
            return True
        if await new.vectors.resolve(COMPANIES) != new.collection(COMPANIES):
            return False
        async with self.writing:
            if self.building is new:
                self.serving, self.building, self.is_whole = new, None, True
        return True

    async def is_present(self) -> bool:
        """Whether the generation that serves here is the one that serves everybody."""
        return await self.serving.vectors.resolve(COMPANIES) == self.serving.collection(COMPANIES)

    async def switch(self) -> Generation:
        """Let the new generation serve from now on; returns the old one, whose collections may go."""
        async with self.writing:
            if self.building is None:
                raise ValueError("no generation is being built")
            old, new = self.serving, self.building
            await self._point(new)
            self.serving, self.building, self.is_whole = new, None, True
        return old

    async def _point(self, generation: Generation) -> None:
        for alias in generation.aliases:
            if await generation.vectors.resolve(alias) != generation.collection(alias):
                await generation.vectors.switch(alias, generation.collection(alias))
