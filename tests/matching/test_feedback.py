"""A company's answers move its own list, within bounds, visibly, until it begins anew; nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.match import CompanyAnswer, DismissalReason, MatchAnswerContent
from schemas.organisation import Mandate
from services.kernel.problems import Forbidden, NotFound
from services.kernel.security import Principal
from services.matching.feedback import Feedback
from services.matching.feedback_rules import ALIKE_FROM, NUDGE_MAX, nudge, says
from services.matching.service import position
from tests.conftest import MovableClock
from tests.derivation import Derivation
from tests.intake.people import ADMIN, principal
from tests.matching.market import MIRROR, announce, company

INTERESTED = MatchAnswerContent(answer=CompanyAnswer.interested)
NEEDS = {
    "Pressure sensors for helium": "Measure the pressure of liquid helium at 4 K with cryogenic sensors.",
    "Helium pressure gauges": "Gauges measure the pressure of helium in cryogenic lines at 4 K.",
    "Strain gauges for magnets": "Radiation-hard strain gauges for superconducting magnets are needed.",
}


def too_far() -> MatchAnswerContent:
    return MatchAnswerContent(answer=CompanyAnswer.dismissed, reason=DismissalReason.too_far)


@given(
    st.lists(st.tuples(st.sampled_from((-1.0, -0.5, 0.0, 1.0)), st.floats(-1, 1)), max_size=20),
)
def test_a_nudge_is_bounded_and_nothing_said_moves_nothing(answers: list[tuple[float, float]]) -> None:
    said, cosines = [one for one, _ in answers], [one for _, one in answers]
    assert -NUDGE_MAX <= nudge(said, cosines) <= NUDGE_MAX
    assert nudge([0.0] * len(answers), cosines) == 0.0
    assert nudge(said, [ALIKE_FROM] * len(answers)) == 0.0
    assert nudge([-one for one in said], cosines) == pytest.approx(-nudge(said, cosines))


def test_a_reason_that_is_not_about_the_subject_says_nothing_of_it() -> None:
    dismissed = CompanyAnswer.dismissed
    assert says(CompanyAnswer.interested, None) == 1.0
    assert says(dismissed, DismissalReason.too_far) < says(dismissed, DismissalReason.no_capacity) < 0.0
    assert says(dismissed, DismissalReason.wrong_country) == 0.0
    assert says(dismissed, DismissalReason.already_known) == 0.0


async def settled(derivation: Derivation) -> tuple[str, str]:
    """Two companies with the same profile, of different owners: mine and a rival's."""
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    rival = await company(derivation, "Cryosense", owner=world.other_cluster)
    for title, need in NEEDS.items():
        await announce(derivation, title=title, need=need)
    await announce(derivation, **MIRROR)
    await derivation.settle()
    return mine.id, rival.id


async def listed(derivation: Derivation, who: Principal, of: str) -> list[str]:
    """Every byte of the list."""
    found = await derivation.matches.of_company(who, of, after=None, limit=50)
    return [one.model_dump_json() for one in found]


async def test_answers_move_ones_own_list_and_nobody_elses(derivation: Derivation) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    mine, rival = await settled(derivation)
    others = [
        (principal(world.other_cluster), rival),
        (principal(world.cern), mine),
        (principal(world.cern), rival),
        (ADMIN, mine),
    ]
    before = await derivation.matches.of_company(firm, mine, after=None, limit=50)
    assert len(before) >= 2
    assert not any(one.nudge for one in before)
    best = before[0]
    theirs = [await listed(derivation, who, rival) for who, of in others if of == rival]
    scores = {one.id: one.score for one in before}

    await derivation.answering.answer(firm, best.id, too_far())
    after = await derivation.matches.of_company(firm, mine, after=None, limit=50)
    moved = next(one for one in after if one.id == best.id)
    assert moved.nudge is not None
    assert -NUDGE_MAX <= moved.nudge.by < 0
    assert moved.nudge.like == best.challenge.title
    assert {one.id: one.score for one in after} == scores, "no score changes"
    assert [position(one) for one in after] == sorted(
        (position(one) for one in after), key=lambda place: (-place[0], place[1])
    )
    assert [await listed(derivation, who, rival) for who, of in others if of == rival] == theirs
    for who in (principal(world.cern), ADMIN):
        seen = await derivation.matches.of_company(who, mine, after=None, limit=50)
        assert [one.id for one in seen] == [one.id for one in before], "a buyer sees the order by score"
        assert not any(one.nudge for one in seen)

    await derivation.answering.answer(firm, best.id, INTERESTED)
    raised = await derivation.matches.of_company(firm, mine, after=None, limit=50)
    assert raised[0].id == best.id
    assert raised[0].nudge is not None
    assert raised[0].nudge.by > 0
    assert (await derivation.matches.get(firm, best.id)).nudge == raised[0].nudge
    assert (await derivation.matches.get(principal(world.cern), best.id)).nudge is None


