from __future__ import annotations

import pytest

from tests.chaos.neighbours import LIMIT, compare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.alone
async def test_an_endpoint_that_never_answers_does_not_slow_the_others(postgresql: str) -> None:
    comparison = await compare(postgresql)
    assert comparison.ratio <= LIMIT, str(comparison)
