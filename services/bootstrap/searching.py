"""The vector index as search finds it: open in this process, or on a server that this process reaches."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from services.bootstrap.adapters import open_generations, vector_index
from services.indexing.collections import COMPANIES
from services.indexing.generation import Generation, Generations
from services.kernel.database import Database
from services.kernel.problems import Unavailable
from services.kernel.settings import Settings, VectorStoreKind

ELSEWHERE = (
    "Search needs the vector index, and the embedded one is open in the worker alone. Set "
    "LIAISON_VECTORS=server and LIAISON_QDRANT_URL, so that gateways reach it too; or run `liaison serve`, "
    "which has it itself."
)


class SearchHere:
    """Of a process that has the index."""

    def __init__(self, generations: Generations) -> None:
        self._generations = generations

    async def generation(self) -> Generation:
        return self._generations.serving


class SearchOnDemand:
    """Of a gateway: model and connection are opened when somebody searches first, and anew when the workers
    have switched to another model."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._opening = asyncio.Lock()
        self._open = AsyncExitStack()
        self._serving: Generation | None = None

    async def generation(self) -> Generation:
        """Raises `Unavailable` where the index is a worker's own, or is not there yet."""
        if self._settings.vectors is VectorStoreKind.edge:
            raise Unavailable(ELSEWHERE)
        async with self._opening:
            if self._serving is None or not await _serves(self._serving):
                await self._reopen()
            assert self._serving is not None
            return self._serving

    async def _reopen(self) -> None:
        await self.close()
        index = await self._open.enter_async_context(vector_index(self._settings))
        generations, embedders = await open_generations(self._settings, self._database, index)
        for embedder in embedders:
            self._open.push_async_callback(embedder.close)
        if not await _serves(generations.serving):
            await self.close()
            raise Unavailable("The vector index is being built; search answers when a worker has done that.")
        self._serving = generations.serving

    async def close(self) -> None:
        self._serving = None
        await self._open.aclose()
        self._open = AsyncExitStack()


async def _serves(generation: Generation) -> bool:
    return await generation.vectors.resolve(COMPANIES) == generation.collection(COMPANIES)
