"""Events and subscriptions made by hand, for routing, which is pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from schemas.challenge import Challenge, ChallengeState
from schemas.events import (
    ChallengeAmended,
    ChallengeAnnounced,
    ChallengeMatched,
    ChallengeStepped,
    ChallengeWithdrawn,
    EventData,
    MatchAnswered,
    MatchRetracted,
    MatchSuggested,
    MatchUpdated,
    PairingReminder,
)
from schemas.match import CompanyAnswer, MatchState, MatchSuggestion
from schemas.pairing import PairingSide, PairingState
from schemas.subscription import Follow, Subscription
from services.kernel.identifiers import new_id
from services.kernel.journal import Event
from services.matching.suggested import Told
from services.notification.routing import Concern, concern
from tests.matching.suggestions import suggestion

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
BUYERS = [new_id("org"), new_id("org")]
CLUSTER, FIRM, RIVAL, ILO = (new_id("org") for _ in range(4))
ORGANISATIONS = [*BUYERS, CLUSTER, FIRM, RIVAL, ILO]
CHALLENGES = [new_id("chl"), new_id("chl")]
COMPANIES = [new_id("cmp"), new_id("cmp")]
COUNTRIES = ["FR", "DE", "CH"]


def challenge(number: int = 0, **fields: Any) -> Challenge:
    return Challenge.model_validate(
        {
            "id": CHALLENGES[number],
            "version": 1,
            "state": "announced",
            "title": "Pressure sensor",
            "need": "We need to measure pressure.",
            "buyer": BUYERS[number],
            "buyer_name": "CERN",
            "deadline": date(2027, 2, 1),
            "announced_by": BUYERS[number],
            "announced_at": NOW,
            "changed_at": NOW,
            **fields,
        }
    )


def event(data: EventData, *, audience: frozenset[str] = frozenset(), public: bool = False) -> Event:
    identifier = new_id("evt")
    return Event(
        id=identifier,
        type=data.TYPE,
        subject="",
        key="",
        time=NOW,
        data=data.model_dump(mode="json"),
        audience=audience,
        public=public,
        correlation_id=identifier,
        traceparent=None,
        position=1,
        hash="",
    )


def announced(about: Challenge) -> Concern:
    return concern(event(ChallengeAnnounced(challenge=about), public=True), {})


def amended(about: Challenge) -> Concern:
    return concern(event(ChallengeAmended(challenge=about, changes=()), public=True), {})


def stepped(about: Challenge, told: Mapping[str, Told] | None = None) -> Concern:
    data = ChallengeStepped(challenge=about, before=ChallengeState.announced, headline="…")
    return replace(concern(event(data, public=True), {}), told=told or {})


def withdrawn(about: Challenge) -> Concern:
    return concern(event(ChallengeWithdrawn(challenge=about, reason="…"), public=True), {})


def settled(about: Challenge) -> Concern:
    data = ChallengeMatched(
        challenge=about.id, version=1, suggestions=1, companies=2, countries=1, unanswered=()
    )
    return concern(event(data, public=True), {about.id: about})


def matched(
    about: Challenge,
    *,
    company: str = COMPANIES[0],
    country: str = "FR",
    score: float = 0.5,
    previous: float | None = None,
    retracted: bool = False,
    state: MatchState = MatchState.suggested,
    audience: frozenset[str] = frozenset({FIRM, CLUSTER, *BUYERS}),
) -> Concern:
    made = suggestion(about.id, company, score=score).model_copy(update={"state": state})
    made = made.model_copy(
        update={
            "company": made.company.model_copy(update={"country": country}),
            "challenge": made.challenge.model_copy(update={"buyer": about.buyer}),
        }
    )
    fields = {name: getattr(made, name) for name in MatchSuggestion.model_fields}
    data: EventData
    if retracted:
        data = MatchRetracted(**fields, reason="…")
    elif previous is not None:
        data = MatchUpdated(**fields, previous_score=previous)
    else:
        data = MatchSuggested(**fields)
    return concern(event(data, audience=audience), {about.id: about})


def answered(about: Challenge, *, by: str = FIRM, score: float = 0.5) -> Concern:
    made = suggestion(about.id, COMPANIES[0], score=score)
    data = MatchAnswered(
        match=made.id,
        challenge=made.challenge.model_copy(update={"buyer": about.buyer}),
        company=made.company,
        score=score,
        answer=CompanyAnswer.interested,
        by=by,
        at=NOW,
    )
    return concern(event(data, audience=frozenset({FIRM, CLUSTER, *BUYERS})), {about.id: about})


def subscription(follow: dict[str, Any] | Follow, owner: str = FIRM, **fields: Any) -> Subscription:
    return Subscription.model_validate(
        {
            "id": new_id("sub"),
            "version": 1,
            "owner": owner,
            "follow": follow,
            "endpoint": new_id("end"),
            "created_at": NOW,
            "changed_at": NOW,
            **fields,
        }
    )


challenges = st.builds(
    challenge,
    st.integers(0, 1),
    eligible_countries=st.lists(st.sampled_from(COUNTRIES), unique=True, max_size=2),
    cpv=st.lists(st.sampled_from(["38423000", "38000000", "73120000"]), unique=True, max_size=2),
    language=st.sampled_from(["en", "fr"]),
    trl_start=st.none() | st.integers(1, 4),
    trl_target=st.none() | st.integers(5, 9),
)
audiences = st.frozensets(st.sampled_from(ORGANISATIONS))
scores = st.sampled_from([0.25, 0.4, 0.6, 0.9])
concerns = st.one_of(
    challenges.map(announced),
    challenges.map(amended),
    challenges.map(withdrawn),
    st.builds(
        stepped,
        challenges,
        st.dictionaries(st.sampled_from(COMPANIES), st.builds(Told, scores, audiences)),
    ),
    challenges.map(settled),
    st.builds(
        matched,
        challenges,
        company=st.sampled_from(COMPANIES),
        country=st.sampled_from(COUNTRIES),
        score=scores,
        previous=st.none() | scores,
        retracted=st.booleans(),
        audience=audiences,
    ),
)
follows: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda one: {"kind": "own-profile", "company": one}, st.sampled_from(COMPANIES)),
    st.just({"kind": "members"}),
    st.just({"kind": "query", "query": "pressure sensors"}),
    st.builds(lambda one: {"kind": "challenge", "challenge": one}, st.sampled_from(CHALLENGES)),
    st.builds(lambda one: {"kind": "country", "country": one}, st.sampled_from(COUNTRIES)),
    st.builds(lambda one: {"kind": "bso", "buyer": one}, st.sampled_from(BUYERS)),
)
filters: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "cpv": st.just(["38"]) | st.just(["384"]),
        "countries": st.just(["FR"]) | st.just(["DE", "CH"]),
        "languages": st.just(["fr"]),
        "buyers": st.just([BUYERS[0]]),
        "stages": st.just(["research"]),
        "trl_min": st.integers(1, 9),
        "trl_max": st.integers(1, 9),
    },
)
subscriptions = st.builds(
    subscription,
    follows,
    owner=st.sampled_from(ORGANISATIONS),
    filters=filters,
    threshold=st.none() | scores,
    paused=st.booleans(),
)


def reminder(by: str | None = None, **fields: Any) -> Concern:
    """A deadline of a pairing of both challenges; `fields` are the second one's."""
    sides = [
        PairingSide(
            need=CHALLENGES[number],
            title="Pumps",
            buyer=BUYERS[number],
            buyer_name="CERN",
            announced_by=BUYERS[number],
        )
        for number in (0, 1)
    ]
    data = PairingReminder(
        pairing=new_id("pai"),
        version=1,
        state=PairingState.confirmed,
        first=sides[0],
        second=sides[1],
        by=by,
        at=NOW,
        deadline=new_id("itm"),
        title="Agreement",
        due=date(2027, 1, 1),
        responsible=None,
    )
    known = {one.id: one for one in (challenge(0), challenge(1, **fields))}
    return concern(event(data, audience=frozenset(BUYERS)), known)


def grouped() -> Concern:
    """A group of which the needs of both buyers are two."""
    needs = [{"id": CHALLENGES[number], "buyer": BUYERS[number]} for number in (0, 1)]
    told = replace(reminder().event, type="liaison.pairing.group-formed.v1", data={"needs": needs})
    return concern(told, {one.id: one for one in (challenge(0), challenge(1))})
