"""Profiles and challenges of a small market: some fit, some do not."""

from __future__ import annotations

from datetime import date
from typing import Any

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.organisation import Organisation
from tests.derivation import Derivation
from tests.intake.people import a_challenge, a_company, anything, principal

COMPETENCES: dict[str, tuple[str, ...]] = {
    "Cryosense": (
        "Cryogenic pressure sensors for liquid helium lines, calibrated at 4 K",
        "Radiation-hard strain gauges for superconducting magnets",
    ),
    "Vakuumtechnik": (
        "Ultra-high vacuum chambers of stainless steel, leak tested to 1e-11 mbar l/s",
        "Non-evaporable getter coatings for beam pipes",
    ),
    "Optique Grenoble": (
        "Adaptive optics and deformable mirrors for large telescopes",
        "Laser guide star launch telescopes",
    ),
    "Boulangerie": ("Bread and cakes for canteens, delivered every morning",),
}

MIRROR: dict[str, Any] = {
    "title": "Deformable mirror for adaptive optics of a 40 m telescope",
    "need": "The instrument needs a deformable mirror with 5000 actuators that corrects atmospheric "
    "turbulence at 1 kHz. Laser guide stars must be supported.",
    "buyer": "cern",
    "deadline": date(2027, 2, 1),
}


async def company(
    derivation: Derivation, name: str, *extra: str, owner: Organisation | None = None, **fields: Any
) -> Company:
    """A profile with the competences of that name, kept by the cluster unless somebody else is named."""
    world = derivation.world
    return await world.intake.companies.create(
        principal(owner or world.cluster), profile(name, *extra, **fields)
    )


def profile(name: str, *extra: str, **fields: Any) -> Any:
    texts = (*COMPETENCES[name], *extra)
    capabilities = [{"id": f"c{number}", "text": text} for number, text in enumerate(texts, start=1)]
    return a_company(name=name, **{"capabilities": capabilities, **fields})


async def change(derivation: Derivation, before: Company, *extra: str, **fields: Any) -> Company:
    content = profile(before.name, *extra, **{"country": before.country, **fields})
    keeper = principal(await _owner(derivation, before))
    return await derivation.world.intake.companies.update(keeper, before.id, content, anything)


async def withdraw(derivation: Derivation, company: Company) -> None:
    keeper = principal(await _owner(derivation, company))
    await derivation.world.intake.companies.withdraw(keeper, company.id, anything)


async def announce(derivation: Derivation, by: Organisation | None = None, **fields: Any) -> Challenge:
    world = derivation.world
    return await world.intake.challenges.announce(principal(by or world.cern), a_challenge(**fields))


async def _owner(derivation: Derivation, company: Company) -> Organisation:
    found = await derivation.world.directory.organisation_by_handle_or_id(company.owner)
    assert found is not None
    return found
