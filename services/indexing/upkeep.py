"""Keeping the index whole: what is lacking, writing it anew, and changing the model without a pause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import IndexSwitched
from services.indexing.collections import (
    ALIASES,
    CHALLENGES,
    COMPANIES,
    NAMES,
    Indexed,
    collection_name,
    of_challenge,
    of_company,
)
from services.indexing.generation import Generation, Generations
from services.indexing.model import GenerationRow, IndexedRow
from services.indexing.ports import Entities
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


class Upkeep:
    def __init__(
        self, generations: Generations, database: Database, clock: Clock, entities: Entities
    ) -> None:
        self._generations = generations
        self._database = database
        self._clock = clock
        self._entities = entities

    async def begin(self) -> None:
        """To be called once, before anything is handled: note which models there are, finish a change of the
        model that was cut short, and see whether the index is whole."""
        for generation in self._generations.all():
            await self._remember(generation)
        await self._settle()
        self._generations.is_whole = not await self.lost()

    async def lacking(self) -> int:
        """Active companies and open challenges that should have vectors of their present version by now, and
        have not."""
        settled = self._clock.now() - GRACE
        wanted = {
            COMPANIES: await self._entities.company_versions(settled),
            CHALLENGES: await self._entities.challenge_versions(settled),
        }
        return sum([await self._outdated(alias, versions) for alias, versions in wanted.items()])

    async def _outdated(self, alias: str, versions: Mapping[str, int]) -> int:
        async with self._database.read() as tx:
            indexed = await recorded(tx, self._generations.serving.collection(alias))
        return sum(indexed.get(entity, 0) < version for entity, version in versions.items())

    async def lost(self) -> int:
        """Texts that were indexed and are not in the serving collections: the vector store lost them."""
        serving, lost = self._generations.serving, 0
        for alias in ALIASES:
            collection = serving.collection(alias)
            query = select(func.sum(IndexedRow.texts)).where(IndexedRow.collection == collection)
            async with self._database.read() as tx:
                expected = (await tx.execute(query)).scalar() or 0
            lost += max(0, expected - await serving.vectors.count(collection))
        return lost

    async def write_all(self, generation: Generation, progress: Progress | None = None) -> int:
        """Write every active company and open challenge into the generation, and take out what is neither
        any more; returns how many entities were written."""
        written = 0
        before = await self._recorded(generation)
        async for companies in self._entities.active_companies():
            entities = [of_company(one, company_parts(one)) for one in companies]
            await self._write(generation, COMPANIES, entities, before)
            written += len(companies)
            if progress:
                progress("companies", written)
        async for challenges in self._entities.open_challenges():
            entities = [of_challenge(one, challenge_parts(one)) for one in challenges]
            await self._write(generation, CHALLENGES, entities, before)
            written += len(challenges)
            if progress:
                progress("challenges", written)
        for alias in ALIASES:
            await self._remove(generation, alias, before[alias])
        return written

    async def rebuild(self, progress: Progress | None = None) -> int:
        """Write all anew while the index goes on serving, then have every open challenge matched anew: it may
        have been held against half an index. Returns how many entities were written."""
        written = await self.write_all(self._generations.serving, progress)
        async with self._database.write() as tx:
            await self._tell(tx)
        return written

    async def repair(self) -> int:
        """`rebuild`, if the vector store has lost something or this model never filled it; else 0."""
        lost = await self.lost()
        if not lost and not await self._was_never_filled():
            return 0
        log.warning("the vector store lacks texts; writing all anew", texts=lost)
        self._generations.is_whole = False
        written = await self.rebuild()
        self._generations.is_whole = True
        return written

    async def _was_never_filled(self) -> bool:
        recorded = await self._recorded(self._generations.serving)
        return not any(recorded.values()) and await self.lacking() > 0

    async def change_model(self, progress: Progress | None = None) -> Generation:
        """Build the new generation while the old one serves, then switch at once.

        Tells `liaison.index.switched.v1`, upon which matching scores every open challenge anew. Returns the
        old generation, whose collections are gone.
        """
        new = self._generations.building
        if new is None:
            raise ValueError("no generation is being built")
        await self._empty(new)
        log.info("building the index for another model", model=new.embedder.model.name)
        await self.write_all(new, progress)
        old = await self._generations.switch()
        await self._settle()
        log.info("the new index serves", model=new.embedder.model.name)
        return old

    async def _remember(self, generation: Generation) -> None:
        """Note which model made this generation, so that it can be loaded again by name."""
        row = {
            "fingerprint": generation.fingerprint,
            "model": generation.reference or generation.embedder.model.name,
            "started_at": self._clock.now(),
        }
        async with self._database.write() as tx:
            await tx.execute(insert_or(tx, GenerationRow).values(row).on_conflict_do_nothing())

    async def _settle(self) -> None:
        """Tell that another generation serves than the one before, once; then take that one away. Each step
        can be done again, so that a process that ends in between leaves nothing undone."""
        serving = self._generations.serving
        kept = [one.fingerprint for one in self._generations.all()]
        former = select(GenerationRow.fingerprint).where(
            GenerationRow.fingerprint.not_in(kept), GenerationRow.served_from.is_not(None)
        )
        first = (
            update(GenerationRow)
            .where(GenerationRow.fingerprint == serving.fingerprint, GenerationRow.served_from.is_(None))
            .values(served_from=self._clock.now())
            .returning(GenerationRow.fingerprint)
        )
        async with self._database.write() as tx:
            gone = (await tx.execute(former)).scalars().all()
            if (await tx.execute(first)).first() is not None and gone:
                await self._tell(tx)
        for fingerprint in gone:
            collections = [collection_name(alias, fingerprint) for alias in (*ALIASES, NAMES)]
            for collection in collections:
                await serving.vectors.drop(collection)
            async with self._database.write() as tx:
                await tx.execute(delete(IndexedRow).where(IndexedRow.collection.in_(collections)))
                await tx.execute(delete(GenerationRow).where(GenerationRow.fingerprint == fingerprint))

    async def _tell(self, tx: AsyncSession) -> None:
        serving = self._generations.serving
        data = IndexSwitched(index=serving.fingerprint, model=serving.embedder.model.name)
        event = journal.NewEvent(
            type=data.TYPE,
            subject=f"index/{serving.fingerprint}",
            key="index",
            data=data.model_dump(mode="json"),
        )
        await journal.append(tx, [event], now=self._clock.now())

    async def _empty(self, generation: Generation) -> None:
        """What an earlier attempt left in it may be of companies that are gone since then."""
        collections = [generation.collection(alias) for alias in ALIASES]
        async with self._generations.writing:
            await generation.drop()
            await generation.ensure()
            async with self._database.write() as tx:
                await tx.execute(delete(IndexedRow).where(IndexedRow.collection.in_(collections)))

    async def _recorded(self, generation: Generation) -> dict[str, dict[str, int]]:
        """Per alias the version of each entity that is in it."""
        async with self._database.read() as tx:
            return {alias: await recorded(tx, generation.collection(alias)) for alias in ALIASES}

    async def _write(
        self,
        generation: Generation,
        alias: str,
        entities: Sequence[Indexed],
        before: dict[str, dict[str, int]],
    ) -> None:
        # Embedded before the lock is taken: kept under their digest, the vectors are at hand inside it.
        texts = [part.text for one in entities for part in one.parts]
        if texts:
            await generation.embedder.embed(texts)
        async with self._generations.writing:
            present = await self._entities.present_versions([one.entity for one in entities])
            # The handler writes a newer version into every generation, as soon as it has the lock.
            newest = [one for one in entities if present.get(one.entity) == one.version]
            await generation.write(alias, newest)
            async with self._database.write() as tx:
                await record(tx, [generation.collection(alias)], newest, [], self._clock.now())
        for one in entities:
            before[alias].pop(one.entity, None)

    async def _remove(self, generation: Generation, alias: str, left: Mapping[str, int]) -> None:
        """Take out what is in the index and was not found among what should be, unless it was written
        again meanwhile."""
        if not left:
            return
        collection = generation.collection(alias)
        async with self._generations.writing:
            async with self._database.read() as tx:
                present = await recorded(tx, collection, sorted(left))
            gone = [entity for entity, version in left.items() if present.get(entity) == version]
            for entity in gone:
                await generation.remove(alias, entity)
            async with self._database.write() as tx:
                await record(tx, [collection], [], gone, self._clock.now())
