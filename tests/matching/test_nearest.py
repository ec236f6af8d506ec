"""Which companies a challenge is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from services.indexing.collections import COMPANIES, Indexed
from services.indexing.generation import Generation, Generations
from services.intake.parts import WHOLE, Part
from services.kernel.database import Database
from services.kernel.vectors.edge import EdgeVectorIndex
from services.matching.nearest import DENSE_NEAREST, EQUAL, EQUAL_MAX, embed, nearest
from tests.derivation import embedder_on, words

SAID = "We machine niobium cavities and weld them with electron beams"
NEED = Part(WHOLE, "Electron beam welded cavities of niobium")


@pytest.mark.parametrize("more", [EQUAL // 2, 4 * EQUAL, EQUAL_MAX - DENSE_NEAREST])
async def test_of_equal_texts_the_same_are_taken_however_they_came_in(
    sqlite: Database, tmp_path: Path, more: int
) -> None:
    count = DENSE_NEAREST + more
    companies = [
        Indexed(f"cmp_{number:04}", 1, (Part("c1", SAID),), {}, f"Company {number}")
        for number in range(count)
    ]
    there = await _taken(companies, sqlite, tmp_path / "there")
    back = await _taken(reversed(companies), sqlite, tmp_path / "back")
    assert len(there) == DENSE_NEAREST
    assert there == back


async def _taken(companies: Iterable[Indexed], database: Database, folder: Path) -> set[str]:
    index = await EdgeVectorIndex.open(folder)
    embedder = embedder_on(database)
    try:
        generation = Generation(embedder, words(), index)
        await Generations(generation).open()
        await generation.write(COMPANIES, list(companies))
        found = await nearest(generation, await embed(embedder, words(), [NEED]))
        return set(found.versions)
    finally:
        await embedder.close()
        await index.close()
