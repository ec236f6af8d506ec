"""`/scores`: how a score comes about, in words, with the very figures that the formula uses."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.matching import scoring
from services.matching.disclosure import disclosure


def routes(visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/scores")
    async def page(visit: Annotated[Visit, Depends(visits)]) -> Response:
        return renderer.page("scores.html", visit, scoring=scoring, disclosed=disclosure())

    return made
