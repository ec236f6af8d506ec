"""A small market in several languages, indexed as the product does it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from schemas.organisation import Mandate
from schemas.search import SearchAnswer, SearchKind
from services.bootstrap.searching import SearchHere
from services.indexing.meaning import ShippedMeaning
from services.kernel.database import Database
from services.kernel.security import Principal
from services.search.service import Search
from services.search.wanted import Wanted
from tests.conftest import MovableClock
from tests.derivation import Derivation, deriving
from tests.intake.people import a_challenge, a_company, principal

COMPANIES = {
    "Cryosense SAS": ("FR", 6, [("c1", "Cryogenic pressure sensors for liquid helium lines", "en")]),
    "Vakuumtechnik Süd": ("DE", 9, [("c1", "Vakuumpumpen und Vakuumkammern aus Edelstahl", "de")]),
    "Pompes du Rhône": ("FR", 3, [("c1", "Pompes à vide pour installations industrielles", "fr")]),
    "Bäckerei Meier": ("AT", None, [("c1", "Bread and cakes for canteens", "en")]),
}


@dataclass
class Searched:
    derivation: Derivation
    search: Search
    companies: dict[str, str]

    async def find(
        self,
        text: str,
        who: Principal | None = None,
        kind: SearchKind | None = None,
        limit: int = 20,
        **wanted: object,
    ) -> SearchAnswer:
        narrow = Wanted(kind=kind, **wanted)  # type: ignore[arg-type]
        return await self.search.find(who, text, narrow, limit=limit)

    @property
    def buyer(self) -> Principal:
        return principal(self.derivation.world.cern)


@pytest.fixture
async def searched(database: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Searched]:
    async with market(database, clock, tmp_path) as made:
        yield made


@pytest.fixture
async def here(sqlite: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Searched]:
    """On SQLite alone, for tests whose subject is not the database."""
    async with market(sqlite, clock, tmp_path) as made:
        yield made


@asynccontextmanager
async def market(database: Database, clock: MovableClock, folder: Path) -> AsyncIterator[Searched]:
    async with deriving(database, clock, folder, meaning=ShippedMeaning()) as derivation:
        world = derivation.world
        companies = {}
        for name, (country, trl, texts) in COMPANIES.items():
            capabilities = [
                {"id": one, "text": text, "language": language, "trl": trl, "stages": ["manufacturing"]}
                for one, text, language in texts
            ]
            content = a_company(
                name=name, country=country, capabilities=capabilities, references=[], cpv=["42122000"]
            )
            owner = world.firm if name == "Cryosense SAS" else world.cluster
            companies[name] = (await world.intake.companies.create(principal(owner), content)).id
        await world.directory.members.join(
            principal(world.firm), world.other_cluster.id, companies["Cryosense SAS"], Mandate(receive=False)
        )
        for title, need in (
            ("Pressure in helium", "We need to measure the pressure of liquid helium at 4 K."),
            ("Mirrors", "Deformable mirrors for a telescope have to be built."),
        ):
            challenge = a_challenge(title=title, need=need, deadline=date(2027, 2, 1), buyer="cern")
            await world.intake.challenges.announce(principal(world.cern), challenge)
        await derivation.settle()
        search = Search(
            SearchHere(derivation.mind.generations), world.intake.challenges, world.intake.companies
        )
        yield Searched(derivation, search, companies)
