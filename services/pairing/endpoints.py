"""Pairings over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import ChallengeId, GroupId, PairingId
from schemas.pairing import Group, Joining, Pairing, PairingFile, PairingState, Step
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
from services.pairing import toolbox_endpoints
from services.pairing.grouping import Groups
from services.pairing.joining import Observers
from services.pairing.leading import Leading
from services.pairing.plans import endpoints as plans
from services.pairing.room import Pairing as Room
from services.pairing.service import Pairings

_Id = Annotated[PairingId, Path()]
_ALWAYS = responses_for(Unauthenticated, InvalidInput, Unavailable)
_WRITING = _ALWAYS | responses_for(NotFound, Forbidden, Conflict)


def routers(room: Room) -> list[APIRouter]:
    """Every route of the room. That of groups comes before that of a pairing, whose id it would be."""
    return [
        _groups(room.groups),
        _pairings(room.pairings),
        _leading(room.leading, room.observers),
        toolbox_endpoints.router(room.toolbox),
        plans.router(room.plans),
    ]


def _groups(groups: Groups) -> APIRouter:
    routes = APIRouter(prefix="/v1/pairings/groups", tags=["pairings"])

    @routes.get(
        "",
        responses=_ALWAYS,
        summary="Groups of three buyers or more",
        description=(
            "Needs of which every two are paired and all want to buy at one time, one of yours among them; "
            "the largest groups first."
        ),
    )
    async def list_groups(principal: Reader) -> list[Group]:
        return await groups.page(principal)

    @routes.get(
        "/{group}",
        responses=_ALWAYS | responses_for(NotFound),
        summary="One group",
        description="Also one that is dissolved, with the reason.",
    )
    async def get_group(principal: Reader, group: Annotated[GroupId, Path()]) -> Group:
        return await groups.get(principal, group)

    return routes


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

    return routes


def _leading(leading: Leading, observers: Observers) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["pairings"])

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
        write = await leading.stepping(principal, pairing, wanted)

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
        write = await observers.joining(principal, challenge, wanted)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, 201, location=f"/v1/pairings/{made.id}")

        return await once.run(effect)

    return routes
