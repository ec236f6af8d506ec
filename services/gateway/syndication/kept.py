"""Documents that were made already: feed readers ask for the same again and again, and a large calendar takes
half a second."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

KEPT_BYTES = 16_000_000
"""Of one process: some thirty of the largest calendars, hundreds of feeds."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Made:
    """`modified`: when it was changed last; None: nothing is in it yet."""

    body: bytes
    modified: datetime | None


class Kept:
    """The documents of one process by what they were made of: where that has changed, the key is another."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._made: OrderedDict[Hashable, Made] = OrderedDict()

    async def get(
        self, key: Hashable, find: Callable[[], Awaitable[Found]], write: Callable[[Found], Made]
    ) -> Made:
        """The document of this key. Where it has to be made, it is written in a thread, beside other
        requests."""
        made = self._made.get(key)
        if made is not None:
            self._made.move_to_end(key)
            return made
        made = await asyncio.to_thread(write, await find())
        if key not in self._made:  # nor did somebody else make it meanwhile
            self._made[key] = made
            self._bytes += len(made.body)
        while self._bytes > self._most:
            _, oldest = self._made.popitem(last=False)
            self._bytes -= len(oldest.body)
        return made