async def test_pages_of_a_moved_list_have_no_gap(local: Derivation) -> None:
    firm = principal(local.world.firm)
    mine, _ = await settled(local)
    first = (await local.matches.of_company(firm, mine, after=None, limit=1))[0]
    await local.answering.answer(firm, first.id, too_far())
    whole = await local.matches.of_company(firm, mine, after=None, limit=50)
    paged, after = [], None
    while page := await local.matches.of_company(firm, mine, after=after, limit=1):
        paged += page
        after = position(page[-1])
    assert paged == whole


async def test_what_they_change_is_told_and_reset(derivation: Derivation, clock: MovableClock) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    mine, _ = await settled(derivation)
    best = (await derivation.matches.of_company(firm, mine, after=None, limit=1))[0]
    await derivation.answering.answer(firm, best.id, INTERESTED)
    told = await derivation.feedback.show(firm, mine)
    assert [(one.match, one.says) for one in told.answers] == [(best.id, 1.0)]
    assert best.id in {one.match for one in told.moved}
    assert all(0 < abs(one.by) <= told.most == NUDGE_MAX for one in told.moved)
    for onlooker in (principal(world.cern), principal(world.ilo), ADMIN):
        with pytest.raises(Forbidden):
            await derivation.feedback.show(onlooker, mine)
        with pytest.raises(Forbidden):
            await derivation.feedback.reset(onlooker, mine)
    with pytest.raises(NotFound):
        await derivation.feedback.show(principal(world.other_cluster), mine)

    await world.directory.members.join(firm, world.cluster.id, mine, Mandate(receive=True))
    cluster = principal(world.cluster)
    assert (await derivation.feedback.show(cluster, mine)).answers
    with pytest.raises(Forbidden):
        await derivation.feedback.reset(cluster, mine)

    clock.advance(1)
    await derivation.feedback.reset(firm, mine)
    await derivation.feedback.reset(firm, mine)
    told = await derivation.feedback.show(firm, mine)
    assert (told.answers, told.moved, told.since) == ((), (), clock.now())
    again = await derivation.matches.of_company(firm, mine, after=None, limit=50)
    assert not any(one.nudge for one in again)
    kept = await derivation.matches.get(firm, best.id)
    assert kept.answer is not None, "the answer itself stays"
    clock.advance(1)
    await derivation.answering.answer(firm, best.id, too_far())
    assert [one.says for one in (await derivation.feedback.show(firm, mine)).answers] == [-1.0]


async def test_alerts_are_moved_as_the_list_is(local: Derivation) -> None:
    world, firm = local.world, principal(local.world.firm)
    mine, rival = await settled(local)
    feedback = Feedback(world.database, world.clock, world.intake.reading)
    best = (await local.matches.of_company(firm, mine, after=None, limit=1))[0]
    pairs = {(best.challenge.id, mine), (best.challenge.id, rival)}
    assert await feedback.of(pairs) == {}
    await local.answering.answer(firm, best.id, INTERESTED)
    nudge_of_list = (await local.matches.get(firm, best.id)).nudge
    assert nudge_of_list is not None
    assert await feedback.of(pairs) == {(best.challenge.id, mine): nudge_of_list.by}
