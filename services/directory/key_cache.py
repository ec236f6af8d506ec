"""Keys that were good a moment ago, so that a burst of requests asks the database once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.kernel.security import Principal

TRUSTED_FOR = timedelta(seconds=10)
"""How long a key is taken for good without asking. In this process a revocation counts at once; another
process learns of it after at most this long, which is the promise made to whoever revokes a key."""
CACHED_MAX = 10_000
"""Keys remembered, the least recently used forgotten first: about 5 MB. Only good keys get in, so guesses
cannot push them out."""


@dataclass(frozen=True, slots=True)
class Known:
    """A good key: who speaks with it, until when it is valid at all, when it was last looked up."""

    principal: Principal
    expires_at: datetime | None
    looked_up: datetime


class KeyCache:
    """By digest. Not shared between processes."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._generation = 0

    @property
    def generation(self) -> int:
        """Take it before a look-up and give it to `put`."""
        return self._generation

    def get(self, digest: str, now: datetime) -> Principal | None:
        known = self._known.get(digest)
        if known is None:
            return None
        expired = known.expires_at is not None and now >= known.expires_at
        if expired or now - known.looked_up >= TRUSTED_FOR:
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return known.principal

    def put(self, digest: str, known: Known, *, generation: int) -> None:
        """Not kept if any key was forgotten since: it may be the one that was just looked up."""
        if generation != self._generation:
            return
        self._known[digest] = known
        self._known.move_to_end(digest)
        while len(self._known) > CACHED_MAX:
            self._known.popitem(last=False)

    def forget(self, key: str) -> None:
        """Drop what is known of the key with this id."""
        self._generation += 1
        for digest in [one for one, known in self._known.items() if known.principal.key == key]:
            del self._known[digest]
