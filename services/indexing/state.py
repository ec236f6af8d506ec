"""What is told of the vector index, and by whom: the process that has it open."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from pydantic import BaseModel

from services.indexing.generation import Generations
from services.indexing.upkeep import Upkeep
from services.kernel.problems import Conflict

log = structlog.get_logger("liaison.indexing")


class CollectionView(BaseModel):
    name: str
    points: int
    optimised: float


class IndexState(BaseModel):
    """`building`: the model whose index is being built while the present one serves. `lacking`: active
    profiles and open challenges without vectors of their present version; `lost`: texts that the vector store
    no longer has. `rebuilt`: entities written so far by a rebuild that is running, null when none is;
    `failed`: why the last one was not finished."""

    model: str
    building: str | None
    collections: list[CollectionView]
    lacking: int
    lost: int
    rebuilt: int | None
    failed: str | None


class Index(Protocol):
    """The vector index as whoever runs the service sees it, from whichever process."""

    async def state(self) -> IndexState:
        """Raises `Unavailable` where nobody can tell."""

    async def rebuild(self) -> IndexState:
        """Have every vector written anew; returns when it has begun or is ordered. Raises `Conflict` while
        one is running, or a new index is being built anyway."""

    async def lacking(self) -> int:
        """Active profiles and open challenges without vectors of their present version."""


class OwnIndex:
    """The index that this process has open. At most one rebuild at a time, beside the serving."""

    def __init__(self, generations: Generations, upkeep: Upkeep) -> None:
        self._generations = generations
        self._upkeep = upkeep
        self._task: asyncio.Task[None] | None = None
        self._written = 0
        self._failed: str | None = None

    @property
    def is_rebuilding(self) -> bool:
        return self._task is not None and not self._task.done()

    async def state(self) -> IndexState:
        serving = self._generations.serving
        collections = [await serving.vectors.state(serving.collection(alias)) for alias in serving.aliases]
        building = self._generations.building
        return IndexState(
            model=serving.embedder.model.name,
            building=building.embedder.model.name if building else None,
            collections=[
                CollectionView(name=one.name, points=one.points, optimised=one.optimised)
                for one in collections
            ],
            lacking=await self._upkeep.lacking(),
            lost=await self._upkeep.lost(),
            rebuilt=self._written if self.is_rebuilding else None,
            failed=self._failed,
        )

    async def rebuild(self) -> IndexState:
        if self.is_rebuilding or self._generations.building is not None:
            raise Conflict("The index is being rebuilt already. GET /v1/index shows how far it is.")
        self._written, self._failed = 0, None
        self._task = asyncio.create_task(self._run(), name="reindex")
        return await self.state()

    async def lacking(self) -> int:
        return await self._upkeep.lacking()

    async def _run(self) -> None:
        try:
            await self._upkeep.rebuild(self._progress)
        except Exception as error:  # whatever it is, the operator who asked for it is told
            self._failed = str(error) or type(error).__name__
            log.exception("the index was not rebuilt")

    def _progress(self, _what: str, written: int) -> None:
        self._written = written
