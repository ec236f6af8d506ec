"""What waits and what counts, as rows: read before it is decided, written with what was decided.

All of it happens with the rows of the subscriptions concerned locked, so that two workers never spend the
same budget, and nothing is collected for a subscription that holds nothing back any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.digest import DigestItem
from schemas.subscription import Subscription
from services.kernel.upsert import insert_or
from services.notification.deciding import Asked, Books, Decision
from services.notification.digest import Entry
from services.notification.model import AlertRow, CollectedRow, DigestRow, SubscriptionRow
from services.notification.threads import Stance
from services.notification.timing import BUDGET_WINDOW, next_digest

THREADS_AT_ONCE = 400
"""Pairs of values in one statement: with two variables each far below what either database takes."""


@dataclass(frozen=True, slots=True)
class Due:
    """Since when something waits for a subscription, and when that is due; None: until it is changed."""

    since: datetime
    due_at: datetime | None


async def locked(tx: AsyncSession, ids: Iterable[str]) -> dict[str, Subscription]:
    """Those of the subscriptions that there are and that are not paused, as they stand until the transaction
    ends. Locked in the order of their ids: nobody waits for another in a circle."""
    query = (
        select(SubscriptionRow.document)
        .where(SubscriptionRow.id.in_(sorted(ids)), SubscriptionRow.paused.is_(False))
        .order_by(SubscriptionRow.id)
        .with_for_update()
    )
    found = [Subscription.model_validate(document) for document in (await tx.execute(query)).scalars()]
    return {one.id: one for one in found}


async def books(
    tx: AsyncSession, subscriptions: Collection[Subscription], asked: Sequence[Asked], now: datetime
) -> Books:
    """What was decided before for these subscriptions, as far as it bears on what is asked now."""
    ids = {one.id for one in subscriptions}
    events = sorted({one.event for one in asked})
    waiting: dict[tuple[str, str], Stance] = {}
    known: set[tuple[str, str]] = set()
    keys = sorted({(each.id, one.thread) for one in asked for each in one.asking if each.id in ids})
    for start in range(0, len(keys), THREADS_AT_ONCE):
        some = keys[start : start + THREADS_AT_ONCE]
        query = (
            select(CollectedRow.subscription, CollectedRow.event, CollectedRow.thread, CollectedRow.stance)
            .where(tuple_(CollectedRow.subscription, CollectedRow.thread).in_(some))
            .order_by(CollectedRow.position)
        )
        for row in await tx.execute(query):
            waiting.setdefault((row.subscription, row.thread), Stance(row.stance))
            known.add((row.subscription, row.event))
    budgets = {one.id: one.weekly_budget for one in subscriptions if one.weekly_budget is not None}
    left: dict[str, int] = {}
    if budgets:
        since = now - BUDGET_WINDOW
        await tx.execute(
            delete(AlertRow).where(AlertRow.subscription.in_(sorted(budgets)), AlertRow.sent_at <= since)
        )
        # Counted in full, since a budget may have been lowered meanwhile.
        spent = dict.fromkeys(budgets, 0)
        counted = (
            select(AlertRow.subscription, func.count())
            .where(AlertRow.subscription.in_(sorted(budgets)), AlertRow.sent_at > since)
            .group_by(AlertRow.subscription)
        )
        for name, count in await tx.execute(counted):
            spent[name] = count
        left = {one: max(0, budget - spent[one]) for one, budget in budgets.items()}
        alerts = select(AlertRow.subscription, AlertRow.event).where(
            AlertRow.subscription.in_(sorted(budgets)), AlertRow.event.in_(events)
        )
        known |= {(subscription, event) for subscription, event in await tx.execute(alerts)}
    return Books(left=left, waiting=waiting, known=known)


async def write(tx: AsyncSession, decision: Decision, items: Mapping[str, DigestItem], now: datetime) -> None:
    """`items`: of what is collected, by event. What goes out at once is the caller's to hand over."""
    await _forget(tx, decision.overtaken)
    if decision.collected:
        rows = [_row(one, keeper, items[one.event]) for one, keeper in decision.collected]
        await tx.execute(insert(CollectedRow), rows)
        keepers = {keeper.id: keeper for _, keeper in decision.collected}
        await tx.execute(
            insert_or(tx, DigestRow).on_conflict_do_nothing(),
            [
                {"subscription": one.id, "since": now, "due_at": next_digest(one, now)}
                for one in keepers.values()
            ],
        )
    if decision.counted:
        counted = [{"subscription": one, "event": event, "sent_at": now} for one, event in decision.counted]
        await tx.execute(insert(AlertRow), counted)


