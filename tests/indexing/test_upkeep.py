"""The index is kept whole: what is lacking or lost is seen, and written anew."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from schemas.events import ChallengeMatched, IndexSwitched, MatchSuggested
from services.indexing.collections import ALIASES, CHALLENGES, COMPANIES, every_point
from services.indexing.generation import Generation, Generations
from services.indexing.model import GenerationRow
from services.indexing.upkeep import GRACE
from services.kernel.database import Database
from services.kernel.problems import TransientError
from services.kernel.vectors.edge import EdgeVectorIndex
from services.matching.model import BackgroundRow
from tests.conftest import MovableClock
from tests.derivation import Derivation, Mind, deriving, embedder_on, words
from tests.indexing.looking import contents, on_record
from tests.matching.market import announce, change, company, withdraw

AFTER_GRACE_S = GRACE.total_seconds() + 1


async def test_what_waits_for_its_vectors_is_seen_after_a_while(
    derivation: Derivation, clock: MovableClock
) -> None:
    upkeep = derivation.mind.upkeep
    made = await company(derivation, "Cryosense")
    await company(derivation, "Boulangerie", capabilities=[])
    await announce(derivation)
    assert await upkeep.lacking() == 0
    clock.advance(AFTER_GRACE_S)
    assert await upkeep.lacking() == 3
    await derivation.settle()
    assert await upkeep.lacking() == 0

    await change(derivation, made, "A third")
    clock.advance(AFTER_GRACE_S)
    assert await upkeep.lacking() == 1
    await withdraw(derivation, made)
    assert await upkeep.lacking() == 0


async def test_a_challenge_that_takes_no_answers_needs_no_vectors(
    derivation: Derivation, clock: MovableClock
) -> None:
    await announce(derivation, deadline=date(2026, 12, 1))
    clock.advance(20 * 86_400.0)
    assert await derivation.mind.upkeep.lacking() == 0


async def test_what_the_store_lost_is_seen_and_written_anew(derivation: Derivation) -> None:
    upkeep, serving = derivation.mind.upkeep, derivation.mind.generations.serving
    made = await company(derivation, "Cryosense")
    other = await company(derivation, "Vakuumtechnik", "Pressure sensors at 4 K in helium")
    challenge = await announce(derivation)
    await derivation.settle()
    assert (await upkeep.lost(), await upkeep.repair()) == (0, 0)
    before = {alias: await contents(serving, alias) for alias in ALIASES}
    head = len(await derivation.world.events())

    await serving.vectors.delete(COMPANIES, every_point(made.id))
    await serving.vectors.delete(CHALLENGES, every_point(challenge.id))

    assert await upkeep.lost() == 2 + 4
    assert await upkeep.repair() == 3
    assert {alias: await contents(serving, alias) for alias in ALIASES} == before
    assert await upkeep.lost() == 0
    events = await derivation.settle()
    assert [event.type for event in events[head:]] == [IndexSwitched.TYPE, ChallengeMatched.TYPE]
    assert other.id in before[COMPANIES]


async def test_the_folder_of_vectors_may_be_deleted_between_two_runs(
    sqlite: Database, clock: MovableClock, tmp_path: Path
) -> None:
    async with deriving(sqlite, clock, tmp_path) as derivation:
        made = await company(derivation, "Cryosense")
        await announce(derivation)
        await derivation.settle()
        world = derivation.world
    shutil.rmtree(tmp_path / "vectors")

    index = await EdgeVectorIndex.open(tmp_path / "vectors")
    embedder = embedder_on(sqlite)
    try:
        generations = Generations(Generation(embedder, words(), index))
        await generations.open()
        mind = Mind(world, generations, clock)
        await mind.upkeep.begin()
        assert await mind.upkeep.lost() == 2 + 4
        assert await mind.upkeep.repair() == 2
        assert (await contents(generations.serving, COMPANIES)) == {made.id: {"c1": 1, "c2": 1}}
        assert await mind.upkeep.lost() == 0
    finally:
        await embedder.close()
        await index.close()


async def test_nobody_is_matched_against_half_an_index(derivation: Derivation, clock: MovableClock) -> None:
    """What is measured of a challenge then would be kept, and who is missing would not be suggested."""
    serving = derivation.mind.generations.serving
    made = await company(derivation, "Cryosense")
    await company(derivation, "Vakuumtechnik", "Pressure sensors at 4 K in helium")
    await derivation.settle()
    await serving.vectors.delete(COMPANIES, every_point(made.id))

    restarted = Mind(derivation.world, Generations(serving), clock)
    await restarted.upkeep.begin()
    challenge = await announce(derivation)
    with pytest.raises(TransientError, match="matching waits"):
        await derivation.settle(restarted)

    await restarted.upkeep.repair()
    events = await derivation.settle(restarted)
    suggested = {event.data["company"]["id"] for event in events if event.type == MatchSuggested.TYPE}
    assert made.id in suggested
    async with derivation.world.database.read() as tx:
        measured = select(BackgroundRow.indexed).where(BackgroundRow.challenge == challenge.id)
        assert set((await tx.execute(measured)).scalars()) == {2 + 3}


async def test_a_rebuild_takes_out_who_is_gone(derivation: Derivation, clock: MovableClock) -> None:
    upkeep, serving = derivation.mind.upkeep, derivation.mind.generations.serving
    stays = await company(derivation, "Cryosense")
    past = await announce(derivation, deadline=date(2026, 12, 1))
    still = await announce(derivation, title="A pressure sensor for next year")
    await derivation.settle()
    clock.advance(20 * 86_400.0)
    assert (await contents(serving, CHALLENGES)).keys() == {past.id, still.id}

    seen: list[tuple[str, int]] = []
    assert await upkeep.rebuild(lambda what, count: seen.append((what, count))) == 2

    assert seen == [("companies", 1), ("challenges", 2)]
    assert (await contents(serving, CHALLENGES)).keys() == {still.id}
    assert (await on_record(derivation.world.database, serving, CHALLENGES)).keys() == {still.id}
    assert (await contents(serving, COMPANIES)).keys() == {stays.id}
    assert await upkeep.lost() == 0


async def test_beginning_notes_the_model_once(derivation: Derivation) -> None:
    await derivation.mind.upkeep.begin()
    await derivation.mind.upkeep.begin()
    async with derivation.world.database.read() as tx:
        rows = (await tx.execute(select(GenerationRow.__table__))).all()
    serving = derivation.mind.generations.serving
    assert [(row.fingerprint, row.model) for row in rows] == [
        (serving.fingerprint, serving.embedder.model.name)
    ]
    assert rows[0].served_from is not None
    assert not [event for event in await derivation.world.events() if event.type == IndexSwitched.TYPE]
