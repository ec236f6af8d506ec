"""The route of an event: which subscriptions ask for it. Pure; what it needs to know is handed in.

Three questions, in this order. *May* the owner read the event (public, or in its audience)? Does the
subscription *follow* it? Do its *filters* and its threshold let it through?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.challenge import Challenge
from schemas.match import MatchState
from schemas.subscription import (
    Filters,
    Follow,
    FollowBuyer,
    FollowChallenge,
    FollowConsortia,
    FollowCountry,
    FollowDialogue,
    FollowGaps,
    FollowMembers,
    FollowOwnProfile,
    FollowPairings,
    FollowQuery,
    Subscription,
)
from services.kernel.journal import Event
from services.matching.suggested import Told

ANY = "*"
"""Key of subscriptions that no single entity narrows down."""

ANSWERED = "liaison.match.answered.v1"
MATCHES = frozenset(
    {"liaison.match.suggested.v1", "liaison.match.updated.v1", "liaison.match.retracted.v1", ANSWERED}
)
STEPPED = "liaison.challenge.stepped.v1"
ANNOUNCEMENTS = frozenset(
    {
        "liaison.challenge.announced.v1",
        "liaison.challenge.amended.v1",
        STEPPED,
        "liaison.challenge.withdrawn.v1",
    }
)
SETTLED = "liaison.challenge.matched.v1"
GAPS = "liaison.consortium.gaps-changed.v1"
CONSORTIA = frozenset(
    {
        "liaison.consortium.proposed.v1",
        "liaison.consortium.updated.v1",
        "liaison.consortium.consented.v1",
        "liaison.consortium.introduced.v1",
        "liaison.consortium.formed.v1",
        "liaison.consortium.declined.v1",
        "liaison.consortium.dissolved.v1",
        "liaison.consortium.sought.v1",
    }
)
"""For those who follow consortia alone: others have asked for other events."""
PAIRINGS = frozenset(
    {
        "liaison.pairing.suggested.v1",
        "liaison.pairing.updated.v1",
        "liaison.pairing.step-asked.v1",
        "liaison.pairing.stepped.v1",
        "liaison.pairing.dissolved.v1",
        "liaison.pairing.noted.v1",
        "liaison.pairing.reminder.v1",
        "liaison.pairing.group-formed.v1",
        "liaison.pairing.group-changed.v1",
        "liaison.pairing.group-dissolved.v1",
    }
)
DIALOGUE = frozenset(
    {
        "liaison.dialogue.question-received.v1",
        "liaison.dialogue.question-declined.v1",
        "liaison.dialogue.published.v1",
    }
)
STALE = "liaison.company.stale.v1"
"""About a profile itself, and no challenge: for those who follow it, or their members."""
ROUTED = MATCHES | ANNOUNCEMENTS | CONSORTIA | PAIRINGS | DIALOGUE | {SETTLED, GAPS, STALE}


@dataclass(frozen=True, slots=True)
class Concern:
    """What an event is about, as far as routing asks. `challenge_id` is empty where it is about a profile
    alone, `challenge` None where its data are not at hand.
    `others`: a pairing is about two needs, a group about more, and whoever follows any of them follows it.
    `told`: of a step, the companies that the challenge was suggested to: they hear what becomes of it."""

    event: Event
    challenge_id: str
    challenge: Challenge | None
    buyer: str | None
    company: str | None = None
    company_country: str | None = None
    score: float | None = None
    previous_score: float | None = None
    others: tuple[Concern, ...] = ()
    told: Mapping[str, Told] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[Concern, ...]:
        """Itself and the others."""
        return (self, *self.others)

    @property
    def is_match(self) -> bool:
        return self.event.type in MATCHES


def concern(event: Event, challenges: Mapping[str, Challenge]) -> Concern:
    """Read an event of `ROUTED`; `challenges` by id, for those whose event does not carry them."""
    data: Mapping[str, Any] = event.data
    if event.type in MATCHES:
        match_challenge, company = data["challenge"], data["company"]
        return Concern(
            event,
            match_challenge["id"],
            challenges.get(match_challenge["id"]),
            match_challenge["buyer"],
            company["id"],
            company["country"],
            data["score"],
            data.get("previous_score"),
        )
    if event.type in CONSORTIA | DIALOGUE or event.type == GAPS:
        about = data["challenge"]
        return Concern(event, about["id"], challenges.get(about["id"]), about["buyer"])
    if event.type in PAIRINGS:
        first, *others = (_side(event, side, challenges) for side in _sides(data))
        return replace(first, others=tuple(others))
    if event.type == STALE:
        return Concern(event, "", None, None, data["company"], data["country"])
    if event.type == SETTLED:
        known = challenges.get(data["challenge"])
        return Concern(event, data["challenge"], known, known.buyer if known else None)
    challenge = Challenge.model_validate(data["challenge"])
    return Concern(event, challenge.id, challenge, challenge.buyer)


def paired_needs(event: Event) -> set[str]:
    """Ids of the needs of an event of `PAIRINGS`."""
    return {_need(side) for side in _sides(event.data)}


def _sides(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The needs of a group, or the two of a pairing."""
    return list(data["needs"]) if "needs" in data else [data["first"], data["second"]]


