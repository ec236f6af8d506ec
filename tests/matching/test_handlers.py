"""Challenges and profiles come, change and go; what follows for their suggestions, on both databases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, select

from schemas.challenge import Challenge, ChallengeStep
from schemas.events import (
    ChallengeAmended,
    ChallengeAnnounced,
    ChallengeMatched,
    CompanyIndexed,
    CompanyWithdrawn,
    IndexSwitched,
    MatchRetracted,
    MatchSuggested,
    MatchUpdated,
    SpecialistsFound,
)
from schemas.match import MatchState, MatchSuggestion
from schemas.organisation import Mandate
from services.kernel import journal
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.problems import TransientError
from services.kernel.stream.port import Step
from services.matching.backgrounds import MeasuredMeanwhile
from services.matching.calibration import likelihood
from services.matching.model import BackgroundRow, MatchRow
from tests.conftest import START, MovableClock
from tests.derivation import Derivation, Mind, deriving
from tests.intake.people import a_challenge, anything, principal
from tests.matching.market import MIRROR, announce, change, company, withdraw

TOLD = {MatchSuggested.TYPE, MatchUpdated.TYPE, MatchRetracted.TYPE}


def told(events: list[Event], *, after: int = 0) -> list[Event]:
    return [event for event in events if event.type in TOLD and event.position > after]


async def stored(derivation: Derivation) -> dict[str, MatchSuggestion]:
    """By the company's name."""
    async with derivation.world.database.read() as tx:
        rows = (await tx.execute(select(MatchRow.document))).scalars()
        found = [MatchSuggestion.model_validate(document) for document in rows]
    return {one.company.name: one for one in found}


def said(one: MatchSuggestion) -> dict[str, Any]:
    """What does not depend on when and from which side a suggestion was made."""
    return one.model_dump(
        mode="json", exclude={"id", "because", "suggested_at", "changed_at", "state", "versions"}
    )


async def test_a_challenge_finds_the_company_that_fits_and_says_why(derivation: Derivation) -> None:
    for name in ("Cryosense", "Vakuumtechnik", "Boulangerie"):
        await company(derivation, name)
    challenge = await announce(derivation)

    events = await derivation.settle()

    only = told(events)
    assert [event.type for event in only] == [MatchSuggested.TYPE]
    found = MatchSuggested.model_validate(only[0].data)
    assert found.company.name == "Cryosense"
    assert (found.challenge.id, found.challenge.version) == (challenge.id, 1)
    assert found.challenge.page == f"https://liaison.test/challenges/{challenge.id}"
    assert (found.because, found.suggested_at, found.changed_at) == ("challenge announced", START, START)
    assert found.likelihood == pytest.approx(likelihood(found.score), abs=1e-4)
    assert found.scoring_page == "https://liaison.test/scores"
    answer = found.requirements[0].answered_by
    assert answer is not None
    assert (answer.capability, answer.text[:27]) == ("c1", "Cryogenic pressure sensors ")
    assert {word.word.lower() for word in found.requirements[0].words} >= {"pressure", "4 k"}
    assert found.requirements[2].missing
    assert [gate.gate.value for gate in found.gates] == [
        "eligible_country",
        "trl",
        "conflict_of_interest",
        "exclusion",
    ]
    serving = derivation.mind.generations.serving
    assert found.versions.model == serving.embedder.model.fingerprint
    assert found.versions.index == serving.fingerprint
    row = (await stored(derivation))["Cryosense"]
    assert row == MatchSuggestion(**{name: getattr(found, name) for name in MatchSuggestion.model_fields})

    cause = next(event for event in events if event.type == ChallengeAnnounced.TYPE)
    assert only[0].correlation_id == cause.correlation_id
    assert only[0].subject == f"challenge/{challenge.id}/company/{found.company.id}"


