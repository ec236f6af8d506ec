"""The board's routes, composed."""

from __future__ import annotations

from fastapi import APIRouter

from services.gateway.board import assets
from services.gateway.board.live import Live
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views import (
    addresses,
    announce,
    challenge,
    challenges,
    companies,
    company,
    completing,
    consortium,
    deliveries,
    dialogue,
    endpoints,
    group,
    match,
    pairing,
    pairings,
    profile,
    scores,
    search,
    settings,
    sign_in,
    subscription,
    versions,
)
from services.gateway.board.visit import visits
from services.gateway.feed import Feed


def router(ports: BoardPorts) -> APIRouter:
    """Every page of the board, and the files they need."""
    renderer = Renderer(ports.clock)
    visiting = visits(ports.directory)
    live = Live(Feed(ports.database, ports.tail), per_key=ports.streams_per_key)
    made = APIRouter()
    made.include_router(assets.router())
    made.include_router(scores.routes(visiting, renderer))
    made.include_router(profile.routes(ports, visiting, renderer))  # before companies, whose id may be "new"
    for watched in (challenge, company):
        made.include_router(watched.routes(ports, visiting, renderer, live))
    for page in (
        challenges,
        versions,
        match,
        consortium,
        completing,
        pairings,
        group,
        pairing,
        dialogue,
        companies,
        announce,
        addresses,  # before the settings, whose changes of a subscription take any name
        settings,
        subscription,
        endpoints,
        deliveries,
        search,
        sign_in,
    ):
        made.include_router(page.routes(ports, visiting, renderer))
    return made