def _side(event: Event, side: Mapping[str, Any], challenges: Mapping[str, Challenge]) -> Concern:
    need = _need(side)
    return Concern(event, need, challenges.get(need), side["buyer"])


def _need(side: Mapping[str, Any]) -> str:
    """A whole pairing names the need `id`, an event of its way `need`."""
    need: str = side.get("need") or side["id"]
    return need


def follow_key(follow: Follow, owner: str) -> str:
    """What a subscription is filed under, beside its kind."""
    match follow:
        case FollowOwnProfile(company=company):
            return company
        case FollowMembers() | FollowPairings():
            return owner
        case FollowChallenge(challenge=challenge):
            return challenge
        case FollowCountry(country=country):
            return country
        case FollowBuyer(buyer=buyer):
            return buyer
        case FollowConsortia():
            return owner
        case FollowGaps(challenge=challenge) | FollowDialogue(challenge=challenge):
            return challenge or ANY
        case FollowQuery():
            return ANY


def possible_keys(concerns: Iterable[Concern]) -> set[tuple[str, str]]:
    """All (kind, key) under which a subscription may be filed that follows one of these events."""
    keys: set[tuple[str, str]] = set()
    for one in concerns:
        if one.event.type in CONSORTIA:
            keys.update(("consortia", organisation) for organisation in one.event.audience)
            continue
        if one.event.type == GAPS:
            keys.update({("gaps", one.challenge_id), ("gaps", ANY)})
            continue
        if one.event.type == STALE:
            assert one.company is not None
            keys.add(("own-profile", one.company))
            keys.update(("members", organisation) for organisation in one.event.audience)
            continue
        if one.event.type in DIALOGUE:
            keys.update({("dialogue", one.challenge_id), ("dialogue", ANY)})
        for side in one.sides:
            keys.add(("challenge", side.challenge_id))
            if side.buyer:
                keys.add(("bso", side.buyer))
        if one.others:
            keys.update(("pairings", organisation) for organisation in one.event.audience)
        if one.is_match:
            assert one.company is not None
            assert one.company_country is not None
            keys.add(("own-profile", one.company))
            keys.add(("country", one.company_country))
            keys.update(("members", organisation) for organisation in one.event.audience)
        elif one.event.type in ANNOUNCEMENTS:
            keys.add(("query", ANY))
            # Open to every country is open to each; which ones are subscribed to, the caller knows.
            countries = one.challenge.eligible_countries if one.challenge else ()
            keys.update(("country", country) for country in countries or (ANY,))
            for company, told in one.told.items():
                keys.add(("own-profile", company))
                keys.update(("members", organisation) for organisation in told.readers)
    return keys


@dataclass(frozen=True, slots=True)
class Wanting:
    """A subscription that asks for an event. `nudge`: what the answers of its own side add to the score of
    the suggestion, for its order alone."""

    subscription: Subscription
    nudge: float = 0.0


def wants(
    subscription: Subscription,
    one: Concern,
    *,
    default_threshold: float,
    query_fit: float | None = None,
    nudge: float = 0.0,
) -> bool:
    """Whether the event goes to the subscriber. `query_fit`: score of a saved query against the challenge;
    `nudge`: how far the company's own answers move the suggestion, which counts on its own side alone."""
    if subscription.paused:
        return False
    if not one.event.public and subscription.owner not in one.event.audience:
        return False
    if _is_stale_to(subscription.owner, one.event):
        return False
    if one.event.type == STALE:
        return _follows_profile(subscription, one)
    threshold = default_threshold if subscription.threshold is None else subscription.threshold
    if one.others:
        return _follows_pairing(subscription.follow, one.sides) and any(
            _passes(subscription.filters, side) for side in one.sides
        )
    return (
        _follows(subscription, one, threshold, query_fit)
        and _passes(subscription.filters, one)
        and _reaches(one, threshold - own_nudge(subscription, one, nudge))
    )


def is_own(subscription: Subscription) -> bool:
    """Whether it is one of the company's side: of its own profile, or of a cluster's members."""
    return isinstance(subscription.follow, FollowOwnProfile | FollowMembers)


def own_nudge(subscription: Subscription, one: Concern, nudge: float) -> float:
    """`nudge`: how far the company's own answers move the suggestion. It counts on its own side alone."""
    return nudge if _is_of_its_side(subscription, one) else 0.0


