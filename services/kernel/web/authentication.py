"""Who is speaking: `Anybody`, `Reader`, `Writer`, `Administrator` are what an endpoint asks for.

async def announce(content: ChallengeContent, principal: Writer) -> …
"""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from services.kernel.problems import Unauthenticated
from services.kernel.security import KEY_PREFIX, Principal
from services.kernel.web.ports import ports_of
from services.kernel.web.session import SESSION_COOKIE, refuse_cross_site

_bearer = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat=f"{KEY_PREFIX}…",
    description="An API key, issued by `POST /v1/keys` or by an administrator.",
    auto_error=False,
)
_cookie = APIKeyCookie(
    name=SESSION_COOKIE,
    scheme_name="Session",
    description="The board's session, begun by signing in with an API key.",
    auto_error=False,
)

HOW = f"Send an API key: 'Authorization: Bearer {KEY_PREFIX}…'."


async def visitor(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    cookie: Annotated[str | None, Depends(_cookie)],
) -> Principal | None:
    """Who is speaking, None for somebody who shows nothing. A key that does not count is an error all the
    same; a session that has ended is not."""
    ports = ports_of(request)
    if "authorization" in request.headers:
        if bearer is None or not bearer.credentials.startswith(KEY_PREFIX):
            raise Unauthenticated(f"The Authorization header does not hold an API key. {HOW}")
        found = await ports.authenticator.authenticate(bearer.credentials)
    elif cookie and (key := ports.sessions.open(cookie)):
        refuse_cross_site(request)
        try:
            found = await ports.authenticator.authenticate(key)
        except Unauthenticated:
            return None
    else:
        return None
    request.state.principal = found
    return found


Visitor = Annotated[Principal | None, Depends(visitor)]
"""Anybody: the principal, or None."""


async def principal(found: Visitor) -> Principal:
    """Raises `Unauthenticated` (401) where nobody is known."""
    if found is None:
        raise Unauthenticated(f"This needs an API key, or a session on the board. {HOW}")
    return found


async def _reader(found: Annotated[Principal, Depends(principal)]) -> Principal:
    found.needs_scope("read")
    return found


async def _anybody(found: Visitor) -> Principal | None:
    if found is not None:
        found.needs_scope("read")
    return found


async def _writer(found: Annotated[Principal, Depends(principal)]) -> Principal:
    found.needs_scope("write")
    return found


async def _administrator(found: Annotated[Principal, Depends(principal)]) -> Principal:
    found.needs_role((), "do this")
    found.needs_scope("admin")
    return found


async def _manager(found: Annotated[Principal, Depends(principal)]) -> Principal:
    found.needs_scope("admin")
    return found


Reader = Annotated[Principal, Depends(_reader)]
"""A principal whose key may read."""
Anybody = Annotated[Principal | None, Depends(_anybody)]
"""A principal whose key may read, or somebody who shows no key: for what is public. Goes with OPEN_TO_ALL."""
OPEN_TO_ALL: dict[str, Any] = {"security": [{}]}
"""Says in the contract that the key may be left out (`openapi_extra` of a route; it joins the schemes)."""
Writer = Annotated[Principal, Depends(_writer)]
"""A principal whose key may write."""
Manager = Annotated[Principal, Depends(_manager)]
"""A principal whose key has the scope admin within its own organisation: issues and revokes its keys."""
Administrator = Annotated[Principal, Depends(_administrator)]
"""Whoever runs the service: role admin and scope admin."""
