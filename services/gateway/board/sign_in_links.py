"""Links that sign somebody in once, for whoever has just started the process and reads its first lines."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from services.kernel.clock import Clock

LINK_LIFETIME = timedelta(minutes=15)
"""From the line on the screen to the click; a link found later in a scroll-back opens nothing."""
LINKS_MAX = 100
"""Kept at once, the oldest is forgotten: they are made by the process itself, a handful at its start."""
TOKEN_BYTES = 24
"""192 random bits: beyond guessing within the lifetime."""
PATH = "/sign-in/"


class SignInLinks:
    """Tokens that stand for an API key, each for one use. They live in this process and die with it."""

    def __init__(
        self, clock: Clock, *, new_token: Callable[[], str] = lambda: secrets.token_urlsafe(TOKEN_BYTES)
    ) -> None:
        self._clock = clock
        self._new_token = new_token
        self._keys: dict[str, tuple[str, datetime]] = {}

    def make(self, key: str) -> str:
        """The path on this server that begins a session for this API key, once, within LINK_LIFETIME."""
        token = self._new_token()
        self._keys[token] = (key, self._clock.now() + LINK_LIFETIME)
        while len(self._keys) > LINKS_MAX:
            del self._keys[next(iter(self._keys))]
        return PATH + token

    def use(self, token: str) -> str | None:
        """The API key that the token stands for; None if it was used, is too old, or never was."""
        found = self._keys.pop(token, None)
        return found[0] if found is not None and self._clock.now() < found[1] else None
