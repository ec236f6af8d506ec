"""Suggestions that have reached their company: what the courier has delivered moves them to `notified`.

Only a webhook counts, because only there somebody answers for having received it. A live stream has no such
answer: what was written into a connection may lie in a proxy, and nobody need sit before it. Whoever reads
there and opens the match is counted as having seen it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import case, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import DeliverySucceeded, MatchSuggested, MatchUpdated
from schemas.match import MatchState
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.journal.reading import named, subjects
from services.kernel.stream.port import Plan
from services.matching.changes import GONE, Pair
from services.matching.handlers import Clusters
from services.matching.model import MatchRow

BATCH = 32
"""Receipts handled at once, each of up to some hundred deliveries."""
LINGER_S = 0.2
"""A receipt is left lying so long: those of a whole announcement are then handled together, and whoever
matches or delivers meanwhile has the machine to himself."""
ASKED_AT_ONCE = 500
"""Events or pairs named in one query: with two variables each far below what either database takes."""

DIGEST_OF = "subscription/"
"""How the subject of a digest begins."""
SUGGESTIONS = frozenset({MatchSuggested.TYPE, MatchUpdated.TYPE})

T = TypeVar("T")


class MarkNotified:
    """Handler `outreach`: receipts of the courier in, states of suggestions out.

    A suggestion counts as notified once, by the first webhook about it, or digest that lists it, that its
    company's owner or a cluster with the mandate to receive has taken. The buyer's own webhooks do not count,
    nor does one that is older than the suggestion's present life: sent again it tells of what has been
    retracted since.
    """

    name = "outreach"
    consumes = frozenset({DeliverySucceeded.TYPE})
    batch = BATCH

    def __init__(
        self, database: Database, clock: Clock, clusters: Clusters, *, linger_s: float = 0.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._clusters = clusters
        self._linger_s = linger_s

    async def prepare(self, events: Sequence[Event]) -> Plan:
        await asyncio.sleep(self._linger_s)
        takers: defaultdict[str, set[str]] = defaultdict(set)
        for event in events:
            for one in event.data["delivered"]:
                takers[one["event"]].add(one["organisation"])
        reached = await self._reached(takers)
        now = self._clock.now()

        async def plan(tx: AsyncSession) -> None:
            for some in _chunks(reached):
                await tx.execute(_mark(some, now))

        return plan

    async def _reached(self, takers: Mapping[str, set[str]]) -> list[str]:
        """Ids of the suggestions that the events told their companies of."""
        told: defaultdict[Pair, dict[str, datetime]] = defaultdict(dict)
        async with self._database.read() as tx:
            for some in _chunks(sorted(takers)):
                found = await subjects(tx, some)
                news = [(event, subject, at) for event, (subject, at) in found.items()]
                digests = [event for event, subject, _ in news if subject.startswith(DIGEST_OF)]
                news += [each for one in await named(tx, digests) for each in _listed(one)]
                for event, subject, at in news:
                    pair = _pair(subject)
                    if pair is not None:
                        for taker in takers[event]:
                            told[pair][taker] = max(at, told[pair].get(taker, at))
            rows = [row for some in _chunks(sorted(told)) for row in await _waiting(tx, some)]
        clusters = await self._clusters.clusters_of({row.company for row in rows})
        return sorted(
            row.id
            for row in rows
            if any(
                taker == row.company_owner or taker in clusters[row.company]
                for taker, at in told[row.challenge, row.company].items()
                if row.suggested_at is None or at >= row.suggested_at
            )
        )


async def _waiting(tx: AsyncSession, pairs: Sequence[Pair]) -> Sequence[Any]:
    """Of the pairs those whose suggestion stands and nobody was notified of."""
    query = select(
        MatchRow.id, MatchRow.challenge, MatchRow.company, MatchRow.company_owner, MatchRow.suggested_at
    ).where(
        tuple_(MatchRow.challenge, MatchRow.company).in_(pairs),
        MatchRow.notified_at.is_(None),
        MatchRow.state.not_in(GONE),
    )
    return (await tx.execute(query)).all()


def _mark(matches: Sequence[str], now: datetime) -> Any:
    # Locked in the order of their ids, as matching locks them: neither waits for the other in a circle.
    still = (
        select(MatchRow.id)
        .where(MatchRow.id.in_(matches), MatchRow.notified_at.is_(None), MatchRow.state.not_in(GONE))
        .order_by(MatchRow.id)
        .with_for_update()
    )
    state = case(
        (MatchRow.state == MatchState.suggested.value, MatchState.notified.value), else_=MatchRow.state
    )
    return (
        update(MatchRow)
        .where(MatchRow.id.in_(still.scalar_subquery()))
        .values(notified_at=now, state=state)
        .execution_options(synchronize_session=False)
    )


def _pair(subject: str) -> Pair | None:
    """Challenge and company of the subject of a match; None for another subject."""
    match subject.split("/"):
        case ["challenge", challenge, "company", company]:
            return challenge, company
    return None


def _listed(digest: Event) -> list[tuple[str, str, datetime]]:
    """The suggestions that a digest lists, as if each had come by itself: with the time of its own event,
    since the digest may be put together after the suggestion's next life has begun."""
    return [
        (digest.id, item["subject"], datetime.fromisoformat(item["time"]))
        for item in digest.data["items"]
        if item["type"] in SUGGESTIONS
    ]


def _chunks(found: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(found), ASKED_AT_ONCE):
        yield found[start : start + ASKED_AT_ONCE]
