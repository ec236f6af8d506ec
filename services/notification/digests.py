"""Digests go out: when their hour has come, and when a subscription no longer wants them.

The event, and that nothing waits any more, are one transaction. The webhook follows from the event, as from
any other: its body has the event's place in the journal, which on PostgreSQL it has only after the commit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.digest import Collected, WaitingDigest
from schemas.subscription import Subscription
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.leases import acquire, new_holder
from services.kernel.problems import TransientError
from services.notification import collecting
from services.notification.digest import Entry, Folded, collected, digest, fold
from services.notification.model import CollectedRow, DigestRow
from services.notification.ports import Endpoints
from services.notification.timing import is_held, next_digest

LEASE = "notification.digests"
AT_ONCE = 100
"""Subscriptions looked up at once; each digest goes out in a transaction of its own."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events that wait for digests, the oldest `since` then; `overdue_since`: the hour of the oldest digest
    that should have gone out."""

    events: int
    since: datetime | None
    overdue_since: datetime | None


log = structlog.get_logger("liaison.notification")


class Digests:
    """`run` is called every minute, in every process that handles notification."""

    def __init__(self, database: Database, clock: Clock, endpoints: Endpoints, *, public_url: str) -> None:
        self._database = database
        self._clock = clock
        self._endpoints = endpoints
        self._public_url = public_url
        self._holder = new_holder()

    async def run(self) -> int:
        """Send what is due; returns how many digests. What is another process's turn is left to it. One that
        cannot be put together is told in the log, keeps nobody else from theirs, and stays due."""
        sent = failed = 0
        while True:
            now = self._clock.now()
            async with self._database.read() as tx:
                due = await collecting.due(tx, now, limit=AT_ONCE)
            for name in due:
                try:
                    async with self._database.write() as tx:
                        if await acquire(tx, LEASE, self._holder, now=now) is None:
                            return sent
                        sent += await self._send(tx, name, now)
                except TransientError:
                    raise
                except Exception:
                    failed += 1
                    log.exception("a digest cannot be put together", subscription=name)
            if len(due) < AT_ONCE or failed:
                return sent

    async def _send(self, tx: AsyncSession, name: str, now: datetime) -> bool:
        subscription = (await collecting.locked(tx, [name])).get(name)
        waits = await collecting.of(tx, name)
        if waits is None or waits.due_at is None or waits.due_at > now:
            return False  # changed, or sent, since it was looked at
        if subscription is None:
            await collecting.put_off(tx, name, None)
            return False
        return await self.issue(tx, subscription, now)

    async def issue(self, tx: AsyncSession, subscription: Subscription, now: datetime) -> bool:
        """Put into one event what waits for the subscription, which the caller has locked. False where
        nothing is told: all of it is over, or its endpoint is gone; then it waits until another is named."""
        endpoint = subscription.endpoint
        if endpoint is None or endpoint not in await self._endpoints.existing(tx, {endpoint}):
            await collecting.put_off(tx, subscription.id, None)
            return False
        entries = await collecting.entries(tx, subscription.id)
        what, folded = await _collected(tx, subscription.id, entries)
        await collecting.empty(tx, subscription.id)
        if what is None:
            return False
        data = digest(
            subscription,
            endpoint,
            what,
            folded,
            after=max(0, min(entry.position for entry in entries) - 1),
            until=now,
            public_url=self._public_url,
        )
        event = journal.NewEvent(
            type=data.TYPE,
            subject=f"subscription/{subscription.id}",
            key=subscription.id,
            data=data.model_dump(mode="json"),
            audience=frozenset({subscription.owner}),
        )
        await journal.append(tx, [event], now=now)
        return True

    async def moved(self, tx: AsyncSession, before: Subscription, after: Subscription, now: datetime) -> None:
        """A subscription, which the caller has locked, was changed: what waits for it goes out at another
        time, or as a last digest now if nothing waits for it any more."""
        waits = await collecting.of(tx, after.id)
        if waits is None:
            return
        if after.paused or is_held(after):
            if _pace(before) != _pace(after) or waits.due_at is None:
                await collecting.put_off(tx, after.id, next_digest(after, now))
            return
        last = before.model_copy(update={"endpoint": after.endpoint or before.endpoint})
        if not await self.issue(tx, last, now):
            await collecting.empty(tx, after.id)


async def waiting(tx: AsyncSession, subscription: str) -> WaitingDigest:
    """What the next digest of the subscription would say now."""
    waits = await collecting.of(tx, subscription)
    what, _ = await _collected(tx, subscription, await collecting.entries(tx, subscription))
    return WaitingDigest(
        comes_at=waits.due_at if waits is not None and what is not None else None, collected=what
    )


async def counts(tx: AsyncSession, subscriptions: Collection[str]) -> dict[str, tuple[int, datetime | None]]:
    """By subscription: how many events wait, and when its digest is due. Those for which nothing waits are
    left out."""
    query = (
        select(DigestRow.subscription, func.count(), DigestRow.due_at)
        .join(CollectedRow, CollectedRow.subscription == DigestRow.subscription)
        .where(DigestRow.subscription.in_(sorted(subscriptions)))
        .group_by(DigestRow.subscription, DigestRow.due_at)
    )
    return {name: (count, due_at) for name, count, due_at in await tx.execute(query)}


async def overall(tx: AsyncSession, now: datetime) -> Waiting:
    """Of all subscriptions together."""
    events = await tx.scalar(select(func.count()).select_from(CollectedRow)) or 0
    overdue = func.min(DigestRow.due_at).filter(DigestRow.due_at <= now)
    since, late = (await tx.execute(select(func.min(DigestRow.since), overdue))).one()
    return Waiting(events, since, late)


async def _collected(
    tx: AsyncSession, subscription: str, entries: list[Entry]
) -> tuple[Collected | None, Folded]:
    """None where everything is over again."""
    folded = fold(entries)
    waits = await collecting.of(tx, subscription)
    if waits is None or not folded.standing:
        return None, folded
    items = await collecting.items(tx, subscription, folded.listed)
    return collected(subscription, entries, folded, items, waits.since), folded


def _pace(one: Subscription) -> tuple[object, ...]:
    """What decides when its digest comes."""
    return one.timing, one.weekly_budget is None, one.paused, one.endpoint
