"""`Idempotency-Key`: the same request sent again has its effect once, and gets the same answer again.

After draft-ietf-httpapi-idempotency-key-header: another request under the same key is 422, the same one
while the first is still worked on 409, afterwards the stored answer with `Idempotency-Replayed: true`.
Keys are an organisation's own and live for KEY_LIFETIME. A request that fails frees its key. What is done is
looked up before anything else: what was right then, such as a deadline ahead, may be wrong when it comes
again.

Key, effect and answer are one transaction: after a crash there are all three or none. The row is claimed
first, so that on PostgreSQL a duplicate in another process waits for the first one's commit and then finds
its answer; on SQLite writers are serial anyway. Use it as

    async def announce(content: ChallengeContent, principal: Writer, once: Once) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            return reply(await challenges.announce(tx, principal, content), 201)
        return await once.run(effect)
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request
from sqlalchemy import bindparam, delete, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kernel.database import Database
from services.kernel.problems import Conflict, InvalidInput
from services.kernel.web.authentication import Writer
from services.kernel.web.model import IdempotencyKey
from services.kernel.web.ports import WebPorts, ports_of

KEY_LIFETIME = timedelta(hours=24)
"""As long as a client may sensibly retry; clients are told so in the description of the header."""
KEY_MAX = 255
KEY_PATTERN = "^[!-~]([ -~]*[!-~])?$"
"""Visible ASCII characters, blanks between them; what HTTP carries without doubt."""

REPLAYED = "idempotency-replayed"
PURGE_BATCH = 1_000
"""Expired keys deleted in one transaction: short enough that nobody waits for it."""

_DIGEST = "liaison.body_digest"
_NOT_STORED = frozenset({"content-length", "date", "server", "set-cookie"})

Effect = Callable[[AsyncSession], Awaitable[Response]]

_TABLE: Any = IdempotencyKey.__table__
_MINE = (_TABLE.c.organisation == bindparam("of"), _TABLE.c.key == bindparam("named"))
_FIND = select(_TABLE).where(*_MINE)
_FIND_ALIVE = _FIND.where(_TABLE.c.expires_at > bindparam("now", type_=_TABLE.c.expires_at.type))


def _claim_on(insert: Any) -> Any:
    """Inserts the key where there is none, or one that has expired; returns a row only then."""
    statement = insert(_TABLE).values(
        organisation=bindparam("of"),
        key=bindparam("named"),
        fingerprint=bindparam("fingerprint"),
        expires_at=bindparam("expires_at"),
        sealed=False,
    )
    given = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["organisation", "key"],
        set_={
            "fingerprint": given.fingerprint,
            "expires_at": given.expires_at,
            "status": None,
            "headers": None,
            "body": None,
            "sealed": False,
        },
        where=_TABLE.c.expires_at <= bindparam("now", type_=_TABLE.c.expires_at.type),
    ).returning(literal(1))


# Built once: with two more statements a request, building them would cost as much as running them.
_CLAIM = {"sqlite": _claim_on(sqlite.insert), "postgresql": _claim_on(postgresql.insert)}
_FINISH = (
    update(_TABLE)
    .where(*_MINE)
    .values({name: bindparam(name) for name in ("status", "headers", "body", "sealed")})
)


class IdempotencyKeyReused(InvalidInput):
    slug, title = "idempotency-key-reused", "Idempotency-Key used for another request"


class IdempotencyKeyInFlight(Conflict):
    slug, title = "idempotency-key-in-flight", "The first request with this Idempotency-Key is still running"


class Replay(Exception):
    """Not an error: the key is done, and `response` is what it was answered. Leaves whatever was begun."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


