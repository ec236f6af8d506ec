"""VectorIndex on Qdrant Edge: the engine of the Qdrant server inside this process, data in one folder.

For one process and up to some hundred thousand points: every search runs on the event loop (a millisecond
or a few), and opening a newly optimised collection stops it for about 0.3 ms a thousand points.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Self
from uuid import UUID

from services.kernel.vectors.edge_build import Build
from services.kernel.vectors.edge_collection import POINTS_PER_CHECK, EdgeCollection, slices
from services.kernel.vectors.edge_folder import CollectionRecord, EdgeFolder
from services.kernel.vectors.edge_generation import Generation, prepare_errors, warm
from services.kernel.vectors.edge_policy import worth_optimising
from services.kernel.vectors.edge_rebuild import check_room, rebuild, touch_all
from services.kernel.vectors.errors import (
    CollectionMismatch,
    UnknownCollection,
    VectorStoreUnavailable,
)
from services.kernel.vectors.port import (
    NO_FILTER,
    CollectionSpec,
    CollectionState,
    Filter,
    Hit,
    Payload,
    Point,
    Query,
)
from services.kernel.vectors.validation import (
    check_filter,
    check_name,
    check_points,
    check_queries,
    check_selective,
    check_spec,
)

RESERVE_BYTES = 256 << 20
"""Disk space that writes leave free. The engine writes through memory maps of files with holes: where the
disk has no block for a page, the system ends the process (SIGBUS) instead of reporting an error."""

logger = logging.getLogger(__name__)


class EdgeVectorIndex:
    """Open one with `EdgeVectorIndex.open`; a second one on the same folder raises VectorStoreInUse."""

    def __init__(self, folder: EdgeFolder, *, indexing_threads: int, reserve_bytes: int) -> None:
        self._folder = folder
        self._collections: dict[str, EdgeCollection] = {}
        self._aliases: dict[str, str] = {}
        self._threads = indexing_threads
        self._reserve = reserve_bytes
        self._naming = asyncio.Lock()
        """Held while collections and aliases come and go."""
        self._optimising = asyncio.Lock()
        self._build: Build | None = None
        self._failures: dict[str, str] = {}
        self._closed = False

    @classmethod
    async def open(
        cls, folder: Path, *, indexing_threads: int | None = None, reserve_bytes: int = RESERVE_BYTES
    ) -> Self:
        """Open the folder, or make it; what a crash left in the engine's logs is applied again.

        `indexing_threads`: of the process that builds ANN indexes; by default all cores but one.
        """
        threads = indexing_threads or max(1, (os.cpu_count() or 1) - 1)
        index = cls(EdgeFolder(folder), indexing_threads=threads, reserve_bytes=reserve_bytes)
        try:
            await index._load()
        except BaseException:
            await index.close()
            raise
        return index

    async def ensure(self, spec: CollectionSpec) -> None:
        check_spec(spec)
        async with self._naming:
            self._check_open()
            if spec.name in self._aliases:
                raise CollectionMismatch(f"{spec.name!r} is an alias; a collection cannot have its name.")
            existing = self._collections.get(spec.name)
            if existing is None:
                await self._create(spec)
                return
        if dict(existing.spec.dense) != dict(spec.dense) or set(existing.spec.sparse) != set(spec.sparse):
            raise CollectionMismatch(
                f"Collection {spec.name!r} exists with dense vectors {dict(existing.spec.dense)} and sparse "
                f"vectors {list(existing.spec.sparse)}: choose another name, or drop it first."
            )
        await existing.index_fields(spec.keywords, spec.numbers)

    async def drop(self, collection: str) -> None:
        async with self._naming:
            gone = self._collections.get(collection)
            if gone is None:
                return
            if collection in self._aliases.values():
                await self._set_aliases({k: v for k, v in self._aliases.items() if v != collection})
            del self._collections[collection]
            if self._build is not None and self._build.spec.name == collection:
                self._build.stop()
            await gone.drop()

    async def collections(self) -> list[str]:
        return sorted(self._collections)

    async def resolve(self, alias: str) -> str | None:
        return self._aliases.get(alias)

    async def switch(self, alias: str, collection: str) -> None:
        check_name(alias)
        async with self._naming:
            if alias in self._collections:
                raise CollectionMismatch(f"{alias!r} is a collection; an alias cannot have its name.")
            if collection not in self._collections:
                raise UnknownCollection(collection)
            await self._set_aliases({**self._aliases, alias: collection})

    async def upsert(self, collection: str, points: Sequence[Point]) -> None:
        target = self._find(collection)
        for slice_ in slices(points, POINTS_PER_CHECK):
            check_points(target.spec, slice_)
            await asyncio.sleep(0)
        await target.upsert(points, self._check_room)

    async def delete(self, collection: str, where: Filter) -> None:
        check_selective(where)
        await self._find(collection).delete(where, self._check_room)

    async def search(self, collection: str, queries: Sequence[Query]) -> list[list[Hit]]:
        while True:
            target = self._find(collection)
            check_queries(target.spec, queries)
            try:
                return await target.search(queries)
            except UnknownCollection:
                # Dropped while it was searched: the alias points elsewhere by now, or the name is gone.
                continue

    async def retrieve(self, collection: str, ids: Sequence[UUID]) -> list[Point]:
        return await self._find(collection).retrieve(ids)

    async def count(self, collection: str, where: Filter = NO_FILTER) -> int:
        check_filter(where)
        return self._find(collection).count(where)

    async def scroll(
        self, collection: str, where: Filter = NO_FILTER
    ) -> AsyncIterator[list[tuple[UUID, Payload]]]:
        check_filter(where)
        async for page in self._find(collection).scroll(where):
            yield page

    async def optimise(self, collection: str) -> None:
        """Raises OptimisationFailed, and the collection serves on as it was."""
        target = self._find(collection)
        async with self._optimising:
            self._check_open()
            points = target.count()
            if not (target.stale(points) or target.dead(points) or target.drift.logged):
                return
            await check_room(self._folder, target, self._reserve)
            name = target.spec.name
            self._build = Build(self._folder.new_generation(name), target.spec, self._threads)
            try:
                await rebuild(self._folder, target, self._build)
                self._failures.pop(name, None)
            except VectorStoreUnavailable as failure:
                self._failures[name] = str(failure)
                raise
            finally:
                self._build = None

    async def maintain(self) -> None:
        for name, collection in list(self._collections.items()):
            if name not in self._collections or self._closed:
                continue
            await collection.remember()
            points = collection.count()
            if not worth_optimising(
                points, collection.stale(points), collection.dead(points), collection.drift.logged
            ):
                continue
            try:
                await self.optimise(name)
            except (VectorStoreUnavailable, UnknownCollection) as failure:
                logger.warning("vector index of %s not optimised: %s", name, failure)

    async def state(self, collection: str) -> CollectionState:
        target = self._find(collection)
        points = target.count()
        outside = target.outside(points)
        details: dict[str, str | int | float] = {
            "engine": "qdrant-edge",
            "segments": target.live.segments(),
            "outside_the_index": outside,
            "removed_from_the_index": target.drift.gone,
            "dead_states": target.dead(points),
            "logged_points": target.drift.logged,
            "free_disk_bytes": self._folder.free_bytes(),
        }
        if failure := self._failures.get(target.spec.name):
            details["last_failure"] = failure
        return CollectionState(target.spec.name, points, 1 - outside / points if points else 1.0, details)

    async def close(self) -> None:
        """Write everything out and let go of the folder. A running optimisation is given up."""
        if self._closed:
            return
        self._closed = True
        if self._build is not None:
            self._build.stop()
        async with self._naming, self._optimising:
            for collection in self._collections.values():
                await collection.close()
            self._folder.close()

    async def _load(self) -> None:
        await asyncio.to_thread(prepare_errors, self._folder.root)
        for name, record in self._folder.collections().items():
            generation = await self._load_generation(name, record)
            if generation is not None:
                self._collections[name] = EdgeCollection(self._folder, record, generation)
        known = {a: target for a, target in self._folder.aliases().items() if target in self._collections}
        self._aliases = known

    async def _load_generation(self, name: str, record: CollectionRecord) -> Generation | None:
        """None where the engine cannot read what is there; that collection is set aside."""
        path = self._folder.generation(name, record)
        generation = None
        try:
            await asyncio.to_thread(warm, path)
            generation = Generation.load(path)
            generation.flush()  # else the log that was just applied is applied again at every opening
            await touch_all(generation)
        except OSError as failure:
            raise VectorStoreUnavailable(
                f"The vector collection in {path} cannot be read: {failure.strerror}. Mend that, or move "
                "the folder away: it is written anew from the rows."
            ) from failure
        except VectorStoreUnavailable as failure:
            self._check_room()  # an engine without room fails too, and what it has is good
            self._folder.set_aside(name, str(failure))
            if generation is not None:
                with contextlib.suppress(VectorStoreUnavailable):
                    await asyncio.to_thread(generation.close_quickly)
            return None
        return generation

    async def _create(self, spec: CollectionSpec) -> None:
        """Creating a shard is a hundred synchronous operations on the disk: once there are points to be
        searched, and requests that wait for them, a child process does it."""
        self._check_room()
        path = self._folder.new_generation(spec.name)
        plain = CollectionSpec(spec.name, dict(spec.dense), spec.sparse, spec.keywords, spec.numbers)
        if any(collection.count() for collection in self._collections.values()):
            await Build(path, plain, self._threads).run(None)
            generation = Generation.load(path)
        else:
            generation = Generation.create(path, plain)
        record = CollectionRecord(plain, path.name)
        draft = await asyncio.to_thread(self._folder.draft_record, spec.name, record)
        draft.put_in_force()
        self._collections[spec.name] = EdgeCollection(self._folder, record, generation)

    def _find(self, name: str) -> EdgeCollection:
        self._check_open()
        found = self._collections.get(self._aliases.get(name, name))
        if found is None:
            raise UnknownCollection(name)
        return found

    async def _set_aliases(self, aliases: dict[str, str]) -> None:
        draft = await asyncio.to_thread(self._folder.draft_aliases, aliases)
        draft.put_in_force()
        self._aliases = aliases

    def _check_open(self) -> None:
        if self._closed:
            raise VectorStoreUnavailable("The embedded vector store is closed.")

    def _check_room(self) -> None:
        if self._folder.free_bytes() < self._reserve:
            raise VectorStoreUnavailable(
                f"Less than {self._reserve >> 20} MiB of disk space are free under {self._folder.root}: "
                "make room; searches go on, writes do not."
            )
