"""`/matches/{id}`: one suggestion with all its reasons; and the part of it that a bar opens in place."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views.explanation import explain, explanation
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import NotFound


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/matches/{match}")
    async def page(visit: Annotated[Visit, Depends(visits)], match: str) -> Response:
        found = await ports.matches.get(visit.known(), match)
        explained = [explain(one) for one in found.requirements]
        return renderer.page("match.html", visit, match=found, explanations=explained)

    @made.get("/matches/{match}/why")
    async def why(
        visit: Annotated[Visit, Depends(visits)],
        match: str,
        requirement: Annotated[str, Query(max_length=100)],
    ) -> Response:
        found = await ports.matches.get(visit.known(), match)
        explained = explanation(found, requirement)
        if explained is None:
            raise NotFound("This requirement is no longer part of the challenge. Load the page again.")
        return renderer.page("_why.html", visit, match=found, explanation=explained)

    return made
