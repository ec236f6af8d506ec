"""`/pairings/groups/{id}`: needs of more than two buyers side by side."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits

PAIRINGS_READ = 500
"""The reader's, of which those within the group are shown."""


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/pairings/groups/{group}")
    async def page(visit: Annotated[Visit, Depends(visits)], group: str) -> Response:
        principal = visit.known()
        found = await ports.pairing.groups.get(principal, group)
        needs = {need.id for need in found.needs}
        pairings = await ports.pairing.pairings.page(principal, limit=PAIRINGS_READ)
        return renderer.page(
            "group.html",
            visit,
            group=found,
            pairings=[one for one in pairings if {one.first.id, one.second.id} <= needs],
        )

    return made