class Guard:
    """One request's idempotency key, or none: then `begin` and `finish` do nothing."""

    def __init__(self, ports: WebPorts, organisation: str, key: str | None, fingerprint: str) -> None:
        self._ports = ports
        self._organisation = organisation
        self._key = key
        self._fingerprint = fingerprint

    async def done(self) -> Response | None:
        """The stored answer, if this very request is done already. Raises `IdempotencyKeyReused`."""
        if self._key is None:
            return None
        mine = self._mine | {"now": self._ports.clock.now()}
        async with self._ports.database.read() as tx:
            row = (await (await tx.connection()).execute(_FIND_ALIVE, mine)).first()
        return None if row is None or row.status is None else self._answer(row)

    async def run(self, effect: Effect, *, durable: bool = True, confidential: bool = False) -> Response:
        """Run `effect` in a transaction of its own, at most once per key, and return its answer.

        `confidential`: the answer holds a secret that is shown once; its stored copy is encrypted.
        """
        if self._key is None:
            return await self._transaction(effect, durable=durable, confidential=confidential)
        mark = (self._organisation, self._key)
        if mark in self._ports.in_flight:
            raise IdempotencyKeyInFlight(
                "The same request is being worked on. Try again in a moment to get its answer.",
                headers={"Retry-After": "1"},
            )
        self._ports.in_flight.add(mark)
        try:
            return await self._transaction(effect, durable=durable, confidential=confidential)
        except Replay as replay:
            return replay.response
        finally:
            self._ports.in_flight.discard(mark)

    async def _transaction(self, effect: Effect, *, durable: bool, confidential: bool) -> Response:
        async with self._ports.database.write(durable=durable) as tx:
            await self.begin(tx)
            response = await effect(tx)
            await self.finish(tx, response, confidential=confidential)
        return response

    async def begin(self, tx: AsyncSession) -> None:
        """Claim the key as the transaction's first statement. Raises `Replay` if it is done already, and
        `IdempotencyKeyReused` if it was used for something else."""
        if self._key is None:
            return
        now = self._ports.clock.now()
        connection = await tx.connection()
        claim = _CLAIM[connection.dialect.name]
        fresh = {"fingerprint": self._fingerprint, "now": now, "expires_at": now + KEY_LIFETIME}
        if (await connection.execute(claim, self._mine | fresh)).first() is not None:
            return
        row = (await connection.execute(_FIND, self._mine)).one()
        if row.status is None and row.fingerprint == self._fingerprint:
            raise IdempotencyKeyInFlight("The same request has not been finished. Try again in a moment.")
        raise Replay(self._answer(row))

    async def finish(self, tx: AsyncSession, response: Response, *, confidential: bool = False) -> None:
        """Store the answer under the claimed key, in the same transaction."""
        if self._key is None:
            return
        body = bytes(response.body)
        if confidential:
            body = self._ports.box.seal(body.decode()).encode()
        headers = [[name, value] for name, value in response.headers.items() if name not in _NOT_STORED]
        answer = {"status": response.status_code, "headers": headers, "body": body, "sealed": confidential}
        connection = await tx.connection()
        await connection.execute(_FINISH, self._mine | answer)

    @property
    def _mine(self) -> dict[str, Any]:
        return {"of": self._organisation, "named": self._key}

    def _answer(self, row: Any) -> Response:
        if row.fingerprint != self._fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for a different request within the last 24 hours. "
                "Make a new key for each new request."
            )
        body = self._ports.box.open(row.body.decode()).encode() if row.sealed else row.body
        response = Response(body, row.status)
        response.raw_headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in row.headers
        ]
        response.headers["content-length"] = str(len(body))
        response.headers[REPLAYED] = "true"
        return response


async def _guard(
    request: Request,
    principal: Writer,
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=KEY_MAX,
            pattern=KEY_PATTERN,
            description="Any text that is new for each new request, e.g. a UUID, plain or in double quotes. "
            "Sent again with the same key within 24 hours, a request has no second effect and gets the "
            "same answer.",
            examples=["7f9c24e8-3b12-4fef-91e0-5a7c2f1d9b3a"],
        ),
    ] = None,
) -> Guard:
    ports = ports_of(request)
    if idempotency_key is None:
        return Guard(ports, principal.organisation, None, "")
    key = idempotency_key
    if len(key) > 2 and key[0] == key[-1] == '"':  # a string of RFC 8941, as the draft has it
        key = key[1:-1]
    guard = Guard(ports, principal.organisation, key, await _fingerprint(request))
    done = await guard.done()
    if done is not None:
        raise Replay(done)
    return guard


async def _replay(_request: Request, replay: Exception) -> Response:
    assert isinstance(replay, Replay)
    return replay.response


def install_replays(app: FastAPI) -> None:
    """Endpoints that ask for `Once` are not entered when their key is done: the stored answer is given."""
    app.add_exception_handler(Replay, _replay)


Once = Annotated[Guard, Depends(_guard)]
"""Asks for the request's idempotency key; implies `Writer`. The application must `install_replays`."""


async def _fingerprint(request: Request) -> str:
    digest = request.scope.get(_DIGEST)
    try:
        body = await request.body()
    except RuntimeError:  # a form was parsed from the stream; the middleware has seen its bytes
        body = b""
    total = hashlib.sha256(f"{request.method}\n{request.url.path}?{request.url.query}\n".encode())
    total.update(digest.digest() if digest is not None else hashlib.sha256(body).digest())
    return total.hexdigest()


class BodyDigest:
    """ASGI middleware: hashes the body as it streams by, where an idempotency key will want it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not any(name == b"idempotency-key" for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        digest = scope[_DIGEST] = hashlib.sha256()

        async def hashing() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                digest.update(message.get("body", b""))
            return message

        await self._app(scope, hashing, send)


async def purge_expired(database: Database, now: datetime) -> int:
    """Delete keys that have expired, at most PURGE_BATCH; returns how many. For a housekeeping loop."""
    async with database.write() as tx:
        expired = (
            await tx.execute(
                select(IdempotencyKey.organisation, IdempotencyKey.key)
                .where(IdempotencyKey.expires_at <= now)
                .limit(PURGE_BATCH)
            )
        ).all()
        for organisation, key in expired:
            await tx.execute(
                delete(IdempotencyKey).where(
                    IdempotencyKey.organisation == organisation,
                    IdempotencyKey.key == key,
                    IdempotencyKey.expires_at <= now,
                )
            )
    return len(expired)
