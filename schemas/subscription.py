"""A subscription: what somebody wants to hear about, and how."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.base import (
    ChallengeId,
    CompanyId,
    Contract,
    EndpointId,
    Flag,
    OrganisationId,
    Share,
    SubscriptionId,
    Trl,
    Version,
    Whole,
)
from schemas.challenge import LifecycleStage
from schemas.codes import CountryCode, LanguageCode
from schemas.text import Label, RequirementText

FILTER_MAX = 100
CPV_PREFIX = r"^[0-9]{2,8}$"


class FollowOwnProfile(Contract):
    """Matches of one company's profile, what becomes of the challenges that were suggested to it, and that it
    went stale."""

    kind: Literal["own-profile"] = "own-profile"
    company: CompanyId


class FollowMembers(Contract):
    """The same of every member of the subscriber's cluster that gave it the mandate to receive."""

    kind: Literal["members"] = "members"


class FollowQuery(Contract):
    """New challenges near a saved query, by meaning and words."""

    kind: Literal["query"] = "query"
    query: RequirementText


class FollowChallenge(Contract):
    """A challenge: its changes and its market dialogue, and to those who announced it or buy, its matches."""

    kind: Literal["challenge"] = "challenge"
    challenge: ChallengeId


class FollowCountry(Contract):
    """Announcements open to companies of a country, and matches of its companies as far as visible."""

    kind: Literal["country"] = "country"
    country: CountryCode


class FollowBuyer(Contract):
    """Everything of a Big Science Organisation."""

    kind: Literal["bso"] = "bso"
    buyer: Annotated[str, Field(description="Its handle or its id", max_length=64)]


class FollowConsortia(Contract):
    """Consortia that the subscriber has a part in: with its own companies or members, or for its challenges;
    and that a consortium needs somebody like them. `challenge`: of this one alone."""

    kind: Literal["consortia"] = "consortia"
    challenge: ChallengeId | None = None


class FollowGaps(Contract):
    """What the best consortia still lack: of one challenge, or of all that the filters let through."""

    kind: Literal["gaps"] = "gaps"
    challenge: ChallengeId | None = None


class FollowDialogue(Contract):
    """What is asked and answered in the market dialogue: of one challenge, or of all that the filters let
    through."""

    kind: Literal["dialogue"] = "dialogue"
    challenge: ChallengeId | None = None


class FollowPairings(Contract):
    """Pairings of the subscriber's needs with those of other buyers, and groups of more than two: found, on
    their way, reminders."""

    kind: Literal["pairings"] = "pairings"


Follow = Annotated[
    FollowOwnProfile
    | FollowMembers
    | FollowQuery
    | FollowChallenge
    | FollowCountry
    | FollowBuyer
    | FollowConsortia
    | FollowGaps
    | FollowDialogue
    | FollowPairings,
    Field(discriminator="kind"),
]


class Filters(Contract):
    """All that are given must hold; an empty one holds always."""

    cpv: Annotated[
        tuple[Annotated[str, Field(pattern=CPV_PREFIX)], ...],
        Field(max_length=FILTER_MAX, description="Prefixes of CPV codes"),
    ] = ()
    countries: Annotated[tuple[CountryCode, ...], Field(max_length=FILTER_MAX)] = ()
    languages: Annotated[tuple[LanguageCode, ...], Field(max_length=FILTER_MAX)] = ()
    buyers: Annotated[tuple[OrganisationId, ...], Field(max_length=FILTER_MAX)] = ()
    stages: Annotated[tuple[LifecycleStage, ...], Field(max_length=FILTER_MAX)] = ()
    trl_min: Trl | None = None
    trl_max: Trl | None = None


class Channel(StrEnum):
    """`feed` and `calendar` are read from a secret address of the subscription: by a feed reader as Atom (RFC
    4287), by a calendar as iCalendar (RFC 5545)."""

    webhook = "webhook"
    sse = "sse"
    feed = "feed"
    calendar = "calendar"


ADDRESSED = frozenset({Channel.feed, Channel.calendar})
"""Channels of subscriptions that have an address."""


class Timing(StrEnum):
    """When webhooks come: each event at once, or all of a day or a week in one, the digest. One of a day
    comes at 06:00 UTC, one of a week on Monday at 06:00 UTC; where nothing has happened, none comes. A live
    stream is read whenever its reader likes, and is never held back."""

    instant = "instant"
    daily = "daily"
    weekly = "weekly"


BUDGET_MAX = 1_000
"""More alerts a week than anybody reads."""


class SubscriptionContent(Contract):
    """`threshold`: lowest score of a match that is passed on; None takes the product's default."""

    label: Label | None = None
    follow: Follow
    filters: Filters = Filters()
    threshold: Share | None = None
    channel: Channel = Channel.webhook
    endpoint: Annotated[EndpointId | None, Field(description="Where webhooks go; required by them")] = None
    paused: Flag = False
    timing: Annotated[
        Timing,
        Field(
            description="When webhooks come: `instant`, or one digest of everything `daily` at 06:00 UTC or "
            "`weekly` on Monday at 06:00 UTC"
        ),
    ] = Timing.instant
    weekly_budget: Annotated[
        int | None,
        Field(
            ge=1,
            le=BUDGET_MAX,
            description="At most so many webhooks about matches suggested or updated within any seven days; "
            "the others come in a digest on Monday at 06:00 UTC, the best first. All other events come at "
            "once. With the timing `instant` alone; null: no limit",
        ),
        Whole,
    ] = None


class Subscription(SubscriptionContent):
    id: SubscriptionId
    version: Version
    owner: OrganisationId
    created_at: AwareDatetime
    changed_at: AwareDatetime


class CreatedSubscription(Subscription):
    """The answer to subscribing, and to making the address anew. It is shown this once; who has it reads the
    subscription, without a key."""

    address: Annotated[
        str | None, Field(description="Of the channels `feed` and `calendar`; null for the others")
    ] = None
