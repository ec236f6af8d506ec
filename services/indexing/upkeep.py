"""Keeping the index whole: what is lacking, writing it anew, and changing the model without a pause."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import delete, func, select

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.events import IndexSwitched
from services.indexing.collections import ALIASES, CHALLENGES, COMPANIES, Indexed, of_challenge, of_company
from services.indexing.generation import Generation, Generations
from services.indexing.model import GenerationRow, IndexedRow
from services.indexing.record import record, recorded
from services.intake.parts import challenge_parts, company_parts
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.upsert import insert_or

GRACE = timedelta(seconds=60)
"""A profile may wait this long for its vectors before it counts as lacking: longer than a bulk import
queues, shorter than anybody waits for a first match."""

log = structlog.get_logger("liaison.indexing")

Progress = Callable[[str, int], None]
"""What is being written, and how many entities so far."""


class Entities(Protocol):
    """What is to be in the index; read from the rooms that own it."""

    def active_companies(self) -> AsyncIterator[Sequence[Company]]:
        """All active companies, in pages of a few hundred at the most."""

    def open_challenges(self) -> AsyncIterator[Sequence[Challenge]]: ...

    async def company_versions(self, settled_before: datetime) -> dict[str, int]:
        """Version of every active company that has not changed since then."""


class Upkeep:
    def __init__(
        self, generations: Generations, database: Database, clock: Clock, entities: Entities
    ) -> None:
        self._generations = generations
        self._database = database
        self._clock = clock
        self._entities = entities

    async def remember(self, generation: Generation) -> None:
        """Note which model made this generation, so that it can be loaded again by name."""
        row = {
            "fingerprint": generation.fingerprint,
            "model": generation.reference or generation.embedder.model.name,
            "started_at": self._clock.now(),
        }
        async with self._database.write() as tx:
            await tx.execute(insert_or(tx, GenerationRow).values(row).on_conflict_do_nothing())

    async def lacking(self) -> int:
        """Active companies that should have vectors of their present version by now, and have not."""
        versions = await self._entities.company_versions(self._clock.now() - GRACE)
        collection = self._generations.serving.collection(COMPANIES)
        async with self._database.read() as tx:
            indexed = await recorded(tx, collection)
        return sum(indexed.get(company, 0) < version for company, version in versions.items())

    async def lost(self) -> int:
        """Texts that were indexed and are not in the serving collection: the vector store lost them."""
        collection = self._generations.serving.collection(COMPANIES)
        query = select(func.sum(IndexedRow.texts)).where(IndexedRow.collection == collection)
        async with self._database.read() as tx:
            expected = (await tx.execute(query)).scalar() or 0
        return max(0, expected - await self._generations.serving.vectors.count(collection))

    async def write_all(self, generation: Generation, progress: Progress | None = None) -> int:
        """Write every active company and open challenge into the generation; returns how many entities."""
        written = 0
        async for companies in self._entities.active_companies():
            await self._write(
                generation, COMPANIES, [of_company(one, company_parts(one)) for one in companies]
            )
            written += len(companies)
            if progress:
                progress("companies", written)
        async for challenges in self._entities.open_challenges():
            await self._write(
                generation, CHALLENGES, [of_challenge(one, challenge_parts(one)) for one in challenges]
            )
            written += len(challenges)
            if progress:
                progress("challenges", written)
        return written

    async def repair(self) -> int:
        """Write all anew if the vector store has lost something; returns how many texts were lost."""
        lost = await self.lost()
        if lost:
            log.warning("the vector store lacks texts; writing all anew", texts=lost)
            await self.write_all(self._generations.serving)
        return lost

    async def change_model(self, progress: Progress | None = None) -> Generation:
        """Build the new generation while the old one serves, then switch at once.

        Tells `liaison.index.switched.v1`, upon which matching scores every open challenge anew. Returns the
        old generation, emptied.
        """
        new = self._generations.building
        if new is None:
            raise ValueError("no generation is being built")
        await self.remember(new)
        log.info("building the index for another model", model=new.embedder.model.name)
        await self.write_all(new, progress)
        old = await self._generations.switch()
        data = IndexSwitched(index=new.fingerprint, model=new.embedder.model.name)
        event = journal.NewEvent(
            type=data.TYPE, subject=f"index/{new.fingerprint}", key="index", data=data.model_dump(mode="json")
        )
        collections = [old.collection(alias) for alias in ALIASES]
        async with self._database.write() as tx:
            await journal.append(tx, [event], now=self._clock.now())
            await tx.execute(delete(IndexedRow).where(IndexedRow.collection.in_(collections)))
            await tx.execute(delete(GenerationRow).where(GenerationRow.fingerprint == old.fingerprint))
        for collection in collections:
            await old.vectors.drop(collection)
        log.info("the new index serves", model=new.embedder.model.name)
        return old

    async def _write(self, generation: Generation, alias: str, entities: Sequence[Indexed]) -> None:
        # Embedded before the lock is taken: kept under their digest, the vectors are at hand inside it.
        texts = [part.text for one in entities for part in one.parts]
        if texts:
            await generation.embedder.embed(texts)
        async with self._generations.writing:
            present = await self._newest(alias, entities)
            await generation.write(alias, present)
            async with self._database.write() as tx:
                await record(tx, [generation.collection(alias)], present, [], self._clock.now())

    async def _newest(self, alias: str, entities: Sequence[Indexed]) -> list[Indexed]:
        """Without those of which the serving generation has been given a newer version meanwhile: the
        handler has written that one into both."""
        collection = self._generations.serving.collection(alias)
        async with self._database.read() as tx:
            indexed = await recorded(tx, collection, [one.entity for one in entities])
        return [one for one in entities if indexed.get(one.entity, 0) <= one.version]
