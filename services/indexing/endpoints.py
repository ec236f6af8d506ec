"""The state of the vector index, for whoever runs the service."""

from fastapi import APIRouter

from services.indexing.state import Index, IndexState
from services.kernel.problems import Conflict, Forbidden, Unauthenticated, Unavailable
from services.kernel.web.authentication import Administrator
from services.kernel.web.problems import responses_for


def router(index: Index) -> APIRouter:
    """Routes under /v1/index."""
    routes = APIRouter(prefix="/v1/index", tags=["operations"])
    problems = responses_for(Unauthenticated, Forbidden, Unavailable)

    @routes.get("", responses=problems, summary="The vector index: what is in it, what it lacks")
    async def show(_: Administrator) -> IndexState:
        return await index.state()

    @routes.post(
        "/rebuild",
        status_code=202,
        responses=problems | responses_for(Conflict),
        summary="Write every vector anew from the rows",
        description="The present index goes on serving. GET /v1/index tells how far it is.",
    )
    async def start(_: Administrator) -> IndexState:
        return await index.rebuild()

    return routes
