"""What a company does with a suggestion: look, answer, think again; who may, and who hears of it."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from schemas.events import MatchAnswered, MatchRetracted, MatchSuggested
from schemas.match import CompanyAnswer, DismissalReason, MatchAnswerContent, MatchState, Outreach
from schemas.organisation import Mandate
from services.kernel.journal import Event
from services.kernel.problems import Conflict, Forbidden, NotFound
from services.kernel.security import Principal
from tests.conftest import MovableClock
from tests.derivation import Derivation
from tests.intake.people import ADMIN, anything, principal
from tests.matching.market import announce, change, company, profile

INTERESTED = MatchAnswerContent(answer=CompanyAnswer.interested, note="Ask for the new cell")
DISMISSED = MatchAnswerContent(answer=CompanyAnswer.dismissed, reason=DismissalReason.no_capacity)
DAY_S = 86_400.0


async def suggested(derivation: Derivation, **mandate: bool) -> tuple[str, str, str]:
    """A company of its own, with the cluster as a member; ids of the match, challenge and company."""
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    given = Mandate(**{"receive": True, "act": False, **mandate})
    await world.directory.members.join(principal(world.firm), world.cluster.id, mine.id, given)
    challenge = await announce(derivation, by=world.ilo)
    await derivation.settle()
    (found,) = await derivation.matches.of_challenge(ADMIN, challenge.id, after=None, limit=5)
    return found.id, challenge.id, mine.id


def answered(events: list[Event]) -> list[Event]:
    return [event for event in events if event.type == MatchAnswered.TYPE]


async def state(derivation: Derivation, match: str) -> MatchState:
    return (await derivation.matches.get(ADMIN, match)).state


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer": "dismissed"},
        {"answer": "interested", "reason": "too_far"},
        {"answer": "dismissed", "reason": "bored"},
        {"answer": "seen"},
        {"answer": "interested", "note": "x" * 2_001},
    ],
)
def test_a_dismissal_has_a_reason_and_an_interest_none(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        MatchAnswerContent.model_validate(wrong)


async def test_who_looks_at_a_suggestion_has_seen_it_only_on_the_company_s_side(
    derivation: Derivation,
) -> None:
    world = derivation.world
    match, _, _ = await suggested(derivation)
    for onlooker in (ADMIN, principal(world.cern), principal(world.ilo)):
        assert (await derivation.answering.open(onlooker, match)).state is MatchState.suggested
    for stranger in (principal(world.ess), principal(world.other_cluster)):
        with pytest.raises(NotFound):
            await derivation.answering.open(stranger, match)
    assert await state(derivation, match) is MatchState.suggested

    assert (await derivation.answering.open(principal(world.cluster), match)).state is MatchState.seen
    assert await state(derivation, match) is MatchState.seen
    assert (await derivation.answering.open(principal(world.firm), match)).state is MatchState.seen


async def test_an_answer_is_given_changed_and_taken_back(derivation: Derivation, clock: MovableClock) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    match, challenge, mine = await suggested(derivation)
    score = (await derivation.matches.get(firm, match)).score

    first = await derivation.answering.answer(firm, match, INTERESTED)
    assert first.answer is not None
    assert (first.state, first.answer.by, first.answer.at) == (
        MatchState.interested,
        world.firm.id,
        clock.now(),
    )
    clock.advance(60)
    again = await derivation.answering.answer(firm, match, INTERESTED)
    assert again == first, "said twice, it is no news"
    noted = INTERESTED.model_copy(update={"note": "Asked"})
    await derivation.answering.answer(firm, match, noted)
    assert len(answered(await world.events())) == 1, "a note is nobody else's business"

    dismissed = await derivation.answering.answer(firm, match, DISMISSED)
    assert dismissed.state is MatchState.dismissed
    back = await derivation.answering.take_back(firm, match)
    assert (back.state, back.answer, back.score) == (MatchState.seen, None, score)
    await derivation.answering.take_back(firm, match)
    events = answered(await derivation.settle())
    assert [event.data["answer"] for event in events] == ["interested", "dismissed", None]
    for event in events:
        told = MatchAnswered.model_validate(event.data)
        assert (told.match, told.by, told.score) == (match, world.firm.id, score)
        assert event.audience == {world.firm.id, world.cluster.id, world.cern.id, world.ilo.id}
        assert event.subject == f"challenge/{challenge}/company/{mine}"
        assert not event.public
        assert "no_capacity" not in str(event.data)
        assert "Ask" not in str(event.data)


async def test_why_a_company_dismissed_is_read_on_its_own_side_alone(derivation: Derivation) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    match, challenge, mine = await suggested(derivation)
    given = DISMISSED.model_copy(update={"note": "Until spring"})
    await derivation.answering.answer(firm, match, given)
    for who, private in (
        (firm, True),
        (principal(world.cluster), True),
        (principal(world.cern), False),
        (principal(world.ilo), False),
        (ADMIN, False),
    ):
        expected = (DismissalReason.no_capacity, "Until spring") if private else (None, None)
        of_challenge = await derivation.matches.of_challenge(who, challenge, after=None, limit=5)
        of_company = await derivation.matches.of_company(who, mine, after=None, limit=5)
        for one in (await derivation.matches.get(who, match), *of_challenge, *of_company):
            assert one.answer is not None
            assert one.answer.answer is CompanyAnswer.dismissed
            assert (one.answer.reason, one.answer.note) == expected


async def test_only_the_company_answers_or_a_cluster_that_acts_for_it(derivation: Derivation) -> None:
    world = derivation.world
    match, _, mine = await suggested(derivation)
    for onlooker in (ADMIN, principal(world.cern), principal(world.ilo), principal(world.cluster)):
        with pytest.raises(Forbidden):
            await derivation.answering.answer(onlooker, match, INTERESTED)
        with pytest.raises(Forbidden):
            await derivation.answering.take_back(onlooker, match)
    with pytest.raises(NotFound):
        await derivation.answering.answer(principal(world.ess), match, INTERESTED)
    reading = Principal(world.firm.id, "company", "key", frozenset({"read"}))
    with pytest.raises(Forbidden):
        await derivation.answering.answer(reading, match, INTERESTED)
    assert not await derivation.answering.may_answer(reading, mine, world.firm.id)
    assert answered(await world.events()) == []

    members = world.directory.members
    await members.join(principal(world.firm), world.cluster.id, mine, Mandate(receive=True, act=True))
    made = await derivation.answering.answer(principal(world.cluster), match, INTERESTED)
    assert made.answer is not None
    assert made.answer.by == world.cluster.id
    assert await derivation.answering.may_answer(principal(world.cluster), mine, world.firm.id)


async def test_what_is_over_takes_no_answer_and_gives_one_back(
    derivation: Derivation, clock: MovableClock
) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    match, challenge, _ = await suggested(derivation)
    await derivation.answering.answer(firm, match, INTERESTED)
    clock.advance(400 * DAY_S)
    with pytest.raises(Conflict, match="closed"):
        await derivation.answering.answer(firm, match, DISMISSED)
    await world.intake.challenges.withdraw(principal(world.cern), challenge, "bought", anything)
    await derivation.settle()
    with pytest.raises(Conflict, match="no longer stands"):
        await derivation.answering.answer(firm, match, DISMISSED)
    kept = await derivation.matches.get(principal(world.cern), match)
    assert kept.answer is not None
    assert kept.state is MatchState.retracted
    back = await derivation.answering.take_back(firm, match)
    assert (back.state, back.answer) == (MatchState.retracted, None)


async def test_an_answer_survives_scoring_and_holds_when_the_pair_comes_back(derivation: Derivation) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    match, _, mine = await suggested(derivation)
    await derivation.answering.answer(firm, match, INTERESTED)
    before = await derivation.matches.get(firm, match)

    present = await world.intake.companies.get(firm, mine)
    await change(derivation, present, "Pressure transducers for superfluid helium")
    await derivation.settle()
    assert await state(derivation, match) is MatchState.interested

    bakery = profile("Boulangerie", country="FR")
    await world.intake.companies.update(firm, mine, bakery, anything)
    await derivation.settle()
    assert await state(derivation, match) is MatchState.retracted
    assert (await derivation.matches.outreach(ADMIN, before.challenge.id)).interested == 0
    await world.intake.companies.update(firm, mine, profile("Cryosense", country="FR"), anything)
    events = await derivation.settle()

    after = await derivation.matches.get(firm, match)
    assert (after.state, after.answer) == (MatchState.interested, before.answer)
    told = [event for event in events if event.type in (MatchSuggested.TYPE, MatchRetracted.TYPE)]
    assert [event.data["state"] for event in told] == ["suggested", "retracted", "interested"]


async def test_a_new_life_begins_unseen(derivation: Derivation) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    match, _, mine = await suggested(derivation)
    await derivation.answering.open(firm, match)
    bakery = profile("Boulangerie", country="FR")
    for content in (bakery, profile("Cryosense", country="FR")):
        await world.intake.companies.update(firm, mine, content, anything)
        await derivation.settle()
    assert await state(derivation, match) is MatchState.suggested


async def test_answering_changes_no_score_and_no_order(derivation: Derivation) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    match, challenge, _ = await suggested(derivation)
    other = await company(derivation, "Cryosense", "Fits into a flange of 40 mm", owner=world.other_cluster)
    await derivation.settle()

    async def order() -> list[tuple[str, float]]:
        found = await derivation.matches.of_challenge(ADMIN, challenge, after=None, limit=5)
        return [(one.company.id, one.score) for one in found]

    before = await order()
    assert other.id in dict(before)
    await derivation.answering.answer(firm, match, INTERESTED)
    await world.intake.challenges.amend(
        principal(world.cern),
        challenge,
        lambda old: old.model_copy(update={"deadline": date(2027, 3, 1)}),
        anything,
    )
    await derivation.settle()
    assert await order() == before


async def test_outreach_counts_each_in_every_line_that_it_has_reached(derivation: Derivation) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    match, challenge, _ = await suggested(derivation)
    await company(derivation, "Cryosense", owner=world.other_cluster)
    await derivation.settle()
    outreach = derivation.matches.outreach
    for who, stand in ((ADMIN, 2), (principal(world.cern), 2), (firm, 1), (principal(world.ess), 0)):
        found = await outreach(who, challenge)
        assert found == Outreach(suggested=stand, notified=0, seen=0, interested=0, dismissed=0)
    await derivation.answering.answer(firm, match, INTERESTED)
    found = await outreach(principal(world.ilo), challenge)
    assert found == Outreach(suggested=2, notified=0, seen=1, interested=1, dismissed=0)
    await derivation.answering.answer(firm, match, DISMISSED)
    found = await outreach(principal(world.ilo), challenge)
    assert found == Outreach(suggested=2, notified=0, seen=1, interested=0, dismissed=1)
