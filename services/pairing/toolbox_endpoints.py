"""The toolbox of a pairing over HTTP."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import ItemId, PairingId
from schemas.pairing import (
    Deadline,
    DeadlineContent,
    Document,
    DocumentContent,
    Kpi,
    KpiContent,
    Person,
    PersonContent,
)
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
from services.kernel.web.authentication import Writer
from services.kernel.web.idempotency import Once
from services.kernel.web.preconditions import IfMatch
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply
from services.pairing.toolbox import Kind, Toolbox

_Id = Annotated[PairingId, Path()]
_Item = Annotated[ItemId, Path()]
_ALWAYS = responses_for(Unauthenticated, InvalidInput, Unavailable)
_WRITING = _ALWAYS | responses_for(NotFound, Forbidden, Conflict)


def router(toolbox: Toolbox) -> APIRouter:
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
            made = await write(tx)
            return reply(made, 201, version=made.version)

        return await once.run(effect)

    async def change(content: Any, principal: Writer, pairing: _Id, item: _Item, match: IfMatch) -> Response:
        changed = await toolbox.change(principal, pairing, item, content, match.check)
        return reply(changed, version=changed.version)

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
        responses=_WRITING | responses_for(PreconditionFailed, PreconditionRequired),
        summary=f"Change {what}",
        description=(
            "All of it is replaced. What changes nothing is told to nobody. Its `version`, as the pairing "
            "lists it, is the `ETag`."
        ),
    )(change)
    routes.delete(
        f"/{path}/{{item}}",
        status_code=204,
        responses=_ALWAYS | responses_for(NotFound, Forbidden),
        summary=f"Remove {what}",
    )(remove)
