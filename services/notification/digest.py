"""A digest from what was collected: without what is over already, as it stands now, best first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.digest import ITEMS_MAX, Collected, DigestItem
from schemas.events import SubscriptionDigest
from schemas.subscription import (
    FollowChallenge,
    FollowConsortia,
    FollowMembers,
    FollowOwnProfile,
    FollowPairings,
    Subscription,
)
from services.notification.threads import Stance


@dataclass(frozen=True, slots=True)
class Entry:
    """A collected event, without what it says. `score`: by which a suggestion stands, or stood, in the order
    of its reader, whose own answers may have moved it."""

    event: str
    thread: str
    stance: Stance
    score: float | None
    position: int


@dataclass(frozen=True, slots=True)
class Folded:
    """`standing`: of each thread the newest event, and whether it is new, in the order of the digest;
    `lapsed`: threads that have begun and ended."""

    standing: list[tuple[Entry, bool]]
    lapsed: int

    @property
    def listed(self) -> list[str]:
        """Events whose items the digest has."""
        return [entry.event for entry, _ in self.standing[:ITEMS_MAX]]


def fold(entries: Sequence[Entry]) -> Folded:
    """Suggestions that stand come first, by `score`; then the others, the newest first."""
    threads: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: one.position):
        threads.setdefault(entry.thread, []).append(entry)
    standing, lapsed = [], 0
    for found in threads.values():
        is_new, newest = found[0].stance is Stance.opens, found[-1]
        if is_new and newest.stance is Stance.ends:
            lapsed += 1
        else:
            standing.append((newest, is_new))
    return Folded(sorted(standing, key=lambda pair: _place(pair[0])), lapsed)


def _place(entry: Entry) -> tuple[bool, float, int]:
    is_match = entry.score is not None and entry.stance is not Stance.ends
    return not is_match, -(entry.score or 0.0) if is_match else 0.0, -entry.position


def collected(
    subscription: str, entries: Sequence[Entry], folded: Folded, items: dict[str, DigestItem], since: datetime
) -> Collected:
    """`items`: those of `folded.listed`, by event."""
    return Collected(
        subscription=subscription,
        since=since,
        events=len(entries),
        items=tuple(
            items[entry.event].model_copy(update={"new": is_new})
            for entry, is_new in folded.standing[:ITEMS_MAX]
        ),
        more=max(0, len(folded.standing) - ITEMS_MAX),
        lapsed=folded.lapsed,
    )


def digest(
    subscription: Subscription,
    endpoint: str,
    what: Collected,
    folded: Folded,
    *,
    after: int,
    until: datetime,
    public_url: str,
) -> SubscriptionDigest:
    """`after`: the position of the journal before the first event collected."""
    return SubscriptionDigest(
        **{name: getattr(what, name) for name in Collected.model_fields},
        owner=subscription.owner,
        label=subscription.label,
        endpoint=endpoint,
        timing=subscription.timing,
        until=until,
        headline=headline(what, folded),
        page=public_url + _path(subscription),
        stream=f"{public_url}/v1/stream?subscription={subscription.id}&after={after}",
    )


def headline(what: Collected, folded: Folded) -> str:
    """How many of what, since when, and the best of it."""
    matches = sum(not _place(entry)[0] for entry, _ in folded.standing)
    others = len(folded.standing) - matches
    counted = []
    if matches:
        counted.append(f"{matches} {'match' if matches == 1 else 'matches'}")
    if others:
        counted.append(f"{others} other {'piece' if others == 1 else 'pieces'} of news")
    said = f"{' and '.join(counted)} since {what.since.day} {what.since:%B %Y}."
    return f"{said} {'The best: ' if matches else ''}{what.items[0].headline}"


def _path(subscription: Subscription) -> str:
    match subscription.follow:
        case FollowOwnProfile(company=company):
            return f"/companies/{company}"
        case FollowMembers():
            return "/companies"
        case FollowChallenge(challenge=challenge):
            return f"/challenges/{challenge}"
        case FollowConsortia():
            return "/consortia"
        case FollowPairings():
            return "/pairings"
        case _:
            return "/"
