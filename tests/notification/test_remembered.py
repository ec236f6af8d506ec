"""A fit that is known is not computed again, until another model may have come."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.challenge import Challenge
from services.notification.remembered import TRUSTED_FOR, RememberedFits
from tests.conftest import MovableClock
from tests.notification.routes import challenge


class Counting:
    """Fits that tell query and version apart, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def fit(self, queries: Sequence[str], challenges: Sequence[Challenge]) -> list[list[float]]:
        self.asked += [(query, one.version) for query in queries for one in challenges]
        return [[round(len(query) / 10 + one.version / 100, 2) for one in challenges] for query in queries]


async def test_what_is_known_is_not_asked_again(clock: MovableClock) -> None:
    fits = Counting()
    remembered = RememberedFits(fits, clock)
    versions = [challenge(version=version) for version in (1, 2, 3)]
    assert await remembered.fit(["a", "bb"], versions[:2]) == [[0.11, 0.12], [0.21, 0.22]]
    fits.asked.clear()
    assert await remembered.fit(["a"], versions) == [[0.11, 0.12, 0.13]]
    assert await remembered.fit(["bb"], versions[1::-1]) == [[0.22, 0.21]]
    assert fits.asked == [("a", 3)]
    clock.advance(TRUSTED_FOR.total_seconds())
    await remembered.fit(["a"], versions[:1])
    assert fits.asked == [("a", 3), ("a", 1)]
