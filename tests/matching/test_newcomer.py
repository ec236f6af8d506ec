"""A company with one fitting capability is found and stands above incumbents with many of the field: through
the index and its bounded searches, not by scoring everybody."""

from __future__ import annotations

from itertools import product

from services.matching.nearest import DENSE_NEAREST, WORDS_NEAREST
from tests.derivation import Derivation
from tests.intake.people import ADMIN, a_company, principal
from tests.matching.market import announce

NEED = (
    "We need a compact cooling system that keeps a silicon pixel detector at 4 K without vibration, for ten "
    "years without maintenance."
)
FITS = "We build low-vibration 4 K cryocoolers for pixel detectors"
WORKS = (
    "Water cooling", "Air conditioning", "Industrial refrigeration", "Maintenance of chillers",
    "Thermal simulation", "Heat exchangers", "Cooling towers", "Ventilation", "Heat pumps",
)  # fmt: skip
PLACES = (
    "of power electronics", "of server rooms", "of hospitals", "of plastic moulds", "of data centres",
    "of magnets", "of buildings", "of food plants", "of ships", "of turbines", "of laboratories",
    "of telescopes", "of car bodies",
)  # fmt: skip
INCUMBENTS = 15
EACH = 35
"""Texts of an incumbent: many more than weigh in a score."""
FIRST = 3
"""Among so many: one of the field may fit well, too."""


async def test_one_fitting_text_is_found_behind_hundreds_of_incumbents(local: Derivation) -> None:
    world = local.world
    keeper = principal(world.cluster)
    stated = [" ".join(pair) for pair in product(WORKS, PLACES)]
    series = range(INCUMBENTS * EACH // len(stated) + 1)
    texts = [f"{text}, series {number}" for number in series for text in stated]
    for number in range(INCUMBENTS):
        own = texts[number::INCUMBENTS][:EACH]
        await world.intake.companies.create(
            keeper,
            a_company(
                name=f"Incumbent {number}",
                capabilities=[{"id": f"c{place}", "text": text} for place, text in enumerate(own)],
                references=[],
            ),
        )
    newcomer = await world.intake.companies.create(
        keeper, a_company(name="Newcomer", capabilities=[{"id": "c1", "text": FITS}], references=[])
    )
    assert INCUMBENTS * EACH > DENSE_NEAREST + WORDS_NEAREST, "the searches must leave some out"
    challenge = await announce(local, title="Vibration-free cooling at 4 K", need=NEED)
    await local.settle()
    found = await local.matches.of_challenge(ADMIN, challenge.id, after=None, limit=50)
    assert newcomer.id in [one.company.id for one in found][:FIRST]
    best = next(one for one in found if one.company.id == newcomer.id)
    assert best.score > 0.4
    assert FITS in best.headline or any(
        one.answered_by is not None and one.answered_by.text == FITS for one in best.requirements
    )
