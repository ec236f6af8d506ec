"""Keeping the index of needs whole: what is lacking is written, what should not be there is taken out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

import structlog

from schemas.challenge import Challenge, ChallengeState
from services.kernel.clock import Clock
from services.pairing.index import IndexedNeed, NeedsIndex
from services.pairing.needs import PAIRED_STATES, is_pairable
from services.pairing.vectors import NeedVectors

STATES = PAIRED_STATES | {ChallengeState.draft}

log = structlog.get_logger("liaison.pairing")


class Needs(Protocol):
    def pages_in(self, states: Collection[ChallengeState], size: int = 200) -> AsyncIterator[list[Challenge]]:
        """Every challenge in one of these states, in pages."""


class Upkeep:
    def __init__(self, needs: Needs, index: NeedsIndex, vectors: NeedVectors, clock: Clock) -> None:
        self._needs = needs
        self._index = index
        self._vectors = vectors
        self._clock = clock

    async def repair(self) -> int:
        """At a start: the vector store may have lost what the database has. Returns how many needs were
        written. Where there is no need at all nothing is loaded."""
        held: dict[str, int] | None = None
        written = 0
        pages = self._needs.pages_in(STATES)
        while True:
            # Read and written under the lock: the handler must not put an older version over this one.
            async with self._index.writing:
                page = await anext(pages, None)
                if page is None:
                    break
                if held is None:
                    held = dict(await self._index.versions())
                written += await self._write(page, held)
        if held:
            await self._index.remove(sorted(held))
        if written:
            log.info("needs that the index lacked are written", needs=written)
        return written

    async def _write(self, page: Sequence[Challenge], held: dict[str, int]) -> int:
        now = self._clock.now()
        open_ = [need for need in page if is_pairable(need, now)]
        lacking = [need for need in open_ if held.pop(need.id, 0) != need.version]
        made = await asyncio.to_thread(lambda: [self._vectors.of(need) for need in lacking])
        await self._index.write([IndexedNeed(need, one) for need, one in zip(lacking, made, strict=True)])
        return len(lacking)
