"""The best suggestions of a new challenge are told first; cut short, nothing is told twice or left out."""

from __future__ import annotations

from schemas.events import ChallengeAnnounced, ChallengeMatched, MatchSuggested
from schemas.match import MatchSuggestion
from services.kernel.journal import Event
from services.kernel.stream.port import Step
from services.matching.handlers import FIRST
from tests.derivation import Derivation
from tests.intake.people import principal
from tests.matching.market import announce, profile

MANY = FIRST + 3


async def crowd(derivation: Derivation) -> None:
    """Companies that all fit, each somewhat otherwise."""
    extras = ("Welding", "Leak tests", "Cabling", "Calibration of thermometers at 4 K", "Simulation")
    for number in range(MANY):
        content = profile("Cryosense", *extras[: number % 6])
        content = content.model_copy(update={"name": f"Cryosense {number}"})
        world = derivation.world
        await world.intake.companies.create(principal(world.cluster), content)
    await derivation.settle()


async def announced(derivation: Derivation) -> list[Event]:
    await announce(derivation)
    events = await derivation.world.events()
    return [event for event in events if event.type == ChallengeAnnounced.TYPE]


def suggested(events: list[Event]) -> list[MatchSuggestion]:
    return [
        MatchSuggested.model_validate(event.data) for event in events if event.type == MatchSuggested.TYPE
    ]


async def test_the_best_are_told_first_and_all_in_order(derivation: Derivation) -> None:
    await crowd(derivation)
    events = await announced(derivation)

    step = await derivation.mind.match.prepare(events)

    assert isinstance(step, Step)
    async with derivation.world.database.write() as tx:
        await step.plan(tx)
    first = suggested(await derivation.world.events())
    assert len(first) == FIRST
    assert not [e for e in await derivation.world.events() if e.type == ChallengeMatched.TYPE]
    plan = await step.rest()
    async with derivation.world.database.write() as tx:
        await plan(tx)
    everybody = suggested(await derivation.world.events())
    assert len(everybody) == MANY
    assert [one.id for one in everybody[:FIRST]] == [one.id for one in first]
    assert everybody == sorted(everybody, key=lambda one: (-one.score, one.company.id))
    (settled,) = [e for e in await derivation.world.events() if e.type == ChallengeMatched.TYPE]
    assert settled.data["suggestions"] == MANY


async def test_cut_short_after_the_first_the_others_follow(derivation: Derivation) -> None:
    await crowd(derivation)
    events = await announced(derivation)
    step = await derivation.mind.match.prepare(events)
    assert isinstance(step, Step)
    async with derivation.world.database.write() as tx:
        await step.plan(tx)  # and here the process ends

    await derivation.settle()

    found = suggested(await derivation.world.events())
    assert len(found) == len({one.company.id for one in found}) == MANY
