"""Needs compared as they are now. Nothing is written here."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from schemas.challenge import Challenge
from schemas.organisation import Organisation
from services.pairing.comparison import Compared, Side, ordered
from services.pairing.needs import paired
from services.pairing.store import Pair
from services.pairing.vectors import NeedVectors


class Buyers(Protocol):
    async def many(self, ids: Collection[str]) -> Mapping[str, Organisation]:
        """By id; unknown ones are left out."""


class Looking:
    def __init__(self, buyers: Buyers, vectors: NeedVectors, *, public_url: str) -> None:
        self._buyers = buyers
        self.vectors = vectors
        self._public_url = public_url

    async def compare(self, pairs: Collection[Pair], known: Mapping[str, Challenge]) -> dict[Pair, Compared]:
        """`known`: the needs of these pairs, by id."""
        needs = {need for pair in pairs for need in pair}
        buyers = await self._buyers.many({known[need].buyer for need in needs})
        sides = {need: self._side(known[need], buyers.get(known[need].buyer)) for need in needs}
        # In a thread: encoding the requirements of a plan must not hold up the requests of others.
        return await asyncio.to_thread(
            lambda: {
                (one, other): self.vectors.compared(*ordered(sides[one], sides[other]))
                for one, other in pairs
            }
        )

    async def alike(self, need: Challenge, others: Sequence[Challenge]) -> list[tuple[float, Challenge]]:
        """`NeedVectors.alike`: the others with their similarities, best first."""
        return await asyncio.to_thread(self.vectors.alike, need, others)

    def _side(self, need: Challenge, buyer: Organisation | None) -> Side:
        return Side(paired(need, buyer.country if buyer else None, self._public_url), need)
