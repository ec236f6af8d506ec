"""Keeping the index whole: what is lacking, writing it anew, and changing the model without a pause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import IndexSwitched
from services.indexing import newest
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
from services.indexing.newest import Written, as_they_are
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

RETIRED_S = 60.0
"""How long the collections of a former model stay where other processes may still ask them: each goes over
within seconds, and what it has in hand is done long before."""

log = structlog.get_logger("liaison.indexing")

Progress = Callable[[str, int], None]
"""What is being written, and how many entities so far."""

CATCH_UP = 256
"""Entities read and embedded together."""


class Upkeep:
    def __init__(
        self,
        generations: Generations,
        database: Database,
        clock: Clock,
        entities: Entities,
        *,
        retired_s: float = 0.0,
    ) -> None:
        """`retired_s`: how long collections of a former model stay; 0 where no other process asks them."""
        self._generations = generations
        self._database = database
        self._clock = clock
        self._entities = entities
        self._retired = timedelta(seconds=retired_s)

    async def begin(self) -> None:
        """To be called once, before anything is handled: note which models there are, finish a change of the
        model that was cut short, and see whether the index is whole."""
        for generation in self._generations.all():
            await self._remember(generation)
        await self._settle()
        await self.retire()
        self._generations.is_whole = not await self.lost()

    async def lacking(self) -> int:
        """Active companies and open challenges that should have vectors of their present version by now, and
        have not."""
        return sum(len(entities) for entities in (await self._lacking()).values())

    async def catch_up(self) -> int:
        """Write what is lacking, as after a change of the model while a process knew only the former one;
        returns how many entities."""
        written = 0
        for alias, entities in (await self._lacking()).items():
            for start in range(0, len(entities), CATCH_UP):
                found = await as_they_are(alias, entities[start : start + CATCH_UP], self._entities)
                await self._write(self._generations.serving, alias, found.present, {alias: {}})
                written += len(found.present)
        return written

    async def _lacking(self) -> dict[str, list[str]]:
        settled = self._clock.now() - GRACE
        return {
            COMPANIES: await self._outdated(COMPANIES, await self._entities.company_versions(settled)),
            CHALLENGES: await self._outdated(CHALLENGES, await self._entities.challenge_versions(settled)),
        }

    async def _outdated(self, alias: str, versions: Mapping[str, int]) -> list[str]:
        async with self._database.read() as tx:
            indexed = await recorded(tx, self._generations.serving.collection(alias))
        return [entity for entity, version in versions.items() if indexed.get(entity, 0) < version]

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
        await self._generations.serving.ensure()  # the store may have lost the very collections
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

    async def change_model(
        self, progress: Progress | None = None, *, may_switch: Callable[[], Awaitable[None]] | None = None
    ) -> Generation:
        """Build the new generation while the old one serves, then switch at once.

        Tells `liaison.index.switched.v1`, upon which matching scores every open challenge anew. Returns the
        old generation, whose collections are gone, or go when no other process can ask them any more.
        `may_switch` raises where another process has taken over.
        """
        new = self._generations.building
        if new is None:
            raise ValueError("no generation is being built")
        await self._empty(new)
        log.info("building the index for another model", model=new.embedder.model.name)
        await self.write_all(new, progress)
        if may_switch is not None:
            await may_switch()
        old = await self._generations.switch()
        await self._settle()
        await self.retire()
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
        """Tell that another generation serves than the one before, once. It and `retire` can be done again,
        so that a process that ends in between leaves nothing undone."""
        serving = self._generations.serving
        first = (
            update(GenerationRow)
            .where(GenerationRow.fingerprint == serving.fingerprint, GenerationRow.served_from.is_(None))
            .values(served_from=self._clock.now())
            .returning(GenerationRow.fingerprint)
        )
        async with self._database.write() as tx:
            former = (await tx.execute(self._former())).first()
            if (await tx.execute(first)).first() is not None and former is not None:
                await self._tell(tx)

    async def retire(self) -> None:
        """Take away the generations that have served and do so no more, when the present one has served for
        long enough that nobody asks them."""
        serving = self._generations.serving
        since = select(GenerationRow.served_from).where(GenerationRow.fingerprint == serving.fingerprint)
        async with self._database.read() as tx:
            served_from = (await tx.execute(since)).scalar()
            gone = (await tx.execute(self._former())).scalars().all()
        if not gone or served_from is None or self._clock.now() - served_from < self._retired:
            return
        if not await self._generations.is_present():
            return  # another process has gone on to yet another model
        for fingerprint in gone:
            collections = [collection_name(alias, fingerprint) for alias in (*ALIASES, NAMES)]
            for collection in collections:
                await serving.vectors.drop(collection)
            async with self._database.write() as tx:
                await tx.execute(delete(IndexedRow).where(IndexedRow.collection.in_(collections)))
                await tx.execute(delete(GenerationRow).where(GenerationRow.fingerprint == fingerprint))

    def _former(self) -> Select[str]:
        kept = [one.fingerprint for one in self._generations.all()]
        return select(GenerationRow.fingerprint).where(
            GenerationRow.fingerprint.not_in(kept), GenerationRow.served_from.is_not(None)
        )

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
            current = [one for one in entities if present.get(one.entity) == one.version]
            versions = {one.entity: one.version for one in current}
            now = await newest.write([generation], alias, Written(current, ()), versions, self._entities)
            async with self._database.write() as tx:
                await record(tx, [generation.collection(alias)], now.present, now.gone, self._clock.now())
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
