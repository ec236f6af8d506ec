"""Which subscription asks for which event: properties that must always hold, and each kind by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.challenge import Challenge
from schemas.match import MatchState
from schemas.subscription import Filters, Subscription
from services.kernel.identifiers import new_id
from services.kernel.journal import Event
from services.matching.suggested import Told
from services.notification.routing import ANY, Concern, concern, follow_key, possible_keys, wants
from tests.notification.routes import (
    BUYERS,
    CHALLENGES,
    CLUSTER,
    COMPANIES,
    FIRM,
    ILO,
    NOW,
    RIVAL,
    amended,
    announced,
    answered,
    challenge,
    concerns,
    filters,
    grouped,
    matched,
    reminder,
    settled,
    stepped,
    subscription,
    subscriptions,
    withdrawn,
)

DEFAULT = 0.4


def asks(one: Subscription, about: Concern, *, fit: float | None = None) -> bool:
    return wants(one, about, default_threshold=DEFAULT, query_fit=fit)


@given(subscriptions, concerns, st.none() | st.floats(0, 1))
def test_nobody_is_sent_what_it_may_not_read_or_paused(
    one: Subscription, about: Concern, fit: float | None
) -> None:
    if asks(one, about, fit=fit):
        assert not one.paused
        assert about.event.public or one.owner in about.event.audience


@given(subscriptions, st.lists(concerns, min_size=1, max_size=4), st.none() | st.floats(0, 1))
def test_the_keys_find_every_subscription_that_asks(
    one: Subscription, about: list[Concern], fit: float | None
) -> None:
    keys = possible_keys(about)
    if any(asks(one, each, fit=fit) for each in about):
        kind = one.follow.kind
        assert (kind, follow_key(one.follow, one.owner)) in keys or (
            kind == "country" and (kind, ANY) in keys
        )


@given(subscriptions, concerns, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_lower_threshold_never_hides(
    one: Subscription, about: Concern, fit: float, threshold: float, other: float
) -> None:
    strict, lax = max(threshold, other), min(threshold, other)
    if asks(one.model_copy(update={"threshold": strict}), about, fit=fit):
        assert asks(one.model_copy(update={"threshold": lax}), about, fit=fit)


@given(subscriptions, concerns, filters, st.floats(0, 1))
def test_a_filter_only_ever_takes_away(
    one: Subscription, about: Concern, more: dict[str, Any], fit: float
) -> None:
    open_ = one.model_copy(update={"filters": Filters()})
    closed = one.model_copy(update={"filters": Filters.model_validate(more)})
    if asks(closed, about, fit=fit):
        assert asks(open_, about, fit=fit)


PUBLIC = (announced, amended, stepped, withdrawn)
OWNERS = {FIRM: "firm", RIVAL: "rival", CLUSTER: "cluster", ILO: "ilo", BUYERS[0]: "buyer"}


def _owner_by_name(value: object) -> str | None:
    """Ids are made anew by each process, names of tests must not be."""
    return OWNERS.get(value) if isinstance(value, str) else None


@pytest.mark.parametrize(
    ("follow", "owner", "heard"),
    [
        ({"kind": "own-profile", "company": COMPANIES[0]}, FIRM, {"match"}),
        ({"kind": "own-profile", "company": COMPANIES[0]}, RIVAL, set()),
        ({"kind": "own-profile", "company": COMPANIES[1]}, FIRM, set()),
        ({"kind": "members"}, CLUSTER, {"match"}),
        ({"kind": "members"}, ILO, set()),
        ({"kind": "challenge", "challenge": CHALLENGES[0]}, BUYERS[0], {"match", "news", "settled"}),
        ({"kind": "challenge", "challenge": CHALLENGES[0]}, RIVAL, {"news", "settled"}),
        ({"kind": "challenge", "challenge": CHALLENGES[1]}, BUYERS[0], set()),
        ({"kind": "bso", "buyer": BUYERS[0]}, BUYERS[0], {"match", "news", "settled"}),
        ({"kind": "bso", "buyer": BUYERS[0]}, RIVAL, {"news", "settled"}),
        ({"kind": "bso", "buyer": BUYERS[1]}, RIVAL, set()),
        ({"kind": "country", "country": "FR"}, FIRM, {"match", "news"}),
        ({"kind": "country", "country": "FR"}, RIVAL, {"news"}),
        ({"kind": "country", "country": "DE"}, FIRM, {"news"}),
        ({"kind": "query", "query": "pressure sensors"}, RIVAL, {"news"}),
    ],
    ids=_owner_by_name,
)
def test_what_each_kind_hears(follow: dict[str, Any], owner: str, heard: set[str]) -> None:
    one, about = subscription(follow, owner), challenge()
    found = {
        kind
        for kind, each in (("match", matched(about)), ("settled", settled(about)))
        if asks(one, each, fit=1.0)
    }
    news = {asks(one, make(about), fit=1.0) for make in PUBLIC}
    assert len(news) == 1
    assert found | ({"news"} if news == {True} else set()) == heard


def test_the_side_of_a_company_hears_what_becomes_of_a_challenge_that_was_suggested_to_it() -> None:
    told = {COMPANIES[0]: Told(0.5, frozenset({FIRM, CLUSTER}))}
    closed = stepped(challenge(), told)
    own: dict[str, Any] = {"kind": "own-profile", "company": COMPANIES[0]}
    assert asks(subscription(own, FIRM), closed)
    assert asks(subscription({"kind": "members"}, CLUSTER), closed)
    assert not asks(subscription(own, FIRM, threshold=0.6), closed), "it was not told of the suggestion"
    assert not asks(subscription({"kind": "own-profile", "company": COMPANIES[1]}, FIRM), closed)
    assert not asks(subscription(own, RIVAL), closed), "what is suggested to others is not given away"


def test_a_country_hears_of_what_its_companies_may_answer() -> None:
    one = subscription({"kind": "country", "country": "DE"})
    assert asks(one, announced(challenge(eligible_countries=["DE", "FR"])))
    assert not asks(one, announced(challenge(eligible_countries=["FR"])))


@pytest.mark.parametrize(
    ("score", "previous", "retracted", "heard"),
    [
        (0.39, None, False, False),
        (0.4, None, False, True),
        (0.5, 0.3, False, True),  # it has come above
        (0.3, 0.5, False, True),  # it has fallen below: that is the last that is heard
        (0.3, 0.35, False, False),
        (0.5, None, True, True),
        (0.3, None, True, False),  # nobody was told that it stood
    ],
)
def test_a_match_is_heard_of_when_it_reaches_the_threshold_or_did(
    score: float, previous: float | None, retracted: bool, heard: bool
) -> None:
    one = subscription({"kind": "own-profile", "company": COMPANIES[0]})
    about = matched(challenge(), score=score, previous=previous, retracted=retracted)
    assert asks(one, about) is heard


def test_its_own_answers_move_a_companys_alerts_and_nobody_elses() -> None:
    below = matched(challenge(), score=DEFAULT - 0.05)
    follow = {"kind": "own-profile", "company": COMPANIES[0]}
    for owner, nudge, heard in (
        (FIRM, 0.0, False),
        (FIRM, 0.06, True),
        (FIRM, 0.04, False),
        (BUYERS[0], 0.06, False),
    ):
        one = subscription(follow, owner=owner)
        assert wants(one, below, default_threshold=DEFAULT, nudge=nudge) == heard, (owner, nudge)
    above = matched(challenge(), score=DEFAULT + 0.05)
    assert not wants(subscription(follow, owner=FIRM), above, default_threshold=DEFAULT, nudge=-0.06)
    country = subscription({"kind": "country", "country": "FR"}, owner=FIRM)
    assert wants(country, above, default_threshold=DEFAULT, nudge=-0.06)


def test_the_own_threshold_counts_in_place_of_the_default() -> None:
    follow = {"kind": "own-profile", "company": COMPANIES[0]}
    about = matched(challenge(), score=0.3)
    assert asks(subscription(follow, threshold=0.25), about)
    assert asks(subscription(follow, threshold=0.0), about)
    assert not asks(subscription(follow, threshold=0.31), about)


def test_a_query_hears_of_what_fits_it() -> None:
    one, about = subscription({"kind": "query", "query": "pressure sensors"}), announced(challenge())
    assert asks(one, about, fit=0.4)
    assert not asks(one, about, fit=0.39)
    assert not asks(one, about, fit=None)
    assert asks(one.model_copy(update={"threshold": 0.1}), about, fit=0.2)


FITTING: dict[str, Any] = {
    "cpv": ["38423000"],
    "language": "fr",
    "eligible_countries": ["FR", "CH"],
    "trl_start": 3,
    "trl_target": 7,
    "phases": [{"stage": "prototype"}, {"stage": "manufacturing"}],
}


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        ({}, True),
        ({"cpv": ["38"]}, True),
        ({"cpv": ["73", "38423000"]}, True),
        ({"cpv": ["73"]}, False),
        ({"languages": ["fr", "de"]}, True),
        ({"languages": ["de"]}, False),
        ({"buyers": [BUYERS[0]]}, True),
        ({"buyers": [BUYERS[1]]}, False),
        ({"countries": ["CH"]}, True),
        ({"countries": ["DE"]}, False),
        ({"stages": ["manufacturing"]}, True),
        ({"stages": ["servicing"]}, False),
        ({"trl_min": 7}, True),
        ({"trl_min": 8}, False),
        ({"trl_max": 3}, True),
        ({"trl_max": 2}, False),
        ({"cpv": ["38"], "languages": ["de"]}, False),
    ],
)
@pytest.mark.parametrize("make", [announced, settled])
def test_all_filters_must_hold(wanted: dict[str, Any], passes: bool, make: Any) -> None:
    one = subscription({"kind": "bso", "buyer": BUYERS[0]}, RIVAL, filters=wanted)
    assert asks(one, make(challenge(**FITTING))) is passes


def test_of_a_match_the_country_is_that_of_the_company() -> None:
    one = subscription(
        {"kind": "challenge", "challenge": CHALLENGES[0]}, BUYERS[0], filters={"countries": ["DE"]}
    )
    assert asks(one, matched(challenge(), country="DE"))
    assert not asks(one, matched(challenge(), country="FR"))


def test_a_stage_may_stand_at_a_requirement() -> None:
    requirement = {"id": "r1", "text": "…", "phases": ["servicing"]}
    one = subscription({"kind": "bso", "buyer": BUYERS[0]}, filters={"stages": ["servicing"]})
    assert asks(one, announced(challenge(requirements=[requirement])))


def test_where_a_challenge_says_nothing_of_readiness_it_may_be_any() -> None:
    for wanted in ({"trl_min": 9}, {"trl_max": 1}):
        one = subscription({"kind": "bso", "buyer": BUYERS[0]}, filters=wanted)
        assert asks(one, announced(challenge()))


def test_what_cannot_be_checked_is_not_passed_on() -> None:
    about: Challenge = challenge()
    unknown = Concern(settled(about).event, about.id, None, about.buyer)
    follow = {"kind": "challenge", "challenge": about.id}
    assert asks(subscription(follow), unknown)
    for wanted in (
        {"cpv": ["38"]},
        {"languages": ["en"]},
        {"trl_max": 9},
        {"stages": ["research"]},
        {"countries": ["FR"]},
    ):
        assert not asks(subscription(follow, filters=wanted), unknown)


def test_an_answer_is_told_to_all_who_hear_of_the_match_but_to_whoever_gave_it() -> None:
    own = {"kind": "own-profile", "company": COMPANIES[0]}
    buyer = subscription({"kind": "bso", "buyer": BUYERS[0]}, BUYERS[0])
    firm, cluster = subscription(own, FIRM), subscription({"kind": "members"}, CLUSTER)
    rival = subscription({"kind": "bso", "buyer": BUYERS[0]}, RIVAL)
    by_firm, by_cluster = answered(challenge(), by=FIRM), answered(challenge(), by=CLUSTER)
    assert [asks(one, by_firm) for one in (buyer, firm, cluster, rival)] == [True, False, True, False]
    assert [asks(one, by_cluster) for one in (buyer, firm, cluster, rival)] == [True, True, False, False]
    assert not asks(buyer, answered(challenge(), score=0.3)), "the match itself was not passed on either"


@pytest.mark.parametrize(("state", "company_hears"), [("dismissed", False), ("interested", True)])
def test_what_a_company_dismissed_it_hears_no_more_of(state: str, company_hears: bool) -> None:
    changed = matched(challenge(), previous=0.6, state=MatchState(state))
    for owner, hears in ((FIRM, company_hears), (CLUSTER, company_hears), (BUYERS[0], True)):
        one = subscription({"kind": "bso", "buyer": BUYERS[0]}, owner)
        assert asks(one, changed) is hears


def about_teams(kind: str, room: str = "consortium", **more: Any) -> Concern:
    about = {"id": CHALLENGES[0], "buyer": BUYERS[0]}
    told = Event(
        id=new_id("evt"),
        type=f"liaison.{room}.{kind}.v1",
        subject=f"challenge/{CHALLENGES[0]}",
        key=CHALLENGES[0],
        time=NOW,
        data={"challenge": about},
        correlation_id="c",
        traceparent=None,
        position=1,
        hash="",
        **{"audience": frozenset({FIRM}), "public": False, **more},
    )
    return concern(told, {CHALLENGES[0]: challenge()})


@pytest.mark.parametrize(
    ("follow", "owner", "teams", "gaps"),
    [
        ({"kind": "consortia"}, FIRM, True, False),
        ({"kind": "consortia", "challenge": CHALLENGES[0]}, FIRM, True, False),
        ({"kind": "consortia", "challenge": CHALLENGES[1]}, FIRM, False, False),
        ({"kind": "consortia"}, RIVAL, False, False),
        ({"kind": "gaps"}, RIVAL, False, True),
        ({"kind": "gaps", "challenge": CHALLENGES[1]}, RIVAL, False, False),
        ({"kind": "challenge", "challenge": CHALLENGES[0]}, FIRM, False, False),
        ({"kind": "own-profile", "company": COMPANIES[0]}, FIRM, False, False),
        ({"kind": "bso", "buyer": BUYERS[0]}, FIRM, False, False),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",  # owners are new in every worker
)
def test_consortia_and_gaps_go_to_who_follows_them_and_may_read(
    follow: dict[str, str], owner: str, teams: bool, gaps: bool
) -> None:
    asking = subscription(follow, owner)
    for wanted, one in (
        (teams, about_teams("proposed")),
        (teams, about_teams("sought")),
        (gaps, about_teams("gaps-changed", audience=frozenset(), public=True)),
    ):
        assert wants(asking, one, default_threshold=0.4) is wanted
        filed = (asking.follow.kind, follow_key(asking.follow, owner))
        assert not wanted or filed in possible_keys([one])


@pytest.mark.parametrize(
    ("follow", "owner", "heard"),
    [
        ({"kind": "pairings"}, BUYERS[0], True),
        ({"kind": "pairings"}, BUYERS[1], True),
        ({"kind": "pairings"}, RIVAL, False),
        ({"kind": "challenge", "challenge": CHALLENGES[1]}, BUYERS[0], True),
        ({"kind": "bso", "buyer": BUYERS[1]}, BUYERS[0], True),
        ({"kind": "bso", "buyer": BUYERS[1]}, RIVAL, False),
        ({"kind": "query", "query": "pumps"}, BUYERS[0], False),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",  # owners are new in every worker
)
def test_a_pairing_is_heard_of_by_its_two_buyers_alone(
    follow: dict[str, Any], owner: str, heard: bool
) -> None:
    one = subscription(follow, owner)
    for told in (reminder(), grouped()):
        assert asks(one, told) is heard
        if heard:
            assert (one.follow.kind, follow_key(one.follow, one.owner)) in possible_keys([told])


@pytest.mark.parametrize(
    ("follow", "owner", "question", "answers"),
    [
        ({"kind": "dialogue"}, RIVAL, False, True),
        ({"kind": "dialogue"}, BUYERS[0], True, True),
        ({"kind": "dialogue", "challenge": CHALLENGES[1]}, BUYERS[0], False, False),
        ({"kind": "challenge", "challenge": CHALLENGES[0]}, RIVAL, False, True),
        ({"kind": "bso", "buyer": BUYERS[0]}, RIVAL, False, True),
        ({"kind": "own-profile", "company": COMPANIES[0]}, FIRM, False, False),
        ({"kind": "gaps"}, RIVAL, False, False),
        ({"kind": "pairings"}, BUYERS[0], False, False),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",  # owners are new in every worker
)
def test_answers_of_a_dialogue_go_to_all_who_follow_and_questions_to_the_buyer(
    follow: dict[str, str], owner: str, question: bool, answers: bool
) -> None:
    asking = subscription(follow, owner)
    for heard, one in (
        (question, about_teams("question-received", "dialogue", audience=frozenset({BUYERS[0]}))),
        (answers, about_teams("published", "dialogue", audience=frozenset(), public=True)),
    ):
        assert wants(asking, one, default_threshold=0.4) is heard
        filed = (asking.follow.kind, follow_key(asking.follow, owner))
        assert not heard or filed in possible_keys([one])


def test_what_one_did_oneself_is_no_news_of_a_pairing() -> None:
    told = reminder(by=BUYERS[0])
    heard = [asks(subscription({"kind": "pairings"}, buyer), told) for buyer in BUYERS]
    assert heard == [False, True]


def test_a_filter_lets_a_pairing_through_that_one_of_its_needs_passes() -> None:
    for cpv, passes in (("384", True), ("999", False)):
        one = subscription({"kind": "pairings"}, BUYERS[0], filters={"cpv": [cpv]})
        assert asks(one, reminder(cpv=["38423000"])) is passes
