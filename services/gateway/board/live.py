"""What a page that stays open hears: a line for each suggestion that is new, changed, gone or answered.

The same events that /v1/stream carries, as HTML that htmx puts into a list which is not shown; the page's
script counts that list and offers to show the news. Positions of the journal are the ids of the frames, so
a reader that comes back with `Last-Event-ID` misses nothing.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from markupsafe import Markup

from schemas.events import (
    ChallengeAmended,
    ChallengeMatched,
    ChallengeStepped,
    ChallengeWithdrawn,
    CompanyConfirmed,
    CompanyCreated,
    CompanyStale,
    CompanyUpdated,
    CompanyWithdrawn,
    ConsortiumConsented,
    ConsortiumDeclined,
    ConsortiumDissolved,
    ConsortiumFormed,
    ConsortiumIntroduced,
    ConsortiumProposed,
    ConsortiumUpdated,
    DialoguePublished,
    GapsChanged,
    MatchAnswered,
    MatchRetracted,
    MatchSuggested,
    MatchUpdated,
    QuestionReceived,
)
from services.gateway.feed import Feed, Slice
from services.gateway.stream import LIFETIME_S, LIFETIME_SPREAD, RETRY_MS, EventStream, reader_of
from services.kernel.journal.event import Event
from services.kernel.problems import TooManyRequests
from services.kernel.security import Principal

EVENT = "news"
"""Name of the frames that htmx listens for (`sse-swap`)."""

MATCH_KINDS = {
    MatchSuggested.TYPE: "new",
    MatchUpdated.TYPE: "changed",
    MatchRetracted.TYPE: "gone",
    MatchAnswered.TYPE: "answered",
}
OTHER_KINDS = {
    ChallengeMatched.TYPE: "settled",
    ChallengeAmended.TYPE: "amended",
    ChallengeStepped.TYPE: "amended",
    ChallengeWithdrawn.TYPE: "amended",
    CompanyCreated.TYPE: "amended",
    CompanyUpdated.TYPE: "amended",
    CompanyStale.TYPE: "amended",
    CompanyConfirmed.TYPE: "amended",
    CompanyWithdrawn.TYPE: "amended",
}
TEAM_KINDS = dict.fromkeys(
    (
        one.TYPE
        for one in (
            ConsortiumProposed,
            ConsortiumUpdated,
            ConsortiumConsented,
            ConsortiumIntroduced,
            ConsortiumFormed,
            ConsortiumDeclined,
            ConsortiumDissolved,
            GapsChanged,
        )
    ),
    "teams",
)
DIALOGUE_KINDS = dict.fromkeys((one.TYPE for one in (DialoguePublished, QuestionReceived)), "dialogue")
KINDS = MATCH_KINDS | OTHER_KINDS | TEAM_KINDS | DIALOGUE_KINDS


class Live:
    """The live pages of one process. `tail` behind the feed must be running."""

    def __init__(
        self,
        feed: Feed,
        *,
        per_key: int,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._feed = feed
        self._per_key = per_key
        self._monotonic = monotonic
        self._chance = chance
        self._open: Counter[str] = Counter()

    async def position(self) -> int:
        """Where the journal is now. Take it before reading what the page shows: then the page goes on from
        there without a gap."""
        return (await self._feed.start(None)).position

    async def open(self, principal: Principal, concerning: str, after: int | None) -> EventStream:
        """News about one challenge or company, as far as the principal may see them.

        Raises `TooManyRequests` when its key holds its share of streams open already.
        """
        if self._open[principal.key] >= self._per_key:
            raise TooManyRequests(
                f"This session holds {self._per_key} live pages open already. Close one.",
                headers={"Retry-After": "30"},
            )
        start = await self._feed.start(after)
        wanted = Slice(
            reader=reader_of(principal), types=frozenset(KINDS), concerning=frozenset({concerning})
        )
        return EventStream(self._frames(start.position, wanted), self._open, principal.key)

    async def _frames(self, position: int, wanted: Slice) -> AsyncIterator[bytes]:
        until = self._monotonic() + LIFETIME_S * (1 - LIFETIME_SPREAD * self._chance())
        yield f"retry: {RETRY_MS}\nid: {position}\nevent: opened\ndata: -\n\n".encode()
        events = self._feed.follow(position, wanted, until=until, monotonic=self._monotonic)
        async with aclosing(events):
            async for event in events:
                yield frame(event)


def frame(event: Event) -> bytes:
    """One event as a frame of Server-Sent Events; its data is one line of HTML."""
    return f"id: {event.position}\nevent: {EVENT}\ndata: {line(event)}\n\n".encode()


def line(event: Event) -> Markup:
    """A list item that says what happened to which suggestion."""
    kind = KINDS[event.type]
    if event.type not in MATCH_KINDS:
        return Markup('<li data-kind="{}"></li>').format(kind)
    data = event.data
    match, at = ("match", "at") if event.type == MatchAnswered.TYPE else ("id", "changed_at")
    return Markup('<li data-kind="{}" data-match="{}" data-at="{}">{}</li>').format(
        kind,
        data[match],
        data[at],
        " ".join(f"{data['company']['name']}, {data['challenge']['title']}".split()),
    )
