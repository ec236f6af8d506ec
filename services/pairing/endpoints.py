"""Pairings over HTTP."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import ChallengeId, ItemId, PairingId
from schemas.pairing import (
    Deadline,
    DeadlineContent,
    Document,
    DocumentContent,
    Group,
    Joining,
    Kpi,
    KpiContent,
    Pairing,
    PairingFile,
    PairingState,
    Person,
    PersonContent,
    Step,
)
from services.kernel.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import Reader, Writer
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply
from services.pairing.plans import endpoints as plans
from services.pairing.room import Pairing as Room
from services.pairing.service import Pairings
from services.pairing.toolbox import Kind, Toolbox

_Id = Annotated[PairingId, Path()]
_Item = Annotated[ItemId, Path()]
_ALWAYS = responses_for(Unauthenticated, InvalidInput, Unavailable)
_WRITING = _ALWAYS | responses_for(NotFound, Forbidden, Conflict)


def routers(room: Room) -> list[APIRouter]:
    """Every route of the room."""
    return [_pairings(room.pairings), _toolbox(room.toolbox), plans.router(room.plans)]


def _pairings(pairings: Pairings) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["pairings"])

    @routes.get(
        "/pairings",
        responses=_ALWAYS,
        summary="Needs that could be bought together",
        description=(
            "Of your needs and those of other buyers, the most alike first. For both buyers, and who "
            "announced for them; nobody else sees a pairing."
        ),
    )
    async def list_pairings(
        principal: Reader,
        paging: Paging,
        state: Annotated[PairingState | None, Query(description="Only in this state")] = None,
        need: Annotated[ChallengeId | None, Query(description="Only those of this need")] = None,
        dissolved: Annotated[bool, Query(description="Also those that are dissolved")] = False,
    ) -> Page[Pairing]:
        after = paging.after(float, str)
        found = await pairings.page(
            principal,
            state=state,
            need=need,
            with_dissolved=dissolved,
            after=None if after is None else (after[0], after[1]),
            limit=paging.limit + 1,
        )
        return paging.page(found, lambda one: (one.comparison.similarity, one.id), lambda one: one)

    @routes.get(
        "/pairings/groups",
        responses=_ALWAYS,
        summary="Groups of three buyers or more",
        description=(
            "Needs of which every two are paired and all want to buy at one time, one of yours among them; "
            "the largest groups first."
        ),
    )
    async def list_groups(principal: Reader) -> list[Group]:
        return await pairings.groups(principal)

    @routes.get(
        "/pairings/{pairing}",
        responses=_ALWAYS | responses_for(NotFound),
        summary="One pairing",
        description=(
            "Two needs side by side, what speaks for and against buying together, the toolbox and the audit "
            "trail. `may`: what your side can do next."
        ),
    )
    async def get_pairing(principal: Reader, pairing: _Id) -> PairingFile:
        return await pairings.get(principal, pairing)

    @routes.post(
        "/pairings/{pairing}/steps",
        response_model=PairingFile,
        responses=_WRITING,
        summary="Lead a pairing on its way",
        description=(
            "`to` the step that follows: it is taken when both buyers have asked for it. The present state "
            "takes your wish back; `dissolved`, with a reason, ends it. A pairing goes from candidate over "
            "confirmed, financing, market-research, agreement and common-specification to launched."
        ),
    )
    async def take_step(wanted: Step, principal: Writer, pairing: _Id, once: Once) -> Response:
        write = await pairings.stepping(principal, pairing, wanted)

        async def effect(tx: AsyncSession) -> Response:
            return reply(await write(tx))

        return await once.run(effect)

    @routes.post(
        "/challenges/{challenge}/pairing",
        status_code=201,
        response_model=PairingFile,
        responses=_WRITING,
        summary="Buy together with this need",
        description=(
            "For a buyer that has seen another's need and needs the same: name your own need, or nothing, "
            "and you get a draft with the words of the other, that buyers may read. The two are a candidate "
            "then, however alike they are; where they are paired already, that pairing is answered."
        ),
    )
    async def join(
        wanted: Joining, principal: Writer, challenge: Annotated[ChallengeId, Path()], once: Once
    ) -> Response:
        write = await pairings.joining(principal, challenge, wanted)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, 201, location=f"/v1/pairings/{made.id}")

        return await once.run(effect)

    return routes


def _toolbox(toolbox: Toolbox) -> APIRouter:
    routes = APIRouter(prefix="/v1/pairings/{pairing}", tags=["pairings"])
    _entries(
        routes, toolbox, "people", "person", PersonContent, Person, "a person who is responsible",
        "A role and its mailbox rather than a name; what you remove is nowhere kept.",
    )  # fmt: skip
    _entries(
        routes, toolbox, "deadlines", "deadline", DeadlineContent, Deadline, "a deadline",
        "Both buyers are reminded once, a week before, unless it is done.",
    )  # fmt: skip
    _entries(
        routes, toolbox, "documents", "document", DocumentContent, Document, "a document",
        "By its address: Liaison keeps no files.",
    )  # fmt: skip
    _entries(
        routes, toolbox, "kpis", "kpi", KpiContent, Kpi, "a figure to watch",
        "For example the savings over buying alone.",
    )  # fmt: skip
    return routes


def _entries(
    routes: APIRouter,
    toolbox: Toolbox,
    path: str,
    kind: Kind,
    content: type[Any],
    shown: type[BaseModel],
    what: str,
    description: str,
) -> None:
    """The three routes of one kind of entry. Annotations are given as values: they differ by kind."""

    async def add(content: Any, principal: Writer, pairing: _Id, once: Once) -> Response:
        write = await toolbox.adding(principal, pairing, content)

        async def effect(tx: AsyncSession) -> Response:
            return reply(await write(tx), 201)

        return await once.run(effect)

    async def change(content: Any, principal: Writer, pairing: _Id, item: _Item) -> Response:
        return reply(await toolbox.change(principal, pairing, item, content))

    async def remove(principal: Writer, pairing: _Id, item: _Item) -> None:
        await toolbox.remove(principal, pairing, kind, item)

    functions: tuple[Callable[..., Any], ...] = (add, change, remove)
    for function in functions:
        function.__name__ = f"{function.__name__}_{kind}"
    for function in (add, change):
        function.__annotations__["content"] = content
    routes.post(
        f"/{path}",
        status_code=201,
        response_model=shown,
        responses=_WRITING,
        summary=f"Add {what}",
        description=description,
    )(add)
    routes.put(
        f"/{path}/{{item}}",
        response_model=shown,
        responses=_WRITING,
        summary=f"Change {what}",
        description="All of it is replaced. What changes nothing is told to nobody.",
    )(change)
    routes.delete(
        f"/{path}/{{item}}",
        status_code=204,
        responses=_ALWAYS | responses_for(NotFound, Forbidden),
        summary=f"Remove {what}",
    )(remove)