def _row(one: Asked, keeper: Subscription, item: DigestItem) -> dict[str, object]:
    if item.match is not None and (by := one.nudges.get(keeper.id)) is not None:
        item = item.model_copy(update={"match": item.match.model_copy(update={"moved": by})})
    return {
        "subscription": keeper.id,
        "event": one.event,
        "thread": one.thread,
        "stance": one.stance.value,
        "score": None if item.match is None else one.worth(keeper),
        "position": one.position,
        "item": item.model_dump(mode="json"),
    }


async def _forget(tx: AsyncSession, overtaken: Collection[tuple[str, str]]) -> None:
    keys = sorted(overtaken)
    for start in range(0, len(keys), THREADS_AT_ONCE):
        some = keys[start : start + THREADS_AT_ONCE]
        await tx.execute(
            delete(CollectedRow)
            .where(tuple_(CollectedRow.subscription, CollectedRow.thread).in_(some))
            .execution_options(synchronize_session=False)
        )


async def entries(tx: AsyncSession, subscription: str) -> list[Entry]:
    """All that waits for its digest, without what it says."""
    columns = (
        CollectedRow.event,
        CollectedRow.thread,
        CollectedRow.stance,
        CollectedRow.score,
        CollectedRow.position,
    )
    rows = await tx.execute(select(*columns).where(CollectedRow.subscription == subscription))
    return [Entry(row.event, row.thread, Stance(row.stance), row.score, row.position) for row in rows]


async def items(tx: AsyncSession, subscription: str, events: Collection[str]) -> dict[str, DigestItem]:
    query = select(CollectedRow.event, CollectedRow.item).where(
        CollectedRow.subscription == subscription, CollectedRow.event.in_(sorted(events))
    )
    return {event: DigestItem.model_validate(item) for event, item in await tx.execute(query)}


async def of(tx: AsyncSession, subscription: str) -> Due | None:
    """None where nothing waits for it."""
    query = select(DigestRow.since, DigestRow.due_at).where(DigestRow.subscription == subscription)
    row = (await tx.execute(query)).first()
    return None if row is None else Due(row.since, row.due_at)


async def due(tx: AsyncSession, now: datetime, *, limit: int) -> list[str]:
    """Subscriptions whose digest is due, the longest first."""
    query = select(DigestRow.subscription).where(DigestRow.due_at <= now)
    rows = await tx.execute(query.order_by(DigestRow.due_at, DigestRow.subscription).limit(limit))
    return list(rows.scalars())


async def put_off(tx: AsyncSession, subscription: str, due_at: datetime | None) -> None:
    """What waits for it is due at another time."""
    await tx.execute(update(DigestRow).where(DigestRow.subscription == subscription).values(due_at=due_at))


async def empty(tx: AsyncSession, subscription: str) -> None:
    """Nothing waits for it any more."""
    for table in (CollectedRow, DigestRow):
        await tx.execute(delete(table).where(table.subscription == subscription))


async def remove(tx: AsyncSession, subscription: str) -> None:
    """The subscription is gone."""
    await empty(tx, subscription)
    await tx.execute(delete(AlertRow).where(AlertRow.subscription == subscription))
