"""The open challenges in memory: what the database says, with the backgrounds that it keeps."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import delete, select, update

from services.intake.parts import Part
from services.matching import backgrounds
from services.matching.backgrounds import MeasuredMeanwhile
from services.matching.evidence import Background
from services.matching.model import BackgroundRow
from tests.conftest import MovableClock
from tests.derivation import Derivation, Mind
from tests.intake.people import a_challenge, anything, principal
from tests.matching.market import MIRROR, announce, company

MODEL = "model-1"
PARTS = [Part("whole", "Pressure sensor"), Part("r:r1", "measure pressure")]
LEVELS = {"whole": Background(0.4, 100), "r:r1": Background(0.5, 100)}


def held(derivation: Derivation) -> dict[str, int]:
    return {one.challenge.id: one.challenge.version for one in derivation.mind.board.challenges()}


async def test_it_follows_what_is_announced_amended_withdrawn_and_past(
    derivation: Derivation, clock: MovableClock
) -> None:
    board, challenges = derivation.mind.board, derivation.world.intake.challenges
    cern = principal(derivation.world.cern)
    await board.refresh()
    assert board.stack() is None
    soon = await announce(derivation, deadline=date(2026, 12, 1))
    mirror = await announce(derivation, **MIRROR)
    await challenges.announce(cern, a_challenge(), draft=True)

    await board.refresh()
    assert held(derivation) == {soon.id: 1, mirror.id: 1}
    stack = board.stack()
    assert stack is not None
    assert len(stack) == 2
    await board.refresh()
    assert board.stack() is stack

    await challenges.amend(cern, mirror.id, lambda old: old.model_copy(update={"requirements": ()}), anything)
    await challenges.amend(
        cern, mirror.id, lambda old: old.model_copy(update={"title": "A mirror"}), anything
    )
    await board.refresh()
    assert held(derivation) == {soon.id: 1, mirror.id: 2}

    clock.advance(20 * 86_400.0)
    await board.refresh()
    assert held(derivation) == {mirror.id: 2}
    await challenges.withdraw(cern, mirror.id, "a mistake", anything)
    await board.refresh()
    assert held(derivation) == {}
    assert board.stack() is None


async def test_what_is_held_has_the_backgrounds_that_are_kept(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    await derivation.settle()
    challenge = await announce(derivation)
    board = derivation.mind.board

    look = await board.look(challenge)
    assert look.measured.keys() == {"whole", "r:r1", "r:r2", "r:r3"}
    assert held(derivation) == {}  # nothing of it is kept yet

    async with derivation.world.database.write() as tx:  # another process was faster, and saw another index
        await backgrounds.keep(
            tx,
            challenge.id,
            board.model,
            look.ready.parts,
            dict.fromkeys(look.measured, Background(0.7, 5_000)),
        )
    await board.refresh()
    assert {part.background for part in board.challenges()[0].texts.parts} == {Background(0.7, 5_000)}
    assert (await board.look(challenge)).measured == {}


async def test_what_lacks_a_background_is_measured_and_kept(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    await announce(derivation)
    await derivation.settle()
    async with derivation.world.database.read() as tx:
        before = {row.part: row.level for row in await tx.execute(select(BackgroundRow.__table__))}
    async with derivation.world.database.write() as tx:
        await tx.execute(delete(BackgroundRow).where(BackgroundRow.part == "r:r1"))

    board = Mind(derivation.world, derivation.mind.generations, derivation.world.clock).board
    await board.refresh()

    async with derivation.world.database.read() as tx:
        after = {row.part: row.level for row in await tx.execute(select(BackgroundRow.__table__))}
    assert after == before
    ready = board.challenges()[0]
    assert {part.id: part.background.level for part in ready.texts.parts} == before


async def test_a_background_belongs_to_a_text_and_a_model(derivation: Derivation) -> None:
    database = derivation.world.database
    async with database.write() as tx:
        await backgrounds.keep(tx, "chl_1", MODEL, PARTS, LEVELS)
    reworded = [PARTS[0], Part("r:r1", "measure temperature")]
    async with database.read() as tx:
        assert await backgrounds.known(tx, {"chl_1": PARTS}, MODEL) == {"chl_1": LEVELS}
        assert await backgrounds.known(tx, {"chl_1": PARTS}, "model-2") == {"chl_1": {}}
        found = await backgrounds.known(tx, {"chl_1": reworded, "chl_2": PARTS}, MODEL)
    assert found == {"chl_1": {"whole": LEVELS["whole"]}, "chl_2": {}}

    async with database.write() as tx:
        await backgrounds.keep(tx, "chl_1", MODEL, reworded, {"r:r1": Background(0.3, 200)})
    async with database.read() as tx:
        after = await backgrounds.known(tx, {"chl_1": reworded}, MODEL)
        rows = (await tx.execute(select(BackgroundRow.part))).scalars().all()
    assert after["chl_1"]["r:r1"] == Background(0.3, 200)
    assert sorted(rows) == ["r:r1", "whole"]


async def test_a_second_measurement_is_refused_and_the_first_stays(derivation: Derivation) -> None:
    database = derivation.world.database
    async with database.write() as tx:
        await backgrounds.keep(tx, "chl_1", MODEL, PARTS, LEVELS)
    with pytest.raises(MeasuredMeanwhile):
        async with database.write() as tx:
            await backgrounds.keep(tx, "chl_1", MODEL, PARTS, {"whole": Background(0.9, 1)})
    async with database.write() as tx:
        await backgrounds.keep(tx, "chl_1", MODEL, PARTS, {})
        await tx.execute(update(BackgroundRow).values(indexed=BackgroundRow.indexed))
    async with database.read() as tx:
        assert await backgrounds.known(tx, {"chl_1": PARTS}, MODEL) == {"chl_1": LEVELS}
