"""The board's routes, composed."""

from __future__ import annotations

from fastapi import APIRouter

from services.gateway.board import assets
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views import challenges
from services.gateway.board.visit import visits


def router(ports: BoardPorts) -> APIRouter:
    """Every page of the board, and the files they need."""
    renderer = Renderer(ports.clock)
    visiting = visits(ports.directory)
    made = APIRouter()
    made.include_router(assets.router())
    for page in (challenges,):
        made.include_router(page.routes(ports, visiting, renderer))
    return made
