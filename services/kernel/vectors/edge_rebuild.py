"""Optimising an embedded collection while it serves.

The engine's optimiser would stop every thread of this process for as long as it runs (20-40 s at 60,000
points). So a child process builds a new generation:

1. every point is read page by page and sent to the child, which writes, indexes and flushes a new shard;
   reads and writes go on, and the collection remembers what is touched meanwhile;
2. the new shard is opened (20 ms), and what was touched is carried over from the old one in small batches;
3. the new one is recorded on disk and serves; the old one is closed and removed.

Until 3 the old generation is the one in use, in memory and on disk: a crash, a full disk or a child that
dies cost the attempt and nothing else. Copying the folder instead of reading the points would spare some
processor time, but it needs a flush first, and a flush stops the process for 60-330 ms.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from services.kernel.vectors import edge_optimiser
from services.kernel.vectors.edge_collection import EdgeCollection, dispose
from services.kernel.vectors.edge_folder import EdgeFolder, bytes_on_disk
from services.kernel.vectors.edge_generation import Generation, remove_folder
from services.kernel.vectors.edge_values import row
from services.kernel.vectors.errors import OptimisationFailed
from services.kernel.vectors.port import NO_FILTER

POINTS_PER_FRAME = 64
"""About 4 ms to read and to pack at 384 dimensions."""

PAUSE_SHARE = 2.0
"""After a page that took t the export leaves the loop alone for 2 t: others have two thirds of it."""

ROOM_FACTOR = 3
"""Free disk space wanted, in sizes of the present generation: the new shard, once more while its segments
are merged, and its log."""

ERROR_BYTES = 4_000
"""Of what the child says on its standard error, the end: a Rust panic with its trace fits in."""


class Rebuild:
    """One optimisation of one collection. After `stop`, `run` raises OptimisationFailed."""

    def __init__(
        self, folder: EdgeFolder, collection: EdgeCollection, indexing_threads: int, reserve_bytes: int
    ) -> None:
        self._folder = folder
        self.collection = collection
        self._threads = indexing_threads
        self._reserve = reserve_bytes
        self._child: Process | None = None

    async def run(self) -> None:
        collection = self.collection
        await self._check_room()
        path = self._folder.new_generation(collection.spec.name)
        fresh: Generation | None = None
        collection.start_tracking()
        try:
            await self._build(path)
            fresh = Generation.load(path)
            await collection.catch_up(fresh)
            await collection.exchange(fresh)
        finally:
            collection.stop_tracking()
            if fresh is None:
                await asyncio.to_thread(remove_folder, path)
            elif collection.record.generation != path.name:
                await dispose(self._folder, fresh)

    def stop(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()

    async def _check_room(self) -> None:
        used = await asyncio.to_thread(bytes_on_disk, self.collection.live.path)
        wanted, free = ROOM_FACTOR * used + self._reserve, self._folder.free_bytes()
        if free < wanted:
            raise OptimisationFailed(
                f"Optimising {self.collection.spec.name!r} needs {wanted >> 20} MiB of disk space and "
                f"{free >> 20} MiB are free: make room; until then searches scan."
            )

    async def _build(self, path: Path) -> None:
        self._child = child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            edge_optimiser.__name__,
            str(path),
            str(self._threads),
            stdin=PIPE,
            stderr=PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert child.stderr is not None
        complaints = asyncio.create_task(child.stderr.read())
        try:
            # A child that dies early breaks the pipe; its exit status and its words say more.
            with suppress(BrokenPipeError, ConnectionResetError):
                await self._export(child)
            status = await child.wait()
            said = await complaints
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
            await complaints
        if status != 0:
            raise OptimisationFailed(
                f"The optimiser of {self.collection.spec.name!r} ended with status {status}: "
                f"{said[-ERROR_BYTES:].decode('utf-8', 'replace').strip() or 'it said nothing'}"
            )

    async def _export(self, child: Process) -> None:
        pipe = child.stdin
        assert pipe is not None
        pipe.write(edge_optimiser.frame(edge_optimiser.shape_of(self.collection.spec)))
        after: UUID | None = None
        while True:
            began = time.perf_counter()
            records, after = self.collection.live.page(
                NO_FILTER, after, POINTS_PER_FRAME, payload=True, vectors=True
            )
            if records:
                pipe.write(edge_optimiser.frame([row(record) for record in records]))
            if after is None:
                break
            await asyncio.sleep(PAUSE_SHARE * (time.perf_counter() - began))
            await pipe.drain()
        pipe.write(edge_optimiser.END)
        await pipe.drain()
        pipe.close()
        await pipe.wait_closed()
