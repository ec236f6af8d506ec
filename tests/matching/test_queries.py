"""Saved queries against challenges."""

from __future__ import annotations

from services.matching.queries import SavedQueries
from tests.derivation import Derivation
from tests.matching.market import MIRROR, announce, company


async def test_a_query_fits_the_challenge_that_it_describes(local: Derivation) -> None:
    pressure, mirror = await announce(local), await announce(local, **MIRROR)
    asked = SavedQueries(local.mind.generations)

    table = await asked.fit(
        ["pressure sensors for cryogenics", "adaptive optics of telescopes", "catering"], [pressure, mirror]
    )

    (one, not_one), (not_two, two), (neither, nor) = table
    assert min(one, two) > 0.6
    assert max(not_one, not_two, neither, nor) < 0.1
    assert all(0.0 <= score <= 1.0 for row in table for score in row)


async def test_a_fit_does_not_depend_on_whether_the_challenge_was_matched(local: Derivation) -> None:
    challenge = await announce(local)
    asked = SavedQueries(local.mind.generations)
    before = await asked.fit(["pressure sensors for cryogenics"], [challenge])
    for name in ("Cryosense", "Vakuumtechnik"):
        await company(local, name)
    await local.settle()

    assert await asked.fit(["pressure sensors for cryogenics"], [challenge]) == before
    assert await asked.fit(["bread", "pressure sensors for cryogenics"], [challenge]) != before
    assert (await asked.fit(["bread", "pressure sensors for cryogenics"], [challenge]))[1] == before[0]


async def test_a_query_need_not_answer_every_requirement(local: Derivation) -> None:
    challenge = await announce(local)
    assert len(challenge.requirements) == 3
    fits = await SavedQueries(local.mind.generations).fit(["thermal cycles of sensors"], [challenge])
    assert fits[0][0] > 0.4
