"""Challenges over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import ChallengeId, Day
from schemas.challenge import (
    Challenge,
    ChallengeContent,
    ChallengePatch,
    ChallengeState,
    ChallengeStep,
    ChallengeVersion,
    ChallengeView,
    Draft,
    Proposal,
    Withdrawal,
)
from schemas.codes import CountryCode
from schemas.links import Links
from schemas.text import Label
from services.directory.organisation_endpoints import REFERENCE
from services.intake import completion, confidential
from services.intake.challenge_store import ChallengeFilter
from services.intake.challenges import Challenges
from services.kernel.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import OPEN_TO_ALL, Anybody, Reader, Writer
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.preconditions import IfMatch, MaybeIfMatch, unchanged
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply
from services.kernel.web.validation import invalid_input

Id = Annotated[ChallengeId, Path()]

EXAMPLES = {
    "text alone": {
        "summary": "A paragraph is enough",
        "value": {
            "title": "Radiation-hard pressure sensor for a 4 K helium line",
            "need": "We need to measure pressure between 0.1 and 20 bar at 4 K, within 1 %, after 10 MGy. "
            "The sensor must survive 100 thermal cycles.",
            "buyer": "cern",
            "deadline": "2027-02-01",
        },
    },
    "with requirements": {
        "summary": "With requirements of your own",
        "value": {
            "title": "Radiation-hard pressure sensor for a 4 K helium line",
            "need": "Pressure in the helium lines of the cryostats has to be known at any time.",
            "buyer": "cern",
            "deadline": "2027-02-01",
            "requirements": [
                {
                    "id": "r1",
                    "text": "measure pressure between 0.1 and 20 bar at 4 K",
                    "kind": "performance",
                    "mandatory": True,
                    "trl_min": 5,
                },
                {"id": "r2", "text": "withstand a dose of 10 MGy", "kind": "constraint"},
            ],
            "cpv": ["38423000"],
        },
    },
}

STEPS = {
    "closed": {"summary": "The consultation is over", "value": {"to": "consultation-closed"}},
    "reported": {
        "summary": "Its report is out",
        "value": {"to": "reported", "report": {"url": "https://buyer.example/report.pdf"}},
    },
    "decided": {
        "summary": "There will be a call for tenders",
        "value": {
            "to": "decided",
            "decision": {
                "outcome": "tender",
                "reason": "Three companies could do it; none has it on the shelf.",
                "notice": "https://ted.europa.eu/en/notice/-/detail/123456-2027",
            },
        },
    },
}


def router(challenges: Challenges) -> APIRouter:
    """Routes under /v1/challenges; `challenges` is what they act on."""
    routes = APIRouter(prefix="/v1/challenges", tags=["challenges"])
    _writing(routes, challenges)
    _reading(routes, challenges)
    return routes


def _writing(routes: APIRouter, challenges: Challenges) -> None:
    always = responses_for(Unauthenticated, Forbidden, InvalidInput, Unavailable)
    changing = always | responses_for(NotFound, Conflict, PreconditionFailed)

    @routes.post(
        "",
        status_code=201,
        response_model=ChallengeView,
        responses=always,
        summary="Announce a challenge",
        description=(
            "For a BSO, or an ILO that is appointed to it. Title, need, buyer and deadline are enough: "
            "requirements are cut from the need, each with the span it comes from. Everybody may read it "
            "from now on, and matching begins at once. With `draft=true` it stays yours alone until "
            "`POST /v1/challenges/{challenge}/announce`."
        ),
    )
    async def announce(
        content: Annotated[ChallengeContent, Body(openapi_examples=EXAMPLES)],
        principal: Writer,
        once: Once,
        draft: Annotated[bool, Query(description="Keep it as a draft")] = False,
    ) -> Response:
        write = await challenges.announcing(principal, content, draft=draft)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return _reply(made, 201, location=f"/v1/challenges/{made.id}")

        return await once.run(effect)

    @routes.post(
        "/proposal",
        responses=responses_for(Unauthenticated, InvalidInput, Unavailable),
        summary="Propose requirements for a text",
        description=(
            "What would be cut from the text: requirements with their spans, readiness at the start and the "
            "end, stage of the lifecycle. Nothing is stored; correct it, and announce it."
        ),
    )
    async def propose(text: Draft, principal: Reader) -> Proposal:
        return completion.proposal(text)

    @routes.post(
        "/{challenge}/announce",
        response_model=ChallengeView,
        responses=changing,
        summary="Announce a draft",
    )
    async def publish(principal: Writer, challenge: Id, match: MaybeIfMatch, once: Once) -> Response:
        return await once.run(_replying(await challenges.publishing(principal, challenge, match.check)))

    @routes.patch(
        "/{challenge}",
        response_model=ChallengeView,
        responses=changing | responses_for(PreconditionRequired),
        summary="Amend a challenge",
        description=(
            "Fields that you send replace the present ones. Every amendment is a new version with what "
            "changed, which everybody may read; matches are scored anew. What changes nothing makes none."
        ),
    )
    async def amend(patch: ChallengePatch, principal: Writer, challenge: Id, match: IfMatch) -> Response:
        return _reply(await challenges.amend(principal, challenge, _revision(patch), match.check))

    @routes.post(
        "/{challenge}/steps",
        response_model=ChallengeView,
        responses=changing,
        summary="Lead a challenge on its way",
        description=(
            "From announced over consulting, consultation-closed and reported to decided, for whoever "
            "announced it and its buyer. The way goes forward, and steps may be left out; but before the "
            "consultation is closed the need can only be given up (`abandoned`). From consultation-closed on "
            "it takes no more answers: its suggestions expire, and its questions may still be answered. "
            "`reported` may name the report; `decided` says the outcome, perhaps why, and of a tender the "
            "notice. The present state may be said again with what was not known then. A step is a new "
            "version with the same content, and `liaison.challenge.stepped.v1` tells everybody."
        ),
    )
    async def take_step(
        step: Annotated[ChallengeStep, Body(openapi_examples=STEPS)],
        principal: Writer,
        challenge: Id,
        match: MaybeIfMatch,
        once: Once,
    ) -> Response:
        return await once.run(_replying(await challenges.stepping(principal, challenge, step, match.check)))

    @routes.post(
        "/{challenge}/withdraw",
        response_model=ChallengeView,
        responses=changing,
        summary="Withdraw a challenge",
        description="For good, with a reason that everybody may read. Its matches are retracted.",
    )
    async def withdraw(
        withdrawal: Withdrawal, principal: Writer, challenge: Id, match: MaybeIfMatch, once: Once
    ) -> Response:
        write = await challenges.withdrawing(principal, challenge, withdrawal.reason, match.check)
        return await once.run(_replying(write))


def _reading(routes: APIRouter, challenges: Challenges) -> None:
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)

    @routes.get(
        "",
        responses=always,
        openapi_extra=OPEN_TO_ALL,
        summary="Challenges",
        description=(
            "Announced ones, whoever announced them, and your own drafts; newest first. With `state=draft` "
            "also drafts of others that let you read them, which is what buyers plan. What is announced is "
            "public: it needs no key. Who has a conflict of interest or was excluded is told to whoever "
            "announced it and its buyer alone, and stands in no event."
        ),
    )
    async def list_challenges(
        principal: Anybody,
        paging: Paging,
        state: Annotated[ChallengeState | None, Query(description="Only in this state")] = None,
        buyer: Annotated[
            str | None, Query(pattern=REFERENCE, description="Only of this buyer, by handle or id")
        ] = None,
        country: Annotated[
            CountryCode | None, Query(description="Only those that companies of this country may answer")
        ] = None,
        cpv: Annotated[
            str | None, Query(pattern="^[0-9]{2,8}$", description="Only with a CPV code that begins so")
        ] = None,
        text: Annotated[
            Label | None, Query(description="Only those whose title, need or buyer contains this")
        ] = None,
        due_from: Annotated[Day | None, Query(description="Deadline on this day or later")] = None,
        due_until: Annotated[Day | None, Query(description="Deadline on this day or earlier")] = None,
    ) -> Page[ChallengeView]:
        position = paging.after(str)
        wanted = ChallengeFilter(state, buyer, country, cpv, text, due_from, due_until)
        found = await challenges.page(
            principal, wanted, after=position[0] if position else None, limit=paging.limit + 1
        )
        return paging.page(found, lambda one: (one.id,), lambda one: view(confidential.shown(one, principal)))

    @routes.get(
        "/{challenge}",
        response_model=ChallengeView,
        responses=always | responses_for(NotFound),
        openapi_extra=OPEN_TO_ALL,
        summary="One challenge",
        description="Its present version, which is also the `ETag`. Needs no key once it is announced.",
    )
    async def get_challenge(request: Request, principal: Anybody, challenge: Id) -> Response:
        found = await challenges.get(principal, challenge)
        return unchanged(request, found.version) or _reply(confidential.shown(found, principal))

    @routes.get(
        "/{challenge}/versions",
        responses=always | responses_for(NotFound),
        openapi_extra=OPEN_TO_ALL,
        summary="Versions of a challenge",
        description="Who changed what, and when; newest first.",
    )
    async def list_versions(principal: Anybody, challenge: Id, paging: Paging) -> Page[ChallengeVersion]:
        position = paging.after(int)
        found = await challenges.versions(
            principal, challenge, before=position[0] if position else None, limit=paging.limit + 1
        )
        return paging.page(found, lambda one: (one.version,), lambda one: one)

    @routes.get(
        "/{challenge}/versions/{version}",
        responses=always | responses_for(NotFound),
        openapi_extra=OPEN_TO_ALL,
        summary="A challenge as it was",
    )
    async def get_version(
        principal: Anybody, challenge: Id, version: Annotated[int, Path(ge=1, le=2_147_483_647)]
    ) -> Challenge:
        return await challenges.version(principal, challenge, version)


def view(challenge: Challenge) -> ChallengeView:
    """The challenge with the addresses that go with it."""
    address = f"/v1/challenges/{challenge.id}"
    public = challenge.state is not ChallengeState.draft
    links = Links(
        self=address,
        versions=f"{address}/versions",
        page=f"/challenges/{challenge.id}" if public else None,
        matches=f"{address}/matches" if public else None,
        stream=f"/v1/stream?challenge={challenge.id}" if public else None,
    )
    return ChallengeView.model_construct(**dict(challenge), links=links)


def _replying(
    write: Callable[[AsyncSession], Awaitable[Challenge]],
) -> Callable[[AsyncSession], Awaitable[Response]]:
    async def effect(tx: AsyncSession) -> Response:
        return _reply(await write(tx))

    return effect


def _reply(challenge: Challenge, status: int = 200, *, location: str | None = None) -> Response:
    return reply(view(challenge), status, version=challenge.version, location=location)


def _revision(patch: ChallengePatch) -> Callable[[ChallengeContent], ChallengeContent]:
    fields = {name: getattr(patch, name) for name in patch.model_fields_set}

    def revise(content: ChallengeContent) -> ChallengeContent:
        try:
            return completion.revised(content, fields)
        except ValidationError as error:
            raise invalid_input(error.errors(), patch.model_dump(mode="json")) from error

    return revise
