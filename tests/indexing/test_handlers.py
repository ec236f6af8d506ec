"""Profiles and challenges become points, and are taken out again."""

from __future__ import annotations

from schemas.challenge import ChallengeState, ChallengeStep
from schemas.events import (
    ChallengeIndexed,
    CompanyCreated,
    CompanyIndexed,
    CompanyUpdated,
    CompanyWithdrawn,
)
from services.indexing.collections import CHALLENGES, COMPANIES, TEXT, WORDS, point_id
from tests.derivation import Derivation
from tests.indexing.looking import contents, on_record
from tests.intake.people import anything, principal
from tests.matching.market import announce, change, company, withdraw


async def test_a_profile_becomes_a_point_per_text_and_then_it_is_told(derivation: Derivation) -> None:
    made = await company(
        derivation,
        "Cryosense",
        references=[{"id": "x1", "text": "Sensors for XFEL", "trl": 8, "stages": ["manufacturing"]}],
        cpv=["38000000"],
    )
    events = await derivation.settle()

    serving = derivation.mind.generations.serving
    assert await contents(serving, COMPANIES) == {made.id: {"c1": 1, "c2": 1, "x1": 1}}
    assert await on_record(derivation.world.database, serving, COMPANIES) == {made.id: (1, 3)}
    point = (await serving.vectors.retrieve(COMPANIES, [point_id(made.id, "x1")]))[0]
    assert point.payload["country"] == "FR"
    assert point.payload["cpv"] == ["38000000"]
    assert point.payload["trl"] == 8
    assert point.payload["stages"] == ["manufacturing"]
    assert point.payload["state"] == "active"
    assert point.dense[TEXT].shape == (384,)
    assert point.sparse[WORDS].indices.size == 2
    created = next(event for event in events if event.type == CompanyCreated.TYPE)
    told = next(event for event in events if event.type == CompanyIndexed.TYPE)
    assert told.data == {"company": made.id, "version": 1, "texts": 3, "index": serving.fingerprint}
    assert (told.audience, told.public, told.correlation_id, told.key) == (
        created.audience,
        False,
        created.correlation_id,
        made.id,
    )


async def test_an_update_leaves_nothing_of_the_former_version(derivation: Derivation) -> None:
    made = await company(derivation, "Cryosense", "One more thing", "And another")
    await derivation.settle()
    await change(derivation, made, capabilities=[{"id": "c9", "text": "Pressure sensors"}])
    await derivation.settle()

    serving = derivation.mind.generations.serving
    assert await contents(serving, COMPANIES) == {made.id: {"c9": 2}}
    assert await on_record(derivation.world.database, serving, COMPANIES) == {made.id: (2, 1)}


async def test_a_withdrawn_profile_is_out_and_may_come_back(derivation: Derivation) -> None:
    made = await company(derivation, "Cryosense")
    other = await company(derivation, "Boulangerie")
    await derivation.settle()
    await withdraw(derivation, made)
    events = await derivation.settle()
    serving = derivation.mind.generations.serving
    assert (await contents(serving, COMPANIES)).keys() == {other.id}
    assert (await on_record(derivation.world.database, serving, COMPANIES)).keys() == {other.id}
    assert events[-1].type != CompanyIndexed.TYPE

    await change(derivation, made)
    await derivation.settle()
    assert (await contents(serving, COMPANIES))[made.id] == {"c1": 3, "c2": 3}


async def test_a_profile_without_texts_is_on_record_so_that_nobody_looks_for_its_vectors(
    derivation: Derivation,
) -> None:
    made = await company(derivation, "Cryosense", capabilities=[])
    await derivation.settle()
    serving = derivation.mind.generations.serving
    assert await contents(serving, COMPANIES) == {}
    assert await on_record(derivation.world.database, serving, COMPANIES) == {made.id: (1, 0)}


async def test_a_challenge_is_in_the_index_while_it_is_open(derivation: Derivation) -> None:
    challenges, cern = derivation.world.intake.challenges, principal(derivation.world.cern)
    made = await announce(derivation)
    events = await derivation.settle()
    serving = derivation.mind.generations.serving
    assert await contents(serving, CHALLENGES) == {made.id: {"whole": 1, "r:r1": 1, "r:r2": 1, "r:r3": 1}}
    told = next(event for event in events if event.type == ChallengeIndexed.TYPE)
    assert told.public
    assert told.data["texts"] == 4

    one = made.requirements[:1]
    await challenges.amend(cern, made.id, lambda old: old.model_copy(update={"requirements": one}), anything)
    await derivation.settle()
    assert await contents(serving, CHALLENGES) == {made.id: {"whole": 2, "r:r1": 2}}

    opened, closed = (
        ChallengeStep(to=to) for to in (ChallengeState.consulting, ChallengeState.consultation_closed)
    )
    await challenges.step(cern, made.id, opened, anything)
    await derivation.settle()
    assert await contents(serving, CHALLENGES) == {made.id: {"whole": 3, "r:r1": 3}}

    await challenges.step(cern, made.id, closed, anything)
    await derivation.settle()
    assert await contents(serving, CHALLENGES) == {}
    assert await on_record(derivation.world.database, serving, CHALLENGES) == {}


async def test_of_several_versions_in_one_batch_the_newest_is_indexed_and_told(
    derivation: Derivation,
) -> None:
    made = await company(derivation, "Cryosense")
    await change(derivation, made, "A third")
    gone = await company(derivation, "Boulangerie")
    await withdraw(derivation, gone)
    events = await derivation.settle()

    serving = derivation.mind.generations.serving
    assert await contents(serving, COMPANIES) == {made.id: {"c1": 2, "c2": 2, "c3": 2}}
    told = [event.data["version"] for event in events if event.type == CompanyIndexed.TYPE]
    assert told == [2]


async def test_handling_again_changes_nothing_and_an_old_event_undoes_nothing(derivation: Derivation) -> None:
    made = await company(derivation, "Cryosense")
    back = await company(derivation, "Boulangerie")
    await derivation.settle()
    await change(derivation, made, "A third")
    await withdraw(derivation, back)
    await derivation.settle()
    await change(derivation, back, "Rolls")
    events = await derivation.settle()
    serving, handler = derivation.mind.generations.serving, derivation.mind.handlers[0]
    before = (
        await contents(serving, COMPANIES),
        await on_record(derivation.world.database, serving, COMPANIES),
    )

    await handler.prepare([event for event in events if event.type == CompanyUpdated.TYPE])
    for kind in (CompanyCreated.TYPE, CompanyWithdrawn.TYPE):
        await derivation.handle(handler, [event for event in events if event.type == kind])

    assert before == (
        await contents(serving, COMPANIES),
        await on_record(derivation.world.database, serving, COMPANIES),
    )
    assert len(await derivation.world.events()) == len(events)
