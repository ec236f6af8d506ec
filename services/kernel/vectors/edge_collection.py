"""One embedded collection while it serves: reads, writes, and the exchange of its generation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from services.kernel.vectors.edge_drift import Drift
from services.kernel.vectors.edge_folder import CollectionRecord, EdgeFolder
from services.kernel.vectors.edge_generation import Generation, remove_folder, sync_log
from services.kernel.vectors.edge_values import again, as_uuid, edge_point, point
from services.kernel.vectors.errors import UnknownCollection, VectorStoreUnavailable
from services.kernel.vectors.port import NO_FILTER, CollectionSpec, Filter, Hit, Payload, Point, Query

POINTS_PER_WRITE = 64
"""Each call stops the event loop: 64 points of 384 dimensions with their words take about 5 ms to write."""

QUERIES_PER_CALL = 4
"""A scan of 60,000 points takes 3.5 ms a query; asking for more at once does not make it cheaper."""

POINTS_PER_DELETE = 256
"""About 1 ms. Deleting 60,000 by one filter would stop the loop for half a second."""

POINTS_PER_PAGE = 256
"""About 1 ms with payloads."""

POINTS_PER_CHECK = 256
"""Points looked at before the event loop has its turn again: about 2 ms."""


T = TypeVar("T")


class EdgeCollection:
    """Used from one event loop. Engine calls run on the loop itself, in slices of a few milliseconds."""

    def __init__(self, folder: EdgeFolder, record: CollectionRecord, live: Generation) -> None:
        self.record = record
        self._folder = folder
        self._live: Generation | None = live
        self._writing = asyncio.Lock()
        """Held for one slice of a write, and while a generation is exchanged."""
        self.drift = Drift(record.outside, record.gone, record.written)
        self._touched: set[UUID] | None = None
        """While a new generation is built: points that it has in an old state, or not at all."""
        self._next_drift = Drift()
        """Of the new generation: what was brought over to it is outside of its index."""

    @property
    def spec(self) -> CollectionSpec:
        return self.record.spec

    @property
    def live(self) -> Generation:
        if self._live is None:
            raise UnknownCollection(self.spec.name)
        return self._live

    async def upsert(self, points: Sequence[Point], writable: Callable[[], None]) -> None:
        """`writable` raises when there is no room to write."""
        for slice_ in slices(points, POINTS_PER_WRITE):
            async with self._writing:
                writable()
                self.live.write([edge_point(one) for one in slice_])
                self._note_written({one.id for one in slice_})
            await asyncio.sleep(0)

    async def delete(self, where: Filter, writable: Callable[[], None]) -> None:
        while True:
            async with self._writing:
                records, _ = self.live.page(where, None, POINTS_PER_DELETE, payload=False)
                ids = {as_uuid(record.id) for record in records}
                if not ids:
                    return
                writable()
                self.live.remove(list(ids))
                self._note_removed(ids)
            await asyncio.sleep(0)

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        answers: list[list[Hit]] = []
        for slice_ in slices(queries, QUERIES_PER_CALL):
            if answers:
                await asyncio.sleep(0)
            answers.extend(self.live.search(slice_))
        return answers

    async def retrieve(self, ids: Sequence[UUID]) -> list[Point]:
        found: list[Point] = []
        for slice_ in slices(ids, POINTS_PER_WRITE):
            found.extend(point(record) for record in self.live.records(slice_))
            await asyncio.sleep(0)
        return found

    def count(self, where: Filter = NO_FILTER) -> int:
        return self.live.count(where)

    async def scroll(self, where: Filter) -> AsyncIterator[list[tuple[UUID, Payload]]]:
        after: UUID | None = None
        while True:
            records, after = self.live.page(where, after, POINTS_PER_PAGE, payload=True)
            if records:
                yield [(as_uuid(record.id), record.payload or {}) for record in records]
            if after is None:
                return
            await asyncio.sleep(0)

    def outside(self, points: int) -> int:
        """How many of the `points` in the collection are not in an ANN index."""
        return min(points, self.drift.outside) if self.record.indexed else points

    def stale(self, points: int) -> int:
        """How many points a new index would take in or throw out."""
        return self.outside(points) + self.drift.gone

    def dead(self, points: int) -> int:
        """How many states of points take up room that nobody finds any more. The engine writes a point that
        exists anew, and forgets where the old state was; only a new generation is without them."""
        return max(0, self.record.indexed + self.drift.written - points)

    async def index_fields(self, keywords: tuple[str, ...], numbers: tuple[str, ...]) -> None:
        """Index further payload fields, and remember that they are."""
        async with self._writing:
            more_keywords = tuple(key for key in keywords if key not in self.spec.keywords)
            more_numbers = tuple(key for key in numbers if key not in self.spec.numbers)
            if more_keywords or more_numbers:
                self.live.index_fields(more_keywords, more_numbers)
                spec = replace(
                    self.spec,
                    keywords=self.spec.keywords + more_keywords,
                    numbers=self.spec.numbers + more_numbers,
                )
                await self._save(replace(self.record, spec=spec))

    async def remember(self) -> None:
        """Record what is stale, so that a restart does not forget that an index is due."""
        async with self._writing:
            drift = self.drift
            now = replace(self.record, outside=drift.outside, gone=drift.gone, written=drift.written)
            if self._live is not None and now != self.record:
                await self._save(now)

    def start_tracking(self) -> None:
        """From now on remember what changes, for `catch_up`."""
        self._touched, self._next_drift = set(), Drift()

    def stop_tracking(self) -> None:
        self._touched = None

    async def catch_up(self, fresh: Generation) -> None:
        """Bring a generation built from an earlier state up to now, as far as the writers let it."""
        while self._touched:
            async with self._writing:
                self._carry_over(fresh)
            await asyncio.sleep(0)

    async def exchange(self, fresh: Generation) -> None:
        """Let `fresh` serve. No write comes between its last catching up and its service, and no await
        between the two replacements, on disk and in memory: no write is ever in the folder not in use."""
        async with self._writing:
            while self._touched:
                self._carry_over(fresh)
            old = self.live
            points = fresh.count()
            if points != old.count():
                raise VectorStoreUnavailable(
                    f"The new index of {self.spec.name!r} holds {points} points instead of {old.count()}."
                )
            record = CollectionRecord(self.spec, fresh.path.name, indexed=points)
            draft = await asyncio.to_thread(self._folder.draft_record, self.spec.name, record)
            draft.put_in_force()
            self.record, self._live = record, fresh
            self.drift = self._next_drift
            self.stop_tracking()
        await dispose(self._folder, old, self.spec)

    async def drop(self) -> None:
        async with self._writing:
            gone, self._live = self.live, None
            home = self._folder.forget(self.spec.name)
        await _take_down(self._folder, gone, self.spec, home)

    async def close(self) -> None:
        await self.remember()
        async with self._writing:
            if self._live is not None:
                self._live.flush_and_close()
                self._live = None

    async def _save(self, record: CollectionRecord) -> None:
        draft = await asyncio.to_thread(self._folder.draft_record, self.spec.name, record)
        draft.put_in_force()
        self.record = record

    def _note_written(self, ids: set[UUID]) -> None:
        self.drift.wrote(ids)
        if self._touched is not None:
            self._touched |= ids

    def _note_removed(self, ids: set[UUID]) -> None:
        self.drift.removed(ids)
        if self._touched is not None:
            self._touched |= ids

    def _carry_over(self, fresh: Generation) -> None:
        """Bring up to POINTS_PER_WRITE touched points over as they are now."""
        assert self._touched is not None
        ids = list(islice(self._touched, POINTS_PER_WRITE))
        records = self.live.records(ids)
        if records:
            fresh.write([again(record) for record in records])
        gone = set(ids) - {as_uuid(record.id) for record in records}
        if gone:
            fresh.remove(list(gone))
        self._touched.difference_update(ids)
        self._next_drift.removed(gone)
        self._next_drift.wrote(set(ids) - gone)


async def dispose(folder: EdgeFolder, generation: Generation, spec: CollectionSpec) -> None:
    """Close a generation that serves no longer, and remove it."""
    await _take_down(folder, generation, spec, generation.path)


async def _take_down(folder: EdgeFolder, generation: Generation, spec: CollectionSpec, home: Path) -> None:
    """`home` is the folder to remove: the generation's own, or its collection's."""
    gone: Path | None = None
    try:
        for step in generation.dismantling(spec):
            with suppress(VectorStoreUnavailable):  # then closing takes longer, that is all
                step()
            await asyncio.sleep(0)
        gone = folder.discard(home)
        if gone is not None:
            await asyncio.to_thread(sync_log, gone / generation.path.relative_to(home))
    finally:
        await asyncio.to_thread(generation.close_quickly)
    if gone is not None:
        await asyncio.to_thread(remove_folder, gone)


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
