"""Who should hear what: written down here once more, so that the product is not judged by its own rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos import market
from tests.chaos.receivers import manner_of

THRESHOLD = 0.25
"""Of every subscription."""

ANNOUNCEMENTS = frozenset({"liaison.challenge.announced.v1", "liaison.challenge.withdrawn.v1"})
MATCHES = frozenset({"liaison.match.suggested.v1", "liaison.match.updated.v1", "liaison.match.retracted.v1"})
JUDGED = ANNOUNCEMENTS | MATCHES

FOLLOWERS_OF_THE_BUYER = 10
FOLLOWERS_OF_ONE_COMPANY = market.COMPANIES
FOLLOWERS_OF_MEMBERS = 4
COUNTRY = "FR"


@dataclass(slots=True)
class Subscription:
    """Of the endpoint with this number. `owner`: a cluster's handle."""

    number: int
    owner: str
    follow: dict[str, Any]
    endpoint: str = ""

    @property
    def is_healthy(self) -> bool:
        return manner_of(self.number).is_healthy

    def wants(self, event: dict[str, Any], owned: dict[str, str]) -> bool:
        """Whether this event of JUDGED, as the journal has it, should arrive. `owned`: handles of the owners
        by company id."""
        data, kind = event["data"], self.follow["kind"]
        if event["type"] in ANNOUNCEMENTS:
            return kind in ("bso", "country")  # all are of one buyer, and open to all
        company = data["company"]
        if owned[company["id"]] != self.owner:
            return False
        if max(data["score"], data.get("previous_score") or 0.0) < THRESHOLD:
            return False
        match kind:
            case "own-profile":
                return bool(company["id"] == self.follow["company"])
            case "country":
                return bool(company["country"] == COUNTRY)
            case _:
                return True


def subscription_of(number: int, companies: Sequence[str]) -> Subscription:
    """What the endpoint with this number follows: the buyer, one company each, all members, a country."""
    place = number
    if place < FOLLOWERS_OF_THE_BUYER:
        follow = {"kind": "bso", "buyer": market.BUYER}
        return Subscription(number, market.CLUSTERS[number % 2], follow)
    place -= FOLLOWERS_OF_THE_BUYER
    if place < FOLLOWERS_OF_ONE_COMPANY:
        follow = {"kind": "own-profile", "company": companies[place]}
        return Subscription(number, market.owner_of(place), follow)
    place -= FOLLOWERS_OF_ONE_COMPANY
    if place < FOLLOWERS_OF_MEMBERS:
        return Subscription(number, market.CLUSTERS[number % 2], {"kind": "members"})
    return Subscription(number, market.CLUSTERS[number % 2], {"kind": "country", "country": COUNTRY})
