"""A digest: what a subscription has asked for within a day or a week, in one event."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.base import Contract, EventId, MatchId, Share, SubscriptionId
from schemas.match import MatchedChallenge, MatchedCompany, Nudged, Strength

ITEMS_MAX = 50
"""Items listed in a digest: more than anybody reads at once, and with a kilobyte each a webhook that every
receiver takes. The rest is counted."""


class DigestedMatch(Contract):
    """The suggestion that an item is about, as it stands now. `score` is everybody's."""

    id: MatchId
    challenge: MatchedChallenge
    company: MatchedCompany
    score: Share
    strength: Strength
    scoring_page: Annotated[str | None, Field(description="Page on how scores come about")] = None
    moved: Annotated[
        Nudged | None,
        Field(
            description="What the reader's own answers add to the score, for the order of this digest alone; "
            "null: nothing"
        ),
    ] = None


class DigestItem(Contract):
    """One thing that has happened, as it stands now: of several events about the same suggestion, challenge,
    team or pairing the newest. `event`, `type`, `subject` and `time` are that event's, which can be read from
    the journal; `new`: it began within the time of the digest; `headline`: one line that says what is wanted,
    by whom, until when, and why."""

    event: EventId
    type: str
    subject: str
    time: AwareDatetime
    new: bool
    headline: str
    page: str
    match: Annotated[
        DigestedMatch | None, Field(description="Of an item about a suggestion; null for others")
    ] = None


class Collected(Contract):
    """What has come together, the best matches first (on the company's side its own answers have moved
    them when they were collected, by `moved`), then everything else, the newest first.
    `since`: when the first of it was collected; `events`: how many events that is; `items`: at most 50;
    `more`: how many further items are not listed; `lapsed`: things that came and went meanwhile, which
    nobody need read."""

    subscription: SubscriptionId
    since: AwareDatetime
    events: Annotated[int, Field(ge=0)]
    items: Annotated[tuple[DigestItem, ...], Field(max_length=ITEMS_MAX)]
    more: Annotated[int, Field(ge=0)]
    lapsed: Annotated[int, Field(ge=0)]


class WaitingDigest(Contract):
    """What waits for the next digest of a subscription. `comes_at`: when that is due; null where nothing
    waits, and while the subscription is paused or its endpoint is gone."""

    comes_at: AwareDatetime | None
    collected: Collected | None
