"""The HTTP application of a process: the rooms' routers on the gateway."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, FastAPI

from services.bootstrap.parts import Core, router
from services.consortia import endpoints as consortia
from services.courier import endpoints as courier
from services.dialogue import endpoints as dialogue
from services.directory import endpoints as directory
from services.gateway import board, status_endpoints
from services.gateway.app import create_app
from services.gateway.health import Check
from services.gateway.status_endpoints import Lag
from services.gateway.syndication import own, public
from services.gateway.syndication.kept import Kept
from services.indexing import endpoints as indexing
from services.indexing.state import Index
from services.intake import endpoints as intake
from services.kernel.web.ports import WebPorts
from services.kernel.web.session import Sessions
from services.matching import endpoints as matching
from services.notification import endpoints as notification
from services.notification.history import History
from services.notification.ports import QueryFits
from services.notification.remembered import RememberedFits
from services.notification.selection import Selections
from services.pairing import endpoints as pairing
from services.search import endpoints as searching
from services.search.ports import SearchIndex
from services.search.service import Search


def web_ports(core: Core) -> WebPorts:
    secure = core.settings.public_url.startswith("https:")
    return WebPorts(
        database=core.database,
        authenticator=core.directory,
        sessions=Sessions(core.secrets.cookie_secret, secure=secure),
        box=core.secrets.box,
        clock=core.clock,
    )


def board_ports(core: Core, search: Search) -> board.BoardPorts:
    return board.BoardPorts(
        database=core.database,
        clock=core.clock,
        tail=core.tail,
        directory=core.directory,
        intake=core.intake,
        matches=core.matches,
        answering=core.answering,
        consortia=core.consortia,
        consents=core.consents,
        completing=core.completing,
        pairing=core.pairing,
        dialogues=core.dialogues,
        search=search,
        feedback=core.own_feedback,
        subscriptions=core.subscriptions,
        endpoints=core.endpoints,
        deliveries=core.deliveries,
        links=core.links,
        streams_per_key=core.settings.streams_per_key,
        threshold=core.settings.match_threshold,
    )


def routers(core: Core, index: Index, lag: Lag, search: Search) -> list[APIRouter]:
    return [
        *directory.routers(core.directory),
        *intake.routers(core.intake),
        matching.router(core.matches, core.answering, core.own_feedback),
        consortia.router(core.consortia, core.consents, core.completing),
        searching.router(search),
        notification.router(core.subscriptions),
        courier.endpoints_router(core.endpoints),
        courier.deliveries_router(core.deliveries),
        indexing.router(index),
        *pairing.routers(core.pairing),
        dialogue.router(core.dialogues),
        status_endpoints.router(core.database, core.clock, lag, index.lacking),
        board.router(board_ports(core, search)),
    ]


def feeds(core: Core, history: History) -> list[APIRouter]:
    """Feeds and calendars; those for everybody come first, since their addresses are no tokens."""
    publication, kept, public_url = core.intake.publication, Kept(), core.settings.public_url
    return [
        public.routes(publication, kept, public_url),
        own.routes(core.subscriptions, history, publication, kept, public_url),
    ]


def application(
    core: Core,
    index: Index,
    queries: QueryFits,
    lag: Lag,
    searched: SearchIndex,
    checks: Mapping[str, Check] | None = None,
) -> FastAPI:
    """`index`: the vector index, here or in another process; `queries`: the fit of saved queries, for the
    streams of subscriptions; `lag`: how far services are behind, wherever they run; `searched`: the index as
    search reaches it."""
    selections = Selections(core.subscriptions, router(core, queries))
    search = Search(searched, core.intake.challenges, core.intake.companies)
    asked_again = router(core, RememberedFits(queries, core.clock))
    history = History(core.database, asked_again, core.intake.publication)
    every = [*routers(core, index, lag, search), *feeds(core, history)]
    return create_app(
        core.settings, web_ports(core), core.tail, every, checks=checks, selecting=selections.select
    )