async def test_who_is_excluded_stands_in_the_gates_and_in_no_event_of_the_challenge(
    derivation: Derivation,
) -> None:
    sensors = await company(derivation, "Cryosense", legal_id="FR 123")
    challenge = await announce(derivation, conflicts_of_interest=["FR 123"])
    await derivation.settle()
    first = (await stored(derivation))["Cryosense"]
    assert [gate.state.value for gate in first.gates[2:]] == ["failed", "passed"]

    buyer = principal(derivation.world.cern)
    content = a_challenge(conflicts_of_interest=["FR 123"], excluded=["FR 123"])
    await derivation.world.intake.challenges.amend(buyer, challenge.id, content, anything)
    events = await derivation.settle()
    second = (await stored(derivation))["Cryosense"]
    assert [gate.state.value for gate in second.gates[2:]] == ["failed", "failed"]
    assert second.score == first.score
    of_it = [event for event in events if event.key == challenge.id and event.type not in TOLD]
    assert not any("FR 123" in str(event.data) for event in of_it)
    amended = next(event for event in of_it if event.type == ChallengeAmended.TYPE)
    assert amended.data["changes"] == []

    await change(derivation, sensors, "Helium level gauges", legal_id="FR 123")
    await derivation.settle()
    assert (await stored(derivation))["Cryosense"].gates == second.gates, "the same from the other side"


async def test_the_outcome_of_a_match_is_told_to_everybody_without_names(derivation: Derivation) -> None:
    for name in ("Cryosense", "Boulangerie"):
        await company(derivation, name)
    challenge = await announce(derivation)

    events = await derivation.settle()

    settled = next(event for event in events if event.type == ChallengeMatched.TYPE)
    assert settled.public
    assert settled.data == {
        "challenge": challenge.id,
        "version": 1,
        "suggestions": 1,
        "companies": 2,
        "countries": 1,
        "unanswered": ["r3"],
    }


async def test_without_any_company_a_challenge_is_matched_with_nobody(derivation: Derivation) -> None:
    await announce(derivation)
    events = await derivation.settle()
    settled = next(event for event in events if event.type == ChallengeMatched.TYPE)
    assert (settled.data["suggestions"], settled.data["companies"]) == (0, 0)
    assert settled.data["unanswered"] == ["r1", "r2", "r3"]


