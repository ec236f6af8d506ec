"""What the index holds for people who search: meaning across languages, and names by their letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.indexing.collections import COMPANIES, LETTERS, MEANING, NAMES, PART
from services.indexing.meaning import DIMENSIONS, ShippedMeaning
from services.indexing.names import of_query
from services.kernel.database import Database
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.vectors.port import Query
from tests.conftest import MovableClock
from tests.derivation import deriving
from tests.intake.people import anything, principal
from tests.matching.market import company


async def test_the_meaning_that_ships_is_that_of_the_encoder() -> None:
    meaning = ShippedMeaning()
    encoder = MultilingualEncoder.shipped()
    assert meaning.dimensions == DIMENSIONS == encoder.dimensions
    rows = await meaning.embed(["vacuum pumps", "…"])
    assert np.array_equal(rows[0] * (1 << 14), encoder.encode(["vacuum pumps"], "en").meaning)
    assert not rows[1].any()


async def test_names_come_and_go_with_their_entity_and_survive_a_new_index(
    sqlite: Database, clock: MovableClock, tmp_path: Path
) -> None:
    async with deriving(sqlite, clock, tmp_path, meaning=ShippedMeaning()) as derivation:
        generation = derivation.mind.generations.serving
        names = generation.collection(NAMES)
        assert names in await derivation.index.collections()

        async def named(text: str) -> list[tuple[str, float]]:
            (hits,) = await derivation.index.search(names, [Query(LETTERS, of_query(text), 5)])
            return [(str(hit.payload["entity"]), round(hit.score, 3)) for hit in hits if hit.score >= 0.5]

        made = await company(derivation, "Cryosense", owner=derivation.world.firm)
        await derivation.settle()
        assert await named("cryosense") == [(made.id, 1.0)]
        await derivation.index.optimise(names)
        assert await named("cryosens") == [(made.id, 0.875)]
        assert generation.meaning is not None
        (meaning,) = await generation.meaning.embed(["helium pressure sensors"])
        near = Query(MEANING, meaning, 1, fields=(PART,))
        ((hit,),) = await derivation.index.search(generation.collection(COMPANIES), [near])
        assert hit.payload[PART] == "c1"

        await derivation.mind.upkeep.rebuild()
        assert await derivation.mind.upkeep.lost() == 0
        assert await named("cryosense") == [(made.id, 1.0)]
        await derivation.world.intake.companies.withdraw(principal(derivation.world.firm), made.id, anything)
        await derivation.settle()
        assert await named("cryosense") == []
