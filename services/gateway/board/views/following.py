"""What a subscription follows, in words, and from the fields of the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.codes import country_name
from schemas.delivery import Endpoint
from schemas.subscription import (
    ADDRESSED,
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
    SubscriptionContent,
    Timing,
)
from services.gateway.board.forms import Form, build, new_once, number
from services.gateway.board.ports import BoardPorts
from services.gateway.board.visit import Visit

KINDS = (
    "own-profile",
    "members",
    "query",
    "challenge",
    "country",
    "bso",
    "consortia",
    "gaps",
    "dialogue",
    "pairings",
)
SUBSCRIPTIONS_READ = 200
"""An organisation may have no more."""
_VALUE = {
    "own-profile": "company",
    "query": "query",
    "challenge": "challenge",
    "country": "country",
    "bso": "buyer",
}
"""Name of the field that says which one, by kind."""


@dataclass(frozen=True, slots=True)
class Offered:
    """That something can be followed from the page that shows it. `endpoint`: where its webhooks would go;
    None: nowhere, it would be on the live stream alone. `already`: the reader follows it."""

    endpoint: Endpoint | None
    already: bool
    once: str


async def offered(ports: BoardPorts, visit: Visit, follow: FollowChallenge | FollowQuery) -> Offered | None:
    """None for who may not subscribe."""
    if visit.principal is None or not visit.writes:
        return None
    subscriptions = await ports.subscriptions.list(visit.principal, after=None, limit=SUBSCRIPTIONS_READ)
    endpoints = await ports.endpoints.list(visit.principal, after=None, limit=1)
    already = any(one.follow == follow for one in subscriptions)
    return Offered(endpoints[0] if endpoints else None, already, new_once())


def content(form: Form) -> SubscriptionContent:
    """Raises `InvalidInput` with a sentence per wrong field."""
    kind = form.text("kind")
    follow: dict[str, Any] = {"kind": kind}
    if kind in _VALUE:
        follow[_VALUE[kind]] = form.text(_VALUE[kind])
    endpoint = form.text("endpoint")
    values: dict[str, Any] = {
        "follow": follow,
        "label": form.text("label") or None,
        "threshold": number(form.text("threshold")) if form.text("threshold") else None,
        "channel": endpoint if endpoint in ADDRESSED else "webhook" if endpoint else "sse",
        "endpoint": None if endpoint in ADDRESSED else endpoint or None,
        **when(form),
    }
    prefixes = form.text("cpv").replace(",", " ").split()
    if prefixes:
        values["filters"] = {"cpv": prefixes}
    return build(SubscriptionContent, values)


def when(form: Form) -> dict[str, Any]:
    """When webhooks are to come, of a form that asks for it."""
    budget = form.text("weekly_budget")
    return {
        "timing": form.text("timing") or Timing.instant.value,
        "weekly_budget": number(budget) if budget else None,
    }


def changed(present: Subscription, fields: dict[str, Any]) -> SubscriptionContent:
    """The content of a subscription with some fields changed. Raises `InvalidInput`."""
    content = {name: getattr(present, name) for name in SubscriptionContent.model_fields}
    return build(SubscriptionContent, content | fields)


async def named(ports: BoardPorts, subscriptions: Sequence[Subscription]) -> dict[str, str]:
    """By subscription id: what it follows, with names in the place of ids."""
    companies = await ports.intake.companies.many(
        {one.follow.company for one in subscriptions if isinstance(one.follow, FollowOwnProfile)}
    )
    challenges = await ports.intake.challenges.many(
        {one.follow.challenge for one in subscriptions if isinstance(one.follow, FollowChallenge)}
    )
    buyers = await ports.directory.organisations.many(
        {one.follow.buyer for one in subscriptions if isinstance(one.follow, FollowBuyer)}
    )
    found = {}
    for one in subscriptions:
        match one.follow:
            case FollowOwnProfile(company=company):
                name = companies[company].name if company in companies else company
                words = f"Matches of {name}"
            case FollowMembers():
                words = "Matches of every member that lets us receive them"
            case FollowConsortia():
                words = "Consortia that we have a part in"
            case FollowGaps():
                words = "What the best consortia still lack"
            case FollowQuery(query=query):
                words = f"New challenges near “{query}”"
            case FollowChallenge(challenge=challenge):
                title = challenges[challenge].title if challenge in challenges else challenge
                words = f"The challenge “{title}”"
            case FollowCountry(country=country):
                words = f"What is open to companies of {country_name(country)}"
            case FollowDialogue():
                words = "Questions and answers of the market dialogues"
            case FollowPairings():
                words = "Pairings of our needs with those of other buyers"
            case FollowBuyer(buyer=buyer):
                words = f"Everything of {buyers[buyer].name if buyer in buyers else buyer}"
        found[one.id] = words
    return found
