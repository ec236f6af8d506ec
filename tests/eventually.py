"""Waiting in tests: ask again until it is so, or until the deadline."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

DEADLINE_S = 20.0
"""Far beyond what anything here takes: it only ends a test that would hang."""
LOOK_S = 0.005
"""Between two looks."""


@overload
async def eventually(
    ask: Callable[[], Awaitable[T]], *, within_s: float = DEADLINE_S, every_s: float = LOOK_S
) -> T: ...
@overload
async def eventually(ask: Callable[[], T], *, within_s: float = DEADLINE_S, every_s: float = LOOK_S) -> T: ...
async def eventually(ask: Callable[[], Any], *, within_s: float = DEADLINE_S, every_s: float = LOOK_S) -> Any:
    """The first true answer of `ask`; fails with the last answer when none came within `within_s`.
    `every_s`: between two looks, for those that cost something."""
    until = time.monotonic() + within_s
    while True:
        answer = ask()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"still {answer!r} after {within_s:g} s")
        await asyncio.sleep(every_s)
