"""Running the child process that builds a generation (`edge_optimiser`)."""

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
from services.kernel.vectors.edge_collection import EdgeCollection
from services.kernel.vectors.edge_values import row
from services.kernel.vectors.errors import OptimisationFailed
from services.kernel.vectors.port import NO_FILTER, CollectionSpec

POINTS_PER_FRAME = 64
"""About 4 ms to read and to pack at 384 dimensions."""

PAUSE_SHARE = 2.0
"""After a page that took t the export leaves the loop alone for 2 t: others have two thirds of it."""

ERROR_BYTES = 4_000
"""Of what the child says on its standard error, the end: a Rust panic with its trace fits in."""


class Build:
    """One new generation. After `stop`, `run` raises OptimisationFailed."""

    def __init__(self, path: Path, spec: CollectionSpec, indexing_threads: int) -> None:
        self.path = path
        self.spec = spec
        self._threads = indexing_threads
        self._child: Process | None = None
        self._stopped = False

    async def run(self, source: EdgeCollection | None) -> None:
        """Fill `path` with the points of `source` as they are read one page after the other, or with none."""
        if self._stopped:
            raise OptimisationFailed(f"The optimiser of {self.spec.name!r} was stopped.")
        self._child = child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            edge_optimiser.__name__,
            str(self.path),
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
                await self._export(child, source)
            status = await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
            said = await complaints
        if self._stopped:
            raise OptimisationFailed(f"The optimiser of {self.spec.name!r} was stopped.")
        if status != 0:
            raise OptimisationFailed(
                f"The optimiser of {self.spec.name!r} ended with status {status}: "
                f"{said[-ERROR_BYTES:].decode('utf-8', 'replace').strip() or 'it said nothing'}"
            )

    def stop(self) -> None:
        self._stopped = True
        if self._child is not None and self._child.returncode is None:
            self._child.kill()

    async def _export(self, child: Process, source: EdgeCollection | None) -> None:
        pipe = child.stdin
        assert pipe is not None
        pipe.write(edge_optimiser.frame(edge_optimiser.shape_of(self.spec)))
        after: UUID | None = None
        while source is not None:
            began = time.perf_counter()
            records, after = source.live.page(NO_FILTER, after, POINTS_PER_FRAME, payload=True, vectors=True)
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
