"""The state of the vector index, for whoever runs the service."""

import asyncio

import structlog
from fastapi import APIRouter
from pydantic import BaseModel

from services.indexing.collections import ALIASES
from services.indexing.generation import Generations
from services.indexing.upkeep import Upkeep
from services.kernel.problems import Conflict, Forbidden, Unauthenticated, Unavailable
from services.kernel.web.authentication import Administrator
from services.kernel.web.problems import responses_for

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


class Rebuild:
    """At most one rebuild at a time, beside the serving."""

    def __init__(self, generations: Generations, upkeep: Upkeep) -> None:
        self._generations = generations
        self._upkeep = upkeep
        self._task: asyncio.Task[None] | None = None
        self.written = 0
        self.failed: str | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Raises Conflict while one is running, or a new index is being built anyway."""
        if self.is_running or self._generations.building is not None:
            raise Conflict("The index is being rebuilt already. GET /v1/index shows how far it is.")
        self.written, self.failed = 0, None
        self._task = asyncio.create_task(self._run(), name="reindex")

    async def _run(self) -> None:
        try:
            await self._upkeep.rebuild(self._progress)
        except Exception as error:  # whatever it is, the operator who asked for it is told
            self.failed = str(error) or type(error).__name__
            log.exception("the index was not rebuilt")

    def _progress(self, _what: str, written: int) -> None:
        self.written = written


def router(generations: Generations, upkeep: Upkeep) -> APIRouter:
    """Routes under /v1/index."""
    routes = APIRouter(prefix="/v1/index", tags=["operations"])
    problems = responses_for(Unauthenticated, Forbidden, Unavailable)
    rebuild = Rebuild(generations, upkeep)

    async def state() -> IndexState:
        serving = generations.serving
        collections = [await serving.vectors.state(serving.collection(alias)) for alias in ALIASES]
        building = generations.building
        return IndexState(
            model=serving.embedder.model.name,
            building=building.embedder.model.name if building else None,
            collections=[
                CollectionView(name=one.name, points=one.points, optimised=one.optimised)
                for one in collections
            ],
            lacking=await upkeep.lacking(),
            lost=await upkeep.lost(),
            rebuilt=rebuild.written if rebuild.is_running else None,
            failed=rebuild.failed,
        )

    @routes.get("", responses=problems, summary="The vector index: what is in it, what it lacks")
    async def show(_: Administrator) -> IndexState:
        return await state()

    @routes.post(
        "/rebuild",
        status_code=202,
        responses=problems | responses_for(Conflict),
        summary="Write every vector anew from the rows",
        description="The present index goes on serving. GET /v1/index tells how far it is.",
    )
    async def start(_: Administrator) -> IndexState:
        rebuild.start()
        return await state()

    return routes
