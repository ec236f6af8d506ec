"""The life of a consortium: proposed, consented, declined, introduced, formed; who is told what, and when."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from schemas.challenge import Challenge, ChallengeStep
from schemas.consortium import (
    CompletionContent,
    Consent,
    Consortium,
    ConsortiumAnswer,
    ConsortiumDecline,
    ConsortiumState,
)
from schemas.events import CompanyIndexed, SpecialistsFound
from schemas.match import CompanyAnswer, DismissalReason, MatchAnswerContent
from services.consortia import market
from services.consortia.pace import PACE, YOUNG_PACE, next_look
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound
from services.matching.answering import Answering
from tests.conftest import MovableClock
from tests.consortia.town import ANSWERS, Town, founded, joined
from tests.intake.people import a_challenge, anything, build, principal

YES = ConsortiumAnswer()
NO = ConsortiumDecline(note="no capacity before summer")
HOUR_S = 3_600.0


def kinds(events: list[Event]) -> Counter[str]:
    return Counter(event.type.split(".")[2] for event in events)


async def best(town: Town) -> Consortium:
    """As the buyer sees it."""
    return (await town.service.of_challenge(town.buyer, town.challenge.id)).consortia[0]


def names(whole: Consortium) -> list[str | None]:
    return [one.company.name if one.company else None for one in whole.members]


async def test_the_best_different_teams_are_proposed_once_matching_has_settled(town: Town) -> None:
    await town.match(ANSWERS)
    assert await town.settle() == []
    events = await town.matched()
    found = await town.service.of_challenge(town.buyer, town.challenge.id)
    assert [sorted(map(str, names(one))) for one in found.consortia] == [
        ["Alpha", "Beta"],
        ["Alpha", "Delta"],
        ["Beta", "Gamma"],
    ]
    first = found.consortia[0]
    assert [(cell.requirement, cell.roles) for cell in first.cells] == [
        ("r1", ("A",)),
        ("r2", ("B",)),
        ("r3", ()),
    ]
    assert [gap.requirement for gap in first.gaps] == ["r3"]
    assert first.countries == ("CH", "FR")
    alternates = [[other.name for other in one.alternate_companies] for one in first.members]
    assert alternates == [["Gamma"], ["Delta"]]
    for name in ("alpha", "beta"):
        view = await town.service.get(town.speaks(name), first.id)
        assert all(one.alternate_companies == () for one in view.members), "a rival is not named"
    assert found.gaps is not None
    assert "r3 “be read out over optical fibre”" in found.gaps.sought
    assert "No profile speaks of: fibre" in found.gaps.sought
    # each of three teams for the buyer and two firms, and one brief for everybody
    assert kinds(events) == {"proposed": 9, "gaps-changed": 1}
    assert [event.public for event in events if "gaps" in event.type] == [True]


async def test_unchanged_teams_emit_nothing_and_changes_keep_the_pace(
    town: Town, clock: MovableClock
) -> None:
    before = await town.matched()
    assert await town.matched() == before
    first = await best(town)
    clock.advance(2 * HOUR_S)
    assert await town.matched({**ANSWERS, "alpha": {"r1": 0.92}}) == before
    now = await best(town)
    assert (now.id, now.version) == (first.id, first.version + 1), "what is read has another ETag"
    assert now.worth > first.worth

    await town.retract("alpha")
    assert await town.settle() == before, "within the hour nothing is thought over"
    assert await town.reviewing.review_due() == 0
    clock.advance(HOUR_S)
    assert await town.reviewing.review_due() == 1
    assert names(await best(town)) == ["Beta", "Gamma"]
    after = await town.settle()
    assert kinds(after[len(before) :])["dissolved"] >= 2
    assert await town.reviewing.review_due() == 0


async def test_identities_are_hidden_until_all_consent(town: Town) -> None:
    events = await town.matched()
    whole = await best(town)
    to_alpha = [event for event in events if event.audience == {town.firms["alpha"].id}]
    assert len(to_alpha) == 2
    for name in ("beta", "delta"):
        for hidden in (name.title(), town.companies[name].id, town.firms[name].id):
            assert hidden not in str([event.data for event in to_alpha])

    view = await town.service.get(town.speaks("alpha"), whole.id)
    mine, other = view.members
    assert (mine.yours, mine.speaks, names(view)) == (True, True, ["Alpha", None])
    assert (other.consent, other.contribution, other.country) == (None, None, "CH")
    assert [(cell.requirement, cell.score) for cell in other.covers] == [("r2", None)]
    assert (view.consented, view.worth) == (None, 0.0)
    for stranger in ("gamma", "delta"):
        with pytest.raises(NotFound):
            await town.service.get(town.speaks(stranger), whole.id)

    told = len(await town.settle())
    consented = await town.consents.consent(town.speaks("alpha"), whole.id, YES)
    assert consented.state is ConsortiumState.proposed
    again = await town.consents.consent(town.speaks("alpha"), whole.id, YES)
    assert again.version == consented.version
    view = await town.service.get(town.speaks("beta"), whole.id)
    assert (names(view), view.members[0].consent) == ([None, "Beta"], None), "nor who has consented"
    events = await town.settle()
    assert [sorted(event.audience) for event in events[told:]] == sorted(
        [[town.firms["alpha"].id], [town.world.cern.id]]
    )

    introduced = await town.consents.consent(town.speaks("beta"), whole.id, YES)
    assert (introduced.state, names(introduced)) == (ConsortiumState.introduced, ["Alpha", "Beta"])
    assert introduced.members[0].covers[0].score is None, "scores of others stay theirs"
    fresh = (await town.settle())[told + 2 :]
    assert [(event.data["state"], event.data["version"]) for event in fresh] == [
        *[("consented", consented.version + 1)] * 2,
        *[("introduced", consented.version + 2)] * 3,
    ]
    assert kinds(fresh) == {"consented": 2, "introduced": 3}
    for name in ("alpha", "beta"):
        formed = await town.consents.confirm(town.speaks(name), whole.id, YES)
    assert formed.state is ConsortiumState.formed


async def test_who_declines_is_replaced_by_the_best_alternate_and_not_asked_again(
    town: Town, clock: MovableClock
) -> None:
    await town.matched()
    whole = await best(town)
    await town.consents.consent(town.speaks("alpha"), whole.id, YES)
    told = len(await town.settle())
    own = await town.consents.decline(town.speaks("beta"), whole.id, NO)
    assert own.state is ConsortiumState.declined
    assert "Delta" not in own.model_dump_json()
    after = await town.service.get(town.buyer, whole.id)
    assert names(after) == ["Alpha", "Delta"]
    assert [one.role for one in after.members] == ["A", "B"]
    assert [one.consent for one in after.members] == [Consent.consented, Consent.asked]
    fresh = (await town.settle())[told:]
    assert {(event.type.split(".")[2], tuple(event.audience)) for event in fresh} == {
        ("updated", (town.world.cern.id,)),
        ("updated", (town.firms["alpha"].id,)),
        ("proposed", (town.firms["delta"].id,)),
    }
    assert "no capacity" not in str(fresh)
    with pytest.raises(NotFound):
        await town.service.get(town.speaks("beta"), whole.id)

    assert await town.reviewing.review_due() == 0, "the others keep the pace"
    clock.advance(YOUNG_PACE.total_seconds())
    assert await town.reviewing.review_due() == 1
    found = await town.service.of_challenge(town.buyer, town.challenge.id)
    assert [names(one) for one in found.consortia if "Beta" in names(one)] == []
    await town.consents.decline(town.speaks("delta"), whole.id, NO)
    assert (await town.service.get(town.buyer, whole.id)).state is ConsortiumState.declined
    clock.advance(2 * HOUR_S)
    await town.matched()
    found = await town.service.of_challenge(town.buyer, town.challenge.id)
    asked = {name for one in found.consortia for name in names(one)}
    assert not asked & {"Beta", "Delta"}
    with pytest.raises(Conflict):
        await town.consents.consent(town.speaks("alpha"), whole.id, YES)


async def test_a_member_who_is_gone_is_replaced_and_consents_hold(town: Town, clock: MovableClock) -> None:
    await town.matched()
    whole = await best(town)
    await town.consents.consent(town.speaks("alpha"), whole.id, YES)
    clock.advance(2 * HOUR_S)
    answering = Answering(town.world.database, clock, town.matches, town.world.directory.members)
    (match,) = await town.matches.of_company(
        town.speaks("beta"), town.companies["beta"].id, after=None, limit=2
    )
    dismissed = MatchAnswerContent(answer=CompanyAnswer.dismissed, reason=DismissalReason.too_far)
    await answering.answer(town.speaks("beta"), match.id, dismissed)
    await town.settle()
    after = await town.service.get(town.buyer, whole.id)
    assert (names(after), after.reason) == (["Alpha", "Delta"], "A member was replaced.")
    assert after.members[0].consent is Consent.consented


async def test_a_profile_of_a_member_that_changes_has_its_teams_thought_over(
    local: Town, clock: MovableClock
) -> None:
    await local.matched()
    clock.advance(2 * HOUR_S)
    for name, looked in (("alpha", 1), ("alpha", 0)):
        indexed = CompanyIndexed(company=local.companies[name].id, version=2, texts=1, index="i")
        await local.settle(indexed)
        assert await local.reviewing.review_due() == 0, "matching looks first"
        clock.advance(60)
        assert await local.reviewing.review_due() == looked, "and no more than once an hour"


async def test_a_specialist_that_comes_later_is_taken_in_at_the_pace(
    local: Town, clock: MovableClock
) -> None:
    await local.matched()
    clock.advance(60)
    await local.settle(SpecialistsFound(challenges=(local.challenge.id,)))
    assert await local.reviewing.review_due() == 0
    clock.advance(YOUNG_PACE.total_seconds())
    assert await local.reviewing.review_due() == 1, "on the first day within minutes"


def test_the_pace_is_the_challenge_s_own_or_quick_on_the_first_day() -> None:
    announced = datetime(2026, 11, 21, tzinfo=UTC)

    def after(hours: float, **rules: int) -> timedelta:
        content = {**dict(a_challenge(consortium=rules)), "announced_at": announced, "version": 1}
        reviewed = announced + timedelta(hours=hours)
        return next_look(Challenge.model_construct(**content), reviewed) - reviewed

    assert [after(hours) for hours in (0, 23, 24, 100)] == [YOUNG_PACE, YOUNG_PACE, PACE, PACE]
    assert [after(0, pace_minutes=90), after(100, pace_minutes=0)] == [timedelta(minutes=90), timedelta()]


async def test_a_withdrawn_challenge_takes_its_teams_with_it(local: Town) -> None:
    await local.matched()
    told = len(await local.settle())
    world = local.world
    await world.intake.challenges.withdraw(principal(world.cern), local.challenge.id, "no money", anything)
    assert kinds((await local.settle())[told:]) == {"dissolved": 9}
    found = await local.service.of_challenge(local.buyer, local.challenge.id, gone=True)
    assert {one.reason for one in found.consortia} == {"The challenge was withdrawn."}


@pytest.mark.parametrize(("outcome", "stands"), [("tender", True), ("make", False)])
async def test_a_closed_consultation_asks_nobody_and_its_decision_says_whether_teams_go_on(
    local: Town, outcome: str, stands: bool
) -> None:
    await local.matched()
    first, second, _ = (await local.service.of_challenge(local.buyer, local.challenge.id)).consortia
    for name in ("alpha", "beta"):
        await local.consents.consent(local.speaks(name), first.id, YES)
    told = len(await local.settle())
    steps = ({"to": "consultation-closed"}, {"to": "decided", "decision": {"outcome": outcome}})
    closed, decided = (ChallengeStep.model_validate(one) for one in steps)
    challenges = local.world.intake.challenges
    await challenges.step(local.buyer, local.challenge.id, closed, anything)
    assert len(await local.settle()) == told
    with pytest.raises(Conflict, match="closed"):
        await local.consents.consent(local.speaks("alpha"), second.id, YES)
    for name in ("alpha", "beta"):
        formed = await local.consents.confirm(local.speaks(name), first.id, YES)
    assert formed.state is ConsortiumState.formed

    told = len(await local.settle())
    await challenges.step(local.buyer, local.challenge.id, decided, anything)
    gone = (await local.settle())[told:]
    assert (not gone) is stands
    assert {event.data["reason"] for event in gone} <= {"The buyer makes it itself."}
    found = await local.service.get(local.buyer, first.id)
    assert (found.state is ConsortiumState.formed) is stands


async def test_a_cluster_acts_for_members_as_its_mandate_says(local: Town) -> None:
    cluster = await joined(local, "alpha", receive=True, act=False)
    await joined(local, "gamma", receive=True, act=True)
    events = await local.matched()
    told = [event.data for event in events if cluster.organisation in event.audience]
    spoken = {(one["company"] or {}).get("name"): one["speaks"] for data in told for one in data["members"]}
    assert spoken == {None: False, "Alpha": False, "Gamma": True}
    whole = await best(local)
    assert names(await local.service.get(cluster, whole.id)) == ["Alpha", None]
    with pytest.raises(Forbidden):
        await local.consents.consent(cluster, whole.id, YES)
    await joined(local, "alpha", receive=True, act=True)
    await joined(local, "beta", receive=True, act=True)
    assert names(await local.service.get(cluster, whole.id)) == ["Alpha", "Beta"]
    with pytest.raises(InvalidInput, match="name one of them"):
        await local.consents.consent(cluster, whole.id, YES)
    for name in ("alpha", "beta"):
        answer = ConsortiumAnswer(company=local.companies[name].id)
        seen = await local.consents.consent(cluster, whole.id, answer)
    assert seen.state is ConsortiumState.introduced
    await joined(local, "alpha", receive=False, act=True)
    await joined(local, "beta", receive=False, act=True)
    with pytest.raises(NotFound):
        await local.service.get(cluster, whole.id)


async def test_nobody_without_a_part_sees_anything(local: Town) -> None:
    await local.matched()
    world = local.world
    for stranger in (principal(world.ess), principal(world.other_cluster), principal(world.firm)):
        found = await local.service.of_challenge(stranger, local.challenge.id)
        assert (found.consortia, found.conflict) == ((), None)
    assert len((await local.service.of_challenge(local.speaks("alpha"), local.challenge.id)).consortia) == 2


async def test_rules_that_nobody_can_keep_are_named_to_the_buyer(
    sqlite: Database, clock: MovableClock
) -> None:
    town = await founded(await build(sqlite, clock), countries_min=3)
    events = await town.matched()
    found = await town.service.of_challenge(town.buyer, town.challenge.id)
    assert found.consortia == ()
    assert found.gaps is not None
    assert [gap.requirement for gap in found.gaps.gaps] == ["r3"], "what nobody in the market covers"
    assert kinds(events) == {"gaps-changed": 1}
    assert found.conflict is not None
    assert "countries_min" in found.conflict
    assert (await town.service.of_challenge(town.speaks("alpha"), town.challenge.id)).conflict is None


async def test_where_nobody_answers_anything_all_of_it_is_wanted(local: Town) -> None:
    (event,) = await local.matched({})
    assert event.type == "liaison.consortium.gaps-changed.v1"
    assert [gap["requirement"] for gap in event.data["gaps"]] == ["r1", "r2", "r3"]


async def test_who_begins_a_team_is_told_who_is_missing_and_may_ask_them(town: Town) -> None:
    await town.matched()
    told = len(await town.settle())
    gamma = town.companies["gamma"].id
    begun = CompletionContent(challenge=town.challenge.id, members=(gamma,), members_max=2)
    found = await town.completing.complete(town.speaks("gamma"), begun)
    assert [names_of(team) for team in found.teams] == [["Gamma", None]] * 3
    assert [cell.requirement for cell in found.teams[0].members[1].covers] == ["r2"]
    assert len(await town.settle()) == told, "asking tells nobody"

    made = await town.completing.begin(town.speaks("gamma"), begun)
    assert (names(made), made.members[0].consent) == (["Gamma", None], Consent.consented)
    fresh = (await town.settle())[told:]
    sought = [event for event in fresh if event.type == "liaison.consortium.sought.v1"]
    assert [set(event.audience) for event in sought] == [{town.firms["beta"].id}]
    assert "Gamma" not in str(sought[0].data)
    after = await town.consents.decline(town.speaks("beta"), made.id, NO)
    assert after.state is ConsortiumState.declined
    assert names(await town.service.get(town.buyer, made.id)) == ["Gamma", "Alpha"]


def names_of(team: object) -> list[str | None]:
    return [one.company.name if one.company else None for one in team.members]  # type: ignore[attr-defined]


async def test_a_team_that_cannot_begin_so_is_told_why(local: Town) -> None:
    await local.matched()
    alpha, beta = (local.companies[name].id for name in ("alpha", "beta"))
    begun = CompletionContent(challenge=local.challenge.id, members=(alpha,))
    with pytest.raises(Forbidden):
        await local.completing.complete(local.buyer, begun)
    with pytest.raises(NotFound):  # a rival's profile is not the firm's to know of
        await local.completing.complete(
            local.speaks("alpha"), begun.model_copy(update={"members": (alpha, beta)})
        )
    cluster = await joined(local, "alpha", receive=True, act=False)
    with pytest.raises(InvalidInput, match="speak for"):
        await local.completing.complete(cluster, begun)
    await joined(local, "alpha", receive=True, act=True)
    await joined(local, "beta", receive=False, act=True)
    both = begun.model_copy(update={"members": (alpha, beta)})
    for ask in (local.completing.complete, local.completing.begin):
        with pytest.raises(InvalidInput, match=f"{beta} does not let you receive") as refused:
            await ask(cluster, both)  # it would read how Beta scores
        assert [one.pointer for one in refused.value.errors] == ["/members/1"]
    for members_max, rule in (
        (1, "at least 2 members .consortium.members_min."),
        (4, "consortium.members_max"),
    ):
        with pytest.raises(InvalidInput, match=rule) as refused:
            await local.completing.complete(
                local.speaks("alpha"), begun.model_copy(update={"members_max": members_max})
            )
        assert [one.pointer for one in refused.value.errors] == ["/members_max"]


async def test_a_team_that_has_begun_keeps_the_size_it_was_given(
    sqlite: Database, clock: MovableClock
) -> None:
    local = await founded(await build(sqlite, clock), members_min=1)
    await local.matched()
    begun = CompletionContent(
        challenge=local.challenge.id, members=(local.companies["alpha"].id,), members_max=1
    )
    made = await local.completing.begin(local.speaks("alpha"), begun)
    assert made.state is ConsortiumState.introduced
    clock.advance(2 * HOUR_S)
    await local.matched()
    assert (await local.service.get(local.speaks("alpha"), made.id)).state is ConsortiumState.introduced


async def test_teams_that_somebody_begins_take_no_place_among_the_suggestions(
    local: Town, clock: MovableClock
) -> None:
    for name in ("alpha", "gamma", "delta"):
        cluster = await joined(local, name, receive=True, act=True)
    await local.matched()
    suggested = {
        one.id for one in (await local.service.of_challenge(local.buyer, local.challenge.id)).consortia
    }
    for pair in (("alpha", "gamma"), ("alpha", "delta"), ("gamma", "delta")):
        begun = CompletionContent(
            challenge=local.challenge.id,
            members=tuple(local.companies[name].id for name in pair),
            members_max=2,
        )
        made = await local.completing.begin(cluster, begun)
        with pytest.raises(Conflict, match=f"begun already: {made.id}"):
            await local.completing.begin(cluster, begun)
    clock.advance(2 * HOUR_S)
    told = len(await local.settle())
    await local.matched()
    after = (await local.service.of_challenge(local.buyer, local.challenge.id, gone=True)).consortia
    assert len(after) == 6
    assert {one.id: one.reason for one in after if one.state is ConsortiumState.dissolved} == {
        one.id: "One of its members has begun the same team, which stands in its place."
        for one in after
        if one.id in suggested and set(names(one)) == {"Alpha", "Delta"}
    }
    assert kinds((await local.settle())[told:])["proposed"] == 0


async def test_who_has_consented_is_not_put_out_by_better_matches(
    local: Town, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await local.matched()
    whole = await best(local)
    for name in ("alpha", "beta"):
        await local.consents.consent(local.speaks(name), whole.id, YES)
    monkeypatch.setattr(market, "CANDIDATES_MAX", 2)
    clock.advance(2 * HOUR_S)
    await local.matched({"gamma": {"r1": 0.99}, "delta": {"r2": 0.99}})
    after = await local.service.get(local.buyer, whole.id)
    assert (names(after), after.state) == (["Alpha", "Beta"], ConsortiumState.introduced)
    asked = (await local.service.of_challenge(local.buyer, local.challenge.id)).consortia
    assert [names(one) for one in asked if one.id != whole.id] == [["Gamma", "Delta"]]


async def test_a_member_is_in_its_phases_alone_through_reviews_and_replacements(
    sqlite: Database, clock: MovableClock
) -> None:
    leaving = {"change": "may-leave", "members_max": 1}
    phases = [{"stage": "design"}, {"stage": "validation", "composition": leaving}]
    town = await founded(await build(sqlite, clock), asked={"phases": phases})
    await town.matched()
    whole = await best(town)

    def stages(team: Consortium) -> list[tuple[str | None, tuple[str, ...]]]:
        return [(name, one.stages) for name, one in zip(names(team), team.members, strict=True)]

    async def lacking() -> list[tuple[str, tuple[str, ...]]]:
        brief = (await town.service.of_challenge(town.buyer, town.challenge.id)).gaps
        assert brief is not None
        return [(gap.requirement, gap.stages) for gap in brief.gaps]

    both, lacks = ("design", "validation"), [("r2", ("validation",)), ("r3", ("design", "validation"))]
    assert stages(whole) == [("Alpha", both), ("Beta", ("design",))]
    assert await lacking() == lacks
    await town.consents.consent(town.speaks("alpha"), whole.id, YES)
    clock.advance(2 * HOUR_S)
    await town.matched()
    assert await lacking() == lacks, "who is in one phase covers nothing in the other"
    await town.consents.decline(town.speaks("beta"), whole.id, NO)
    after = await town.service.get(town.buyer, whole.id)
    assert stages(after) == [("Alpha", both), ("Delta", ("design",))]
    assert await lacking() == lacks


async def test_after_the_deadline_an_introduced_team_is_formed_or_left_and_nobody_new_is_asked(
    local: Town, clock: MovableClock
) -> None:
    await local.matched()
    found = (await local.service.of_challenge(local.buyer, local.challenge.id)).consortia
    first, second, third = found
    for one, members in ((first, ("alpha", "beta")), (second, ("alpha", "delta"))):
        for name in members:
            await local.consents.consent(local.speaks(name), one.id, YES)
    clock.advance(100 * 24 * HOUR_S)
    with pytest.raises(Conflict, match="closed"):
        await local.consents.consent(local.speaks("gamma"), third.id, YES)
    for name in ("alpha", "beta"):
        formed = await local.consents.confirm(local.speaks(name), first.id, YES)
    assert formed.state is ConsortiumState.formed
    await local.consents.decline(local.speaks("delta"), second.id, NO)
    left = await local.service.get(local.buyer, second.id)
    assert (left.state, names(left)) == (ConsortiumState.declined, ["Alpha", "Delta"])


async def test_who_had_confirmed_is_asked_again_to_confirm_where_somebody_else_has_joined(
    local: Town,
) -> None:
    await local.matched()
    whole = await best(local)
    for name in ("alpha", "beta"):
        await local.consents.consent(local.speaks(name), whole.id, YES)
    await local.consents.confirm(local.speaks("alpha"), whole.id, YES)
    await local.consents.decline(local.speaks("beta"), whole.id, NO)
    after = await local.service.get(local.buyer, whole.id)
    assert (names(after), after.reason) == (["Alpha", "Delta"], "A member was replaced.")
    assert [one.consent for one in after.members] == [Consent.consented, Consent.asked]


async def test_a_team_that_is_smaller_by_one_waits_for_nobody_who_has_spoken(
    sqlite: Database, clock: MovableClock
) -> None:
    town = await founded(await build(sqlite, clock))
    three = {"alpha": {"r1": 0.9}, "beta": {"r2": 0.8}, "gamma": {"r3": 0.7}}
    await town.matched(three)
    whole = await best(town)
    assert names(whole) == ["Alpha", "Beta", "Gamma"]
    for name in ("alpha", "beta", "gamma"):
        await town.consents.consent(town.speaks(name), whole.id, YES)
    for name in ("alpha", "beta"):
        await town.consents.confirm(town.speaks(name), whole.id, YES)
    told = len(await town.settle())
    await town.consents.decline(town.speaks("gamma"), whole.id, NO)
    after = await town.service.get(town.buyer, whole.id)
    assert (names(after), after.state) == (["Alpha", "Beta"], ConsortiumState.formed)
    assert after.reason == "A member has left the consortium."
    assert kinds((await town.settle())[told:]) == {"formed": 3}


async def test_members_do_not_read_who_of_them_is_better(local: Town) -> None:
    await local.matched({"alpha": {"r1": 0.6, "r2": 0.7}, "beta": {"r1": 0.9, "r3": 0.8}})
    whole = await best(local)
    assert whole.cells[0].roles == ("B", "A")
    view = await local.service.get(local.speaks("alpha"), whole.id)
    assert view.cells[0].roles == ("A", "B")
    begun = CompletionContent(challenge=local.challenge.id, members=(local.companies["alpha"].id,))
    found = await local.completing.complete(local.speaks("alpha"), begun)
    assert found.teams[0].cells[0].roles == ("A", "B")


async def test_who_may_not_take_part_is_in_no_team_whether_it_matches_or_not(
    sqlite: Database, clock: MovableClock
) -> None:
    town = await founded(await build(sqlite, clock), asked={"eligible_countries": ["FR"]})
    await town.matched({name: ANSWERS[name] for name in ("alpha", "gamma", "delta")})
    found = await town.service.of_challenge(town.buyer, town.challenge.id)
    assert found.consortia
    assert "Delta" not in {name for one in found.consortia for name in names(one)}
    for name in ("beta", "delta"):
        begun = CompletionContent(challenge=town.challenge.id, members=(town.companies[name].id,))
        with pytest.raises(InvalidInput, match="may not take part: Switzerland is not among"):
            await town.completing.begin(town.speaks(name), begun)
