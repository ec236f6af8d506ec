"""A small application with one endpoint per web piece, for the tests of the pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, UploadFile
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from schemas.base import Contract, Handle
from schemas.codes import CountryCode, CpvCode
from schemas.subscription import Follow
from schemas.text import Title
from services.kernel import journal
from services.kernel.database import Database
from services.kernel.journal.model import JournalEntry
from services.kernel.problems import Conflict, NotFound, TransientError, Unauthenticated
from services.kernel.security import Principal, SecretBox
from services.kernel.web.authentication import Administrator, Manager, Reader, Visitor, Writer
from services.kernel.web.idempotency import BodyDigest, Once, install_replays
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.ports import WebPorts
from services.kernel.web.preconditions import IfMatch, MaybeIfMatch, unchanged
from services.kernel.web.problems import UnexpectedErrors, install_problem_handlers, responses_for
from services.kernel.web.reply import reply
from services.kernel.web.session import Sessions
from tests.conftest import MovableClock

KEYS = {
    "lia_reader": Principal("org_a", "company", "key_1", frozenset({"read"})),
    "lia_writer": Principal("org_a", "company", "key_2", frozenset({"write"})),
    "lia_other": Principal("org_b", "company", "key_3", frozenset({"write"})),
    "lia_manager": Principal("org_a", "company", "key_4", frozenset({"admin"})),
    "lia_admin": Principal("org_z", "admin", "key_5", frozenset({"admin"})),
}


class KnownKeys:
    async def authenticate(self, key: str) -> Principal:
        if key not in KEYS:
            raise Unauthenticated("This key is not known.")
        return KEYS[key]


class Part(Contract):
    id: str
    text: Title


class Thing(Contract):
    title: Title
    buyer: Handle | int = "cern"
    cpv: tuple[CpvCode, ...] = ()
    country: CountryCode | None = None
    parts: tuple[Part, ...] = ()
    follow: Follow | None = None


class Count(BaseModel):
    number: int


def bearer(key: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **headers}


def application(database: Database, clock: MovableClock) -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)
    install_replays(app)
    app.add_middleware(BodyDigest)
    app.add_middleware(UnexpectedErrors)
    WebPorts(
        database=database,
        authenticator=KnownKeys(),
        sessions=Sessions("x" * 40, secure=False),
        box=SecretBox([SecretBox.new_key()]),
        clock=clock,
    ).attach(app)
    app.state.gate = asyncio.Event()
    app.state.gate.set()
    _who(app)
    _things(app, database, clock)
    return app


def _who(app: FastAPI) -> None:
    @app.get("/anybody")
    async def anybody(principal: Visitor) -> str:
        return principal.organisation if principal else "nobody"

    @app.get("/read")
    async def read(principal: Reader) -> str:
        return principal.organisation

    @app.post("/write")
    async def write(principal: Writer) -> str:
        return principal.organisation

    @app.get("/manage")
    async def manage(principal: Manager) -> str:
        return principal.organisation

    @app.get("/administer")
    async def administer(principal: Administrator) -> str:
        return principal.organisation

    @app.get("/transient")
    async def transient() -> None:
        raise TransientError("the vector store is down")

    @app.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError

    @app.get("/missing", responses=responses_for(NotFound, Conflict))
    async def missing() -> None:
        raise NotFound("There is no such thing.")


def _things(app: FastAPI, database: Database, clock: MovableClock) -> None:
    @app.post("/validate")
    async def validate(thing: Thing, limit: int = 3) -> str:
        return thing.title

    @app.post("/things", status_code=201, response_model=Count)
    async def make(thing: Thing, once: Once, request: Request, fail: bool = False) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            await app.state.gate.wait()
            await journal.append(
                tx, [journal.NewEvent("liaison.test.made.v1", "t", "t", {})], now=clock.now()
            )
            if fail:
                raise Conflict("It does not go.")
            made = (await tx.execute(select(func.count()).select_from(JournalEntry))).scalar_one()
            return reply(Count(number=made), 201, version=1, location=f"/things/{made}")

        return await once.run(effect)

    @app.post("/secrets", status_code=201, response_model=Count)
    async def make_secret(once: Once) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            return reply(Count(number=424242), 201)

        return await once.run(effect, confidential=True)

    @app.post("/uploads", response_model=Count)
    async def upload(file: UploadFile, once: Once) -> Response:
        size = len(await file.read())

        async def effect(tx: AsyncSession) -> Response:
            return reply(Count(number=size))

        return await once.run(effect)

    @app.get("/things/{number}", response_model=Count)
    async def one(number: int, request: Request) -> Response:
        return unchanged(request, 3) or reply(Count(number=number), version=3)

    @app.put("/things/{number}")
    async def change(number: int, if_match: IfMatch) -> str:
        if_match.check(3)
        return "changed"

    @app.patch("/things/{number}")
    async def touch(number: int, if_match: MaybeIfMatch) -> str:
        if_match.check(3)
        return "touched"

    @app.get("/things")
    async def listing(paging: Paging) -> Page[Count]:
        after = paging.after(int)
        start = after[0] + 1 if after else 1
        rows = list(range(start, min(start + paging.limit + 1, 8)))
        return paging.page(rows, lambda row: [row], lambda row: Count(number=row))


@asynccontextmanager
async def client_of(app: object) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
