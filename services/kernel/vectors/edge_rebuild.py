"""Optimising an embedded collection while it serves.

The engine's optimiser would stop every thread of this process for as long as it runs (20-40 s at 60,000
points). So a child process builds a new generation:

1. every point is read page by page and sent to the child, which writes, indexes and flushes a new shard;
   reads and writes go on, and the collection remembers what is touched meanwhile;
2. the new shard is opened (20 ms) and read through once in small steps, so that its pages are in memory;
3. what was touched is carried over from the old one in small batches;
4. the new one is recorded on disk and serves; the old one is closed and removed.

Until 4 the old generation is the one in use, in memory and on disk: a crash, a full disk or a child that
dies cost the attempt and nothing else. Copying the folder instead of reading the points would spare some
processor time, but it needs a flush first, and a flush stops the process for 60-330 ms.
"""

from __future__ import annotations

import asyncio

from services.kernel.vectors.edge_build import Build
from services.kernel.vectors.edge_collection import EdgeCollection, dispose
from services.kernel.vectors.edge_folder import EdgeFolder, bytes_on_disk
from services.kernel.vectors.edge_generation import Generation, remove_folder
from services.kernel.vectors.errors import OptimisationFailed

ROOM_FACTOR = 3
"""Free disk space wanted, in sizes of the present generation: the new shard, once more while its segments
are merged, and its log."""


async def check_room(folder: EdgeFolder, collection: EdgeCollection, reserve_bytes: int) -> None:
    used = await asyncio.to_thread(bytes_on_disk, collection.live.path)
    wanted, free = ROOM_FACTOR * used + reserve_bytes, folder.free_bytes()
    if free < wanted:
        raise OptimisationFailed(
            f"Optimising {collection.spec.name!r} needs {wanted >> 20} MiB of disk space and "
            f"{free >> 20} MiB are free: make room; until then searches scan."
        )


async def rebuild(folder: EdgeFolder, collection: EdgeCollection, build: Build) -> None:
    """Raises OptimisationFailed or VectorStoreUnavailable, and the collection serves on as it was."""
    fresh: Generation | None = None
    collection.start_tracking()
    try:
        await build.run(collection)
        fresh = Generation.load(build.path)
        await touch_all(fresh)
        await collection.catch_up(fresh)
        await collection.exchange(fresh)
    finally:
        collection.stop_tracking()
        if fresh is None:
            await asyncio.to_thread(remove_folder, build.path)
        elif collection.record.generation != build.path.name:
            await dispose(folder, fresh, build.spec)


async def touch_all(generation: Generation) -> None:
    """Read every point once, in steps of a fraction of a millisecond. The first access to each page of a
    mapped file costs some microseconds, which would add up to 150 ms in the first search at 60,000 points."""
    after = None
    while True:
        after = generation.touch(after)
        if after is None:
            return
        await asyncio.sleep(0)
