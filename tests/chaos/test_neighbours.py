from __future__ import annotations

import pytest

from tests.chaos.neighbours import LIMIT, PAIRS_SHORT, compare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.alone
async def test_an_endpoint_that_never_answers_does_not_slow_the_others(postgresql: str) -> None:
    """Whether it is within 10 % `make chaos` tells, by more pairs."""
    comparison = await compare(postgresql, pairs=PAIRS_SHORT)
    assert comparison.least <= LIMIT, str(comparison)