def _is_of_its_side(subscription: Subscription, one: Concern) -> bool:
    """A buyer may follow a profile too; the answers of the company are not the buyer's."""
    if not one.is_match or not is_own(subscription):
        return False
    challenge = one.event.data["challenge"]
    return subscription.owner not in (challenge["buyer"], challenge["announced_by"])


def _is_stale_to(owner: str, event: Event) -> bool:
    """Whether this is no news to the owner: its own answer or step, or something new about a suggestion that
    its company has dismissed."""
    if event.type == ANSWERED or (event.type in PAIRINGS and event.data.get("by") is not None):
        return bool(event.data["by"] == owner)
    if event.type not in MATCHES or event.data["state"] != MatchState.dismissed:
        return False
    return owner not in (event.data["challenge"]["buyer"], event.data["challenge"]["announced_by"])


def _follows_pairing(follow: Follow, sides: tuple[Concern, ...]) -> bool:
    match follow:
        case FollowPairings():
            return True
        case FollowChallenge(challenge=challenge):
            return any(side.challenge_id == challenge for side in sides)
        case FollowBuyer(buyer=buyer):
            return any(side.buyer == buyer for side in sides)
        case _:
            return False


def _follows_profile(subscription: Subscription, one: Concern) -> bool:
    """Of the filters only the countries are about companies, too."""
    countries = subscription.filters.countries
    if countries and one.company_country not in countries:
        return False
    match subscription.follow:
        case FollowOwnProfile(company=company):
            return one.company == company
        case FollowMembers():
            return True
        case _:
            return False


def _follows(subscription: Subscription, one: Concern, threshold: float, query_fit: float | None) -> bool:
    kind = one.event.type
    match subscription.follow:
        case FollowConsortia(challenge=challenge):
            return kind in CONSORTIA and challenge in (None, one.challenge_id)
        case FollowGaps(challenge=challenge):
            return kind == GAPS and challenge in (None, one.challenge_id)
        case FollowDialogue(challenge=challenge):
            return kind in DIALOGUE and challenge in (None, one.challenge_id)
        case _ if kind in CONSORTIA or kind == GAPS:
            return False
        case FollowOwnProfile(company=company):
            return (one.is_match and one.company == company) or _told(subscription, one, threshold, company)
        case FollowMembers():
            return one.is_match or _told(subscription, one, threshold)
        case FollowChallenge(challenge=challenge):
            return one.challenge_id == challenge
        case FollowBuyer(buyer=buyer):
            return one.buyer == buyer
        case FollowCountry(country=country):
            if one.is_match:
                return one.company_country == country
            return one.event.type in ANNOUNCEMENTS and _open_to(one.challenge, (country,))
        case FollowPairings():
            return False
        case FollowQuery():
            return one.event.type in ANNOUNCEMENTS and query_fit is not None and query_fit >= threshold


def _told(subscription: Subscription, one: Concern, threshold: float, company: str | None = None) -> bool:
    """Whether the challenge was suggested to this company, None: to any, of the subscriber's side. Others who
    follow a profile are not told by a step what was suggested to it."""
    return any(
        told.score >= threshold and subscription.owner in told.readers
        for name, told in one.told.items()
        if company in (None, name)
    )


def _reaches(one: Concern, threshold: float) -> bool:
    """A match counts when it reaches the threshold now, or did when it was last told of."""
    if one.score is None:
        return True
    return max(one.score, one.previous_score or 0.0) >= threshold


def _passes(filters: Filters, one: Concern) -> bool:
    challenge = one.challenge
    if filters.buyers and one.buyer not in filters.buyers:
        return False
    if filters.countries and one.event.type not in CONSORTIA:
        if one.is_match:
            if one.company_country not in filters.countries:
                return False
        elif not _open_to(challenge, filters.countries):
            return False
    if challenge is None:
        # Withdrawn in the meantime and no longer readable: what cannot be checked is not passed on.
        return not (filters.cpv or filters.languages or filters.stages or filters.trl_min or filters.trl_max)
    return (
        (not filters.cpv or any(code.startswith(filters.cpv) for code in challenge.cpv))
        and (not filters.languages or challenge.language in filters.languages)
        and (not filters.stages or _has_stage(challenge, filters))
        and (filters.trl_min is None or (challenge.trl_target or challenge.trl_start or 9) >= filters.trl_min)
        and (filters.trl_max is None or (challenge.trl_start or 1) <= filters.trl_max)
    )


def _has_stage(challenge: Challenge, filters: Filters) -> bool:
    wanted = {stage.value for stage in filters.stages}
    named = {phase.stage.value for phase in challenge.phases}
    named |= {phase.value for requirement in challenge.requirements for phase in requirement.phases}
    return bool(wanted & named)


def _open_to(challenge: Challenge | None, countries: Iterable[str]) -> bool:
    if challenge is None:
        return False
    eligible = challenge.eligible_countries
    return not eligible or any(country in eligible for country in countries)
