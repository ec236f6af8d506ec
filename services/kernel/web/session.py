"""The board's session: a cookie that seals the API key somebody signed in with.

There is no table of sessions: the key in the cookie is checked like any other, so that revoking the key
ends the session at once. The cookie is HttpOnly and SameSite=Lax, and unsafe requests that come with it
must come from our own pages.
"""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import HTTPConnection
from starlette.responses import Response

from services.kernel.problems import Forbidden

SESSION_COOKIE = "liaison_session"
SESSION_LIFETIME_S = 12 * 3600
"""A working day and some overtime; then one signs in again."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Sessions:
    """Seals API keys into cookies. `secure`: the server is reached by https only."""

    def __init__(self, secret: str, *, secure: bool) -> None:
        # Fernet wants exactly 32 bytes; a digest of a long random secret is as hard to guess.
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))
        self._secure = secure

    def seal(self, key: str) -> str:
        return self._fernet.encrypt(key.encode()).decode()

    def open(self, cookie: str) -> str | None:
        """The API key in the cookie; None if it is not ours or too old."""
        try:
            return self._fernet.decrypt(cookie.encode(), ttl=SESSION_LIFETIME_S).decode()
        except (InvalidToken, UnicodeError):
            return None

    def begin(self, response: Response, key: str) -> None:
        """Set the cookie for whoever signed in with `key`."""
        response.set_cookie(
            SESSION_COOKIE,
            self.seal(key),
            max_age=SESSION_LIFETIME_S,
            httponly=True,
            secure=self._secure,
            samesite="lax",
            path="/",
        )

    def end(self, response: Response) -> None:
        response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, secure=self._secure, samesite="lax")


def refuse_cross_site(connection: HTTPConnection) -> None:
    """Raises `Forbidden` for an unsafe request with a cookie that another site's page has caused."""
    if connection.scope.get("method", "GET") in SAFE_METHODS:
        return
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site is not None:
        ours = site == "same-origin"
    else:
        ours = origin is not None and urlsplit(origin).netloc == connection.headers.get("host")
    if not ours:
        raise Forbidden(
            "A session is for our own pages. From a program, send an API key: Authorization: Bearer …"
        )
