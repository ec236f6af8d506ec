"""The board's routes, composed."""

from __future__ import annotations

from fastapi import APIRouter

from services.gateway.board import assets
from services.gateway.board.live import Live
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views import challenge, challenges, match, sign_in
from services.gateway.board.visit import visits
from services.gateway.feed import Feed


def router(ports: BoardPorts) -> APIRouter:
    """Every page of the board, and the files they need."""
    renderer = Renderer(ports.clock)
    visiting = visits(ports.directory)
    live = Live(Feed(ports.database, ports.tail), per_key=ports.streams_per_key)
    made = APIRouter()
    for routes in (
        assets.router(),
        challenges.routes(ports, visiting, renderer),
        challenge.routes(ports, visiting, renderer, live),
        match.routes(ports, visiting, renderer),
        sign_in.routes(ports, visiting, renderer),
    ):
        made.include_router(routes)
    return made
