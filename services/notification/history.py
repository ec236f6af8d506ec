"""What a subscription has asked for so far, for whoever reads it from its address: by the very rules of
webhooks and streams, as it asks now.

Nothing is kept for it. The journal is read backwards, as far as the bounds below let it: a feed shows what is
new, not all there ever was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.challenge import Challenge, ChallengeState
from schemas.match import CompanyAnswer, MatchState
from schemas.subscription import Subscription
from services.kernel.database import Database
from services.kernel.journal import Event, backwards, head
from services.notification.ports import Dates
from services.notification.router import Router
from services.notification.routing import ANNOUNCEMENTS, ANSWERED, CONSORTIA, MATCHES, PAIRINGS, Concern
from services.notification.sources import STEPS, sources
from services.notification.threads import Stance, stance

PAGE = 100
"""Events read at once: most subscriptions ask for half of what their sources hold, so a page or two will
do."""
PAGES = 10
"""Pages read for one answer, of a subscription that asks for next to nothing: some tenths of a second."""
WITHIN = 5_000
"""Entries of an organisation that are looked at: where they lie, not what they say."""
STANDING = 2_000
"""Things of which a calendar learns how they stand: of a cluster's 300 members six or seven suggestions
each."""

RETRACTED = "liaison.match.retracted.v1"
ALIKE = (MATCHES, ANNOUNCEMENTS, CONSORTIA, PAIRINGS)
"""Types that tell of one and the same thing."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A challenge that takes answers, or did until it was withdrawn. `because`: what the newest events about
    it are about that were asked for, newest first; `told_at`: when the last of them came or it was
    changed."""

    challenge: Challenge
    because: tuple[Concern, ...]
    told_at: datetime


class History:
    def __init__(self, database: Database, router: Router, dates: Dates) -> None:
        self._database = database
        self._router = router
        self._dates = dates

    async def state(self) -> int:
        """What tells whether anything may have happened: how far the journal has come."""
        async with self._database.read() as tx:
            return await head(tx)

    async def newest(self, subscription: Subscription, *, limit: int) -> list[Concern]:
        """What the newest events are about that it asks for, newest first."""
        found: list[Concern] = []
        before: int | None = None
        for _ in range(PAGES):
            page = await self._page(subscription, before)
            found += await self._router.asked(subscription, page)
            if len(found) >= limit or len(page) < PAGE:
                break
            before = page[-1].position
        return found[:limit]

    async def dated(self, subscription: Subscription) -> list[Dated]:
        """The challenges that its events are about, by deadline, as things stand: a suggestion that was
        retracted, or dismissed by its company, is none any more."""
        marks = await self._marks(subscription)
        ahead = await self._dates.ahead({name for mark in marks if (name := _challenge(mark.subject))})
        positions = [mark.position for mark in marks if _challenge(mark.subject) in (None, *ahead)]
        async with self._database.read() as tx:
            events = await backwards.entries(tx, positions)
        withdrawn = {one.id for one in ahead.values() if one.state is ChallengeState.withdrawn}
        threads = _threads(events)
        standing = [one for each in threads if (one := _stands(each, subscription.owner, withdrawn))]
        asked = await self._router.asked(subscription, standing)
        paired = {side.challenge_id for about in asked if about.others for side in about.sides}
        ahead |= await self._dates.ahead(paired - ahead.keys())
        because: dict[str, list[Concern]] = {}
        for about in sorted(asked, key=lambda about: -about.event.position):
            for side in about.sides:
                if side.challenge_id in ahead:
                    because.setdefault(side.challenge_id, []).append(about)
        found = [_dated(ahead[challenge], told) for challenge, told in because.items()]
        return sorted(found, key=lambda one: (one.challenge.deadline, one.challenge.id))

    async def _page(self, subscription: Subscription, before: int | None) -> list[Event]:
        """Of all its sources together, the newest first."""
        found: list[Event] = []
        async with self._database.read() as tx:
            for source in sources(subscription.follow):
                found += await backwards.newest(
                    tx, source, reader=subscription.owner, limit=PAGE, within=WITHIN, before=before
                )
        return sorted(found, key=lambda event: -event.position)[:PAGE]

    async def _marks(self, subscription: Subscription) -> list[backwards.Mark]:
        """Of every subject the newest event of each type."""
        async with self._database.read() as tx:
            return [
                mark
                for source in sources(subscription.follow)
                if source is not STEPS  # what becomes of a challenge is no reason of its own to answer it
                for mark in await backwards.standing(
                    tx, source, reader=subscription.owner, limit=STANDING, within=WITHIN
                )
            ]


def _challenge(subject: str) -> str | None:
    """The challenge that a subject names: `challenge/chl_…/company/cmp_…`."""
    kind, _, rest = subject.partition("/")
    return rest.partition("/")[0] if kind == "challenge" else None


def _threads(events: Iterable[Event]) -> Collection[list[Event]]:
    """Events that speak of the same thing (a suggestion, an announcement, a team, a pairing), in order."""
    found: dict[tuple[str, int | str], list[Event]] = {}
    for event in sorted(events, key=lambda event: event.position):
        place = next((place for place, kinds in enumerate(ALIKE) if event.type in kinds), event.type)
        found.setdefault((event.subject, place), []).append(event)
    return found.values()


def _stands(thread: Sequence[Event], owner: str, withdrawn: Collection[str]) -> Event | None:
    """What the thread has come to; None: to nothing. Of a suggestion what was last told of it, beside the
    answers. One that is gone because its challenge was withdrawn is there, so that this can be told."""
    last = thread[-1]
    if last.type not in MATCHES:
        # a team or a pairing that has ended is no reason; that a challenge was withdrawn can be told
        return None if stance(last) is Stance.ends and last.type not in ANNOUNCEMENTS else last
    told = [event for event in thread if event.type != ANSWERED]
    if not told:
        return None
    if told[-1].type == RETRACTED:
        return told[-1] if told[-1].data["challenge"]["id"] in withdrawn else None
    about = last.data["challenge"]
    if _is_dismissed(last) and owner not in (about["buyer"], about["announced_by"]):
        return None
    return next((event for event in reversed(told) if not _is_dismissed(event)), told[-1])


def _is_dismissed(event: Event) -> bool:
    if event.type == ANSWERED:
        return bool(event.data["answer"] == CompanyAnswer.dismissed)
    return bool(event.data["state"] == MatchState.dismissed)


def _dated(challenge: Challenge, because: Sequence[Concern]) -> Dated:
    told_at = max(challenge.changed_at, because[0].event.time)
    return Dated(challenge, tuple(because), told_at)