async def test_a_pair_has_one_score_and_one_explanation_from_both_sides(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    await company(derivation, "Vakuumtechnik", "Pressure gauges for cryogenic helium lines at 4 K")
    await company(derivation, "Optique Grenoble")
    await announce(derivation)
    await announce(derivation, **MIRROR)
    events = await derivation.settle()
    forward = await stored(derivation)
    assert set(forward) == {"Cryosense", "Vakuumtechnik", "Optique Grenoble"}
    async with derivation.world.database.write() as tx:
        await tx.execute(delete(MatchRow))

    fresh = Mind(derivation.world, derivation.mind.generations, derivation.world.clock)
    await derivation.handle(fresh.match, [event for event in events if event.type == CompanyIndexed.TYPE])

    reverse = await stored(derivation)
    assert {one.because for one in reverse.values()} == {"profile updated"}
    assert {name: said(one) for name, one in reverse.items()} == {
        name: said(one) for name, one in forward.items()
    }


async def test_a_profile_that_changes_is_held_against_the_open_challenges(derivation: Derivation) -> None:
    await announce(derivation)
    await derivation.settle()
    sensors = await company(derivation, "Cryosense")
    bakery = await company(derivation, "Boulangerie")
    before = told(await derivation.settle())
    assert [(event.type, event.data["because"]) for event in before] == [
        (MatchSuggested.TYPE, "profile updated")
    ]

    better = await change(derivation, sensors, "Fits into a flange of 40 mm, survives 100 thermal cycles")
    events = await derivation.settle()
    found = told(events, after=before[-1].position)
    assert [event.type for event in found] == [MatchUpdated.TYPE]
    assert found[0].data["id"] == before[0].data["id"]
    assert found[0].data["previous_score"] == before[0].data["score"] < found[0].data["score"]
    assert found[0].data["company"]["version"] == 2

    await change(derivation, better, capabilities=bakery.model_dump()["capabilities"])
    events = await derivation.settle()
    gone = told(events, after=found[-1].position)
    assert [event.type for event in gone] == [MatchRetracted.TYPE]
    assert (gone[0].data["state"], gone[0].data["reason"]) == ("retracted", "it no longer fits")

    await change(derivation, better)
    back = told(await derivation.settle(), after=gone[-1].position)
    assert [event.type for event in back] == [MatchSuggested.TYPE]
    assert back[0].data["id"] == before[0].data["id"]
    assert back[0].data["score"] == before[0].data["score"]


async def test_a_change_that_says_nothing_new_is_not_told(derivation: Derivation) -> None:
    await announce(derivation)
    sensors = await company(derivation, "Cryosense")
    head = len(await derivation.settle())

    await change(derivation, sensors, website="https://cryosense.example")
    events = await derivation.settle()

    assert not told(events, after=head)
    found = (await stored(derivation))["Cryosense"]
    assert (found.company.version, found.changed_at) == (2, START)


async def test_an_amended_challenge_looks_again(derivation: Derivation, clock: MovableClock) -> None:
    world, cern = derivation.world, principal(derivation.world.cern)
    await company(derivation, "Cryosense")
    await company(derivation, "Optique Grenoble")
    challenge = await announce(derivation)
    head = len(await derivation.settle())
    clock.advance(60)

    mirror = {name: MIRROR[name] for name in ("title", "need")}
    await world.intake.challenges.amend(
        cern, challenge.id, lambda old: old.model_copy(update={**mirror, "requirements": ()}), anything
    )
    events = await derivation.settle()

    found = {event.data["company"]["name"]: event for event in told(events, after=head)}
    assert found["Cryosense"].type == MatchRetracted.TYPE
    assert found["Optique Grenoble"].type == MatchSuggested.TYPE
    assert found["Optique Grenoble"].data["challenge"]["version"] == 2
    assert found["Optique Grenoble"].data["because"] == "challenge amended"
    settled = [event.data for event in events if event.type == ChallengeMatched.TYPE]
    assert [(one["version"], one["suggestions"]) for one in settled] == [(1, 1), (2, 1)]
    async with world.database.read() as tx:
        kept = (await tx.execute(select(BackgroundRow.part, BackgroundRow.digest))).all()
    assert len({row.part for row in kept}) == len(kept)


async def test_a_new_deadline_is_news(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    challenge = await announce(derivation)
    head = len(await derivation.settle())
    later = challenge.deadline.replace(year=2028)

    await derivation.world.intake.challenges.amend(
        principal(derivation.world.cern),
        challenge.id,
        lambda old: old.model_copy(update={"deadline": later}),
        anything,
    )

    found = told(await derivation.settle(), after=head)
    assert [(event.type, event.data["challenge"]["deadline"]) for event in found] == [
        (MatchUpdated.TYPE, later.isoformat())
    ]


async def test_a_withdrawn_challenge_takes_its_suggestions_along(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    challenge = await announce(derivation)
    head = len(await derivation.settle())

    await derivation.world.intake.challenges.withdraw(
        principal(derivation.world.cern), challenge.id, "bought elsewhere", anything
    )
    events = await derivation.settle()

    found = told(events, after=head)
    assert [(event.type, event.data["reason"]) for event in found] == [
        (MatchRetracted.TYPE, "the challenge was withdrawn")
    ]
    assert not [event for event in events if event.type == ChallengeMatched.TYPE and event.position > head]
    await company(derivation, "Vakuumtechnik", "Pressure sensors at 4 K")
    assert len(told(await derivation.settle())) == 2


async def lead(derivation: Derivation, challenge: Challenge, to: str, **said: Any) -> None:
    step = ChallengeStep.model_validate({"to": to, **said})
    buyer = principal(derivation.world.cern)
    await derivation.world.intake.challenges.step(buyer, challenge.id, step, anything)


async def test_a_challenge_whose_consultation_opens_is_matched_as_it_was(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    before, after = await announce(derivation), await announce(derivation)
    await lead(derivation, before, "consulting")  # while its announcement waits to be matched
    first = await derivation.settle()
    assert {event.data["challenge"]["id"] for event in told(first)} == {before.id, after.id}
    settled = [event.data["version"] for event in first if event.type == ChallengeMatched.TYPE]
    assert settled == [1, 1]

    await lead(derivation, after, "consulting")
    second = (await derivation.settle())[len(first) :]
    assert not {event.type for event in second} & (TOLD | {ChallengeMatched.TYPE})

    await company(derivation, "Vakuumtechnik", "Pressure sensors at 4 K in helium")
    assert len(told(await derivation.settle(), after=len(first))) == 2


async def test_what_was_suggested_of_a_closed_consultation_expires_and_stays(
    derivation: Derivation,
) -> None:
    world = derivation.world
    sensors = await company(derivation, "Cryosense", owner=world.firm)
    challenge, open_still = await announce(derivation), await announce(derivation)
    head = len(await derivation.settle())
    cern, firm = principal(world.cern), principal(world.firm)

    await lead(derivation, challenge, "consultation-closed")
    assert not told(await derivation.settle(), after=head), "nobody needs to hear of every suggestion"

    [found] = await derivation.matches.of_challenge(cern, challenge.id, after=None, limit=5)
    assert found.state is MatchState.expired
    assert (await derivation.matches.outreach(cern, challenge.id)).suggested == 1
    own = await derivation.matches.of_company(firm, sensors.id, after=None, limit=5)
    assert [one.challenge.id for one in own] == [open_still.id]
    await change(derivation, sensors, "Fits into a flange of 40 mm")
    await company(derivation, "Vakuumtechnik", "Pressure sensors at 4 K in helium")
    later = told(await derivation.settle(), after=head)
    assert {event.data["challenge"]["id"] for event in later} == {open_still.id}

    await lead(derivation, challenge, "decided", decision={"outcome": "tender"})
    await withdraw(derivation, sensors)
    await derivation.settle()
    assert await derivation.matches.of_challenge(cern, challenge.id, after=None, limit=5) == []


async def test_a_withdrawn_profile_takes_its_suggestions_along_and_may_come_back(
    derivation: Derivation,
) -> None:
    sensors = await company(derivation, "Cryosense")
    await announce(derivation)
    first = told(await derivation.settle())

    await withdraw(derivation, sensors)
    gone = told(await derivation.settle(), after=first[-1].position)
    assert [event.data["reason"] for event in gone] == ["the company withdrew its profile"]

    await change(derivation, sensors)
    back = told(await derivation.settle(), after=gone[-1].position)
    assert [(event.type, event.data["id"]) for event in back] == [(MatchSuggested.TYPE, first[0].data["id"])]


async def test_who_hears_of_a_suggestion(derivation: Derivation) -> None:
    world = derivation.world
    sensors = await company(derivation, "Cryosense", owner=world.firm)
    members = world.directory.members
    firm = principal(world.firm)
    await members.join(firm, world.cluster.id, sensors.id, Mandate(receive=True, act=False))
    await members.join(firm, world.other_cluster.id, sensors.id, Mandate(receive=False, act=True))
    await company(derivation, "Vakuumtechnik", "Pressure sensors at 4 K in helium", owner=world.other_cluster)
    await announce(derivation, by=world.ilo)

    found = {event.data["company"]["name"]: event for event in told(await derivation.settle())}

    buyers = {world.cern.id, world.ilo.id}
    assert not any(event.public for event in found.values())
    assert found["Cryosense"].audience == buyers | {world.firm.id, world.cluster.id}
    assert found["Vakuumtechnik"].audience == buyers | {world.other_cluster.id}


async def test_gates_stand_beside_the_score(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    await announce(derivation)
    await derivation.settle()
    inside = (await stored(derivation))["Cryosense"]
    outside = await company(derivation, "Cryosense", owner=derivation.world.firm, country="JP")
    await derivation.settle()

    found = await derivation.matches.of_company(
        principal(derivation.world.firm), outside.id, after=None, limit=5
    )
    gates = {gate.gate.value: gate.state.value for gate in found[0].gates}
    assert gates["eligible_country"] == "failed"
    assert found[0].score == inside.score
    assert inside.gates[0].state.value == "passed"


async def test_an_old_event_that_is_handled_again_undoes_nothing(derivation: Derivation) -> None:
    world = derivation.world
    sensors = await company(derivation, "Cryosense")
    await derivation.settle()
    await withdraw(derivation, sensors)
    await derivation.settle()
    await change(derivation, sensors, "Fits into a flange of 40 mm")
    challenge = await announce(derivation)
    await derivation.settle()
    await world.intake.challenges.amend(
        principal(world.cern), challenge.id, lambda old: old.model_copy(update={"trl_start": 4}), anything
    )
    events = await derivation.settle()
    stands = await stored(derivation)

    for kind in (ChallengeAnnounced.TYPE, CompanyWithdrawn.TYPE, CompanyIndexed.TYPE):
        old = next(event for event in events if event.type == kind)
        await derivation.handle(derivation.mind.match, [old])

    assert await stored(derivation) == stands
    assert len(await world.events()) == len(events)


async def test_a_profile_that_was_indexed_and_withdrawn_in_one_batch_is_gone(derivation: Derivation) -> None:
    await announce(derivation)
    sensors = await company(derivation, "Cryosense")
    handler = derivation.mind.handlers[0]
    created = [event for event in await derivation.world.events() if event.type in handler.consumes]
    plan = await handler.prepare(created)
    assert not isinstance(plan, Step)
    await withdraw(derivation, sensors)
    async with derivation.world.database.write() as tx:
        await plan(tx)  # told only now: it was at work when the profile was withdrawn

    assert not told(await derivation.settle())


async def test_two_processes_that_measure_at_once_agree(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    await derivation.settle()
    await announce(derivation)
    events = await derivation.world.events()
    announced = [event for event in events if event.type == ChallengeAnnounced.TYPE]
    other = Mind(derivation.world, derivation.mind.generations, derivation.world.clock)
    one = await derivation.mind.match.prepare(announced)
    another = await other.match.prepare(announced)
    assert isinstance(one, Step)
    assert isinstance(another, Step)

    async with derivation.world.database.write() as tx:
        await one.plan(tx)
    with pytest.raises(MeasuredMeanwhile) as caught:
        async with derivation.world.database.write() as tx:
            await another.plan(tx)

    assert isinstance(caught.value, TransientError)  # so it is tried again
    head = len(await derivation.world.events())
    await derivation.handle(other.match, announced)
    assert not told(await derivation.world.events(), after=head)


async def test_a_new_index_has_every_open_challenge_matched_anew(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    await company(derivation, "Optique Grenoble")
    await announce(derivation)
    await announce(derivation, **MIRROR)
    gone = await announce(derivation, title="A pressure sensor, withdrawn")
    await derivation.world.intake.challenges.withdraw(
        principal(derivation.world.cern), gone.id, "a mistake", anything
    )
    await derivation.settle()
    async with derivation.world.database.write() as tx:
        await tx.execute(delete(MatchRow).where(MatchRow.score > 0.8))
        data = IndexSwitched(index="x", model="y")
        switched = journal.NewEvent(
            type=data.TYPE, subject="index/x", key="index", data=data.model_dump(mode="json")
        )
        await journal.append(tx, [switched], now=derivation.world.clock.now())

    events = await derivation.settle()
    head = next(event.position for event in events if event.type == IndexSwitched.TYPE)

    found = told(events, after=head)
    assert [(event.data["company"]["name"], event.data["because"]) for event in found] == [
        ("Optique Grenoble", "the index was built anew")
    ]
    settled = [event for event in events if event.type == ChallengeMatched.TYPE and event.position > head]
    assert len(settled) == 2


async def test_the_same_inputs_give_the_same_bytes_on_both_databases(
    sqlite: Database, postgresql: str, clock: MovableClock, tmp_path: Path
) -> None:
    from services.migrations.tables import metadata
    from tests.conftest import create_postgresql_database

    other = Database(await create_postgresql_database(postgresql))
    async with other.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    try:
        histories = []
        for number, database in enumerate((sqlite, other)):
            async with deriving(database, clock, tmp_path / str(number)) as derivation:
                histories.append(_history(await _scenario(derivation)))
    finally:
        await other.close()

    assert len(told_types := [kind for kind, _ in histories[0]]) == 5, told_types
    assert orjson.dumps(histories[0]) == orjson.dumps(histories[1])


async def _scenario(derivation: Derivation) -> list[Event]:
    sensors = await company(derivation, "Cryosense")
    await company(derivation, "Vakuumtechnik", "Pressure gauges for cryogenic helium lines at 4 K")
    await company(derivation, "Optique Grenoble")
    await announce(derivation)
    await announce(derivation, **MIRROR)
    await derivation.settle()
    await change(derivation, sensors, "Fits into a flange of 40 mm")
    await derivation.settle()
    await withdraw(derivation, sensors)
    return await derivation.settle()


def _history(events: list[Event]) -> list[tuple[str, str]]:
    """Types and data of what matching told, with ids numbered in the order of their appearance. Suggestions
    of one batch come in the order of their scores."""
    numbers: dict[str, str] = {}
    text = orjson.dumps([(event.type, event.data) for event in told(events)]).decode()

    def numbered(found: re.Match[str]) -> str:
        return numbers.setdefault(found.group(), f"{found.group(1)}-{len(numbers)}")

    history: list[tuple[str, str]] = orjson.loads(re.sub(r"\b([a-z]{3})_[0-9A-Z]{26}\b", numbered, text))
    return history


async def test_a_specialist_is_kept_for_consortia_and_nobody_hears_of_it(derivation: Derivation) -> None:
    nord = await company(derivation, "Vakuumtechnik")
    challenge = await announce(
        derivation,
        title="Canteen",
        need="Bread for a canteen.",
        requirements=[
            {"id": "r1", "text": "Bread and cakes every morning", "mandatory": True},
            {"id": "r2", "text": "Ultra-high vacuum chambers of stainless steel, leak tested"},
            {"id": "r3", "text": "Coffee"},
        ],
    )
    events = await derivation.settle()
    assert not [event for event in events if event.type == MatchSuggested.TYPE]
    kept = await derivation.matches.documents(challenge.id, limit=10)
    assert list(kept) == [nord.id]
    scores = {one["id"]: one["score"] for one in kept[nord.id]["requirements"]}
    assert scores["r2"] >= 0.4 > scores["r1"]
    await change(derivation, nord, capabilities=[{"id": "c1", "text": "Toys made of wood"}])
    await derivation.settle()
    assert await derivation.matches.documents(challenge.id, limit=10) == {}
    assert not _specialists(await derivation.settle()), "the challenge has just been matched as a whole"
    await change(derivation, nord)
    (event,) = _specialists(await derivation.settle())
    assert (event.data, event.audience, event.public) == ({"challenges": [challenge.id]}, frozenset(), False)
    await change(derivation, nord, country="AT")
    assert len(_specialists(await derivation.settle())) == 1, "it answers as before"
    assert list(await derivation.matches.documents_of(challenge.id, [nord.id])) == [nord.id]
    await withdraw(derivation, nord)
    await derivation.settle()
    assert await derivation.matches.documents(challenge.id, limit=10) == {}


def _specialists(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.type == SpecialistsFound.TYPE]
