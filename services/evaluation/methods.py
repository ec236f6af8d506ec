"""What a method must be able to do to be measured, one port per direction.

The product is one method; the others are what it has to be better than.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.challenge import Challenge
from services.evaluation.measure import Floats

Progress = Callable[[str, int, int], None]
"""What is being done, how many are done, how many there are."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """`id` as the bundle has it."""

    id: str
    score: float


class CompanyRanker(Protocol):
    """Challenge → companies."""

    async def rank(self, challenge: str) -> Sequence[Ranked]:
        """Best first; those of which nothing is known are left out. `challenge`: its id in the bundle."""


class ChallengeScorer(Protocol):
    """Company → challenges."""

    async def scores(self, company: str) -> Mapping[str, float]:
        """Of every challenge, by its id in the bundle. `company`: its id in the bundle."""


class NeedScorer(Protocol):
    """Need ↔ need."""

    async def similarities(self, needs: Sequence[Challenge], others: Sequence[Challenge]) -> Floats:
        """Shape (needs, others), larger is more alike. The others may be the needs themselves."""
