"""Outcomes become rows: many in one transaction, and none of an endpoint that another courier serves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import EndpointDisabled
from services.courier import backlog, metrics, model, outcome_sql
from services.courier.backlog import ENDPOINTS, Due, EndpointSnapshot
from services.courier.model import EndpointRow
from services.courier.outcome import Outcome, OutcomeKind
from services.courier.outcome_sql import STATE, Row
from services.courier.schedule import HOUR, MAX_ATTEMPTS, RETRY_AFTER_CAP_S, next_attempt_at
from services.kernel.journal import NewEvent, append

SILENT_LIMIT_S = 5 * 24 * HOUR
"""An endpoint that has failed for so long without one success is switched off."""

Random = Callable[[], float]
"""A number in [0, 1), drawn anew at each call."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A message and what came of it. `outcome` is None for one whose life ended before it was sent."""

    due: Due
    started_at: datetime
    outcome: Outcome | None

    @property
    def ended_at(self) -> datetime:
        if self.outcome is None:
            return self.started_at
        return self.started_at + timedelta(milliseconds=self.outcome.duration_ms)


def record(tx: Connection, settled: Sequence[Settled], *, random: Random) -> datetime | None:
    """Write down outcomes: an attempt each, the state of each delivery. The caller holds the fence.

    Returns the earliest next attempt among them.
    """
    attempts = [_attempt(item, item.outcome) for item in settled if item.outcome is not None]
    states = [_state(item, random) for item in settled]
    sql = outcome_sql.of(tx)
    if attempts:
        tx.execute(sql.insert_attempts, {"batch": sql.batch(attempts)})
    if states:
        tx.execute(sql.update_deliveries, {"batch": sql.batch(states)})
    return min((row[_NEXT] for row in states if row[_NEXT] is not None), default=None)


_NEXT = list(STATE).index("next_attempt_at")


def _attempt(item: Settled, outcome: Outcome) -> Row:
    """A row of `outcome_sql.ATTEMPT`."""
    due = item.due
    return (
        due.id,
        due.attempts + 1,
        item.started_at,
        outcome.reason,
        outcome.status,
        outcome.duration_ms,
        outcome.detail,
        outcome.excerpt,
    )


def _state(item: Settled, random: Random) -> Row:
    """A row of `outcome_sql.STATE`."""
    due, outcome = item.due, item.outcome
    if outcome is None:
        return due.id, model.EXPIRED, due.attempts, due.failures, None, None
    if outcome.kind is OutcomeKind.DELIVERED:
        return due.id, model.DELIVERED, due.attempts + 1, due.failures, None, item.ended_at
    failures = due.failures + 1
    following = next_attempt_at(
        failures,
        now=item.ended_at,
        expires_at=due.expires_at,
        random=random(),
        retry_after_s=outcome.retry_after_s,
    )
    ended = model.EXHAUSTED if failures >= MAX_ATTEMPTS else model.EXPIRED
    state = model.PENDING if following is not None else ended
    return due.id, state, due.attempts + 1, failures, following, None


class Off(NamedTuple):
    """Why an endpoint is to be switched off: in one word, and for its owner."""

    why: str
    sentence: str


def record_health(
    tx: Connection, endpoint: EndpointSnapshot, settled: Sequence[Settled]
) -> tuple[EndpointSnapshot, Off | None]:
    """Write down what the outcomes, in order, say of their endpoint; returns the endpoint as it is now, and
    why it is to be switched off, if it is.

    One success resets the days of failure. 410, or five days without a success, switch off. A Retry-After
    lets the whole endpoint rest.
    """
    failing_since, held_until, gone = endpoint.failing_since, endpoint.held_until, False
    for item in settled:
        outcome, at = item.outcome, item.ended_at
        if outcome is None:
            continue
        if outcome.kind is OutcomeKind.DELIVERED:
            failing_since = None
            continue
        failing_since = failing_since or at
        gone = gone or outcome.kind is OutcomeKind.GONE
        if outcome.retry_after_s:
            asked = at + timedelta(seconds=min(outcome.retry_after_s, RETRY_AFTER_CAP_S))
            held_until = max(held_until or asked, asked)
    if (failing_since, held_until) != (endpoint.failing_since, endpoint.held_until):
        health = {"failing_since": failing_since, "held_until": held_until}
        tx.execute(update(ENDPOINTS).where(ENDPOINTS.c.id == endpoint.id).values(health))
    off: Off | None = None
    if gone:
        off = Off("gone", "The receiver answered 410 Gone: it wants no more webhooks.")
    elif failing_since and (settled[-1].ended_at - failing_since).total_seconds() >= SILENT_LIMIT_S:
        off = Off("silent", f"No delivery has succeeded since {failing_since:%Y-%m-%d %H:%M} UTC.")
    return replace(endpoint, failing_since=failing_since, held_until=held_until), off


@dataclass(frozen=True, slots=True)
class Written:
    """`served`: the endpoints as they are now. One that is missing is served by another courier meanwhile;
    its outcomes were not written, and that courier sends again. `recorded`: the outcomes that were."""

    served: dict[str, EndpointSnapshot]
    recorded: list[Settled]
    to_switch_off: dict[str, Off]
    next_attempt_at: datetime | None


def write_down(
    tx: Connection,
    settled: Sequence[Settled],
    *,
    served: dict[str, EndpointSnapshot],
    holder: str,
    random: Random,
) -> Written:
    """All outcomes of one turn, in the order they came, of the endpoints `served`."""
    by_endpoint: defaultdict[str, list[Settled]] = defaultdict(list)
    for item in settled:
        by_endpoint[item.due.endpoint].append(item)
    held = backlog.still_held(tx, by_endpoint.keys() & served.keys(), holder=holder)
    recorded = [item for item in settled if item.due.endpoint in held]
    following = record(tx, recorded, random=random)
    health = {name: record_health(tx, served[name], by_endpoint[name]) for name in sorted(held)}
    return Written(
        served={name: endpoint for name, (endpoint, _) in health.items()},
        recorded=recorded,
        to_switch_off={name: off for name, (_, off) in health.items() if off is not None},
        next_attempt_at=following,
    )


async def switch_off(
    tx: AsyncSession, endpoint: EndpointSnapshot, off: Off, *, holder: str, now: datetime
) -> bool:
    """Switch the endpoint off and tell its owner, in one transaction; returns whether it was done.

    It is not where its owner was quicker, or where the outcomes that speak for it are another courier's by
    now: that one may have met a success. After a crash just before it, the endpoint's next failure leads here
    again.
    """
    switched = await tx.execute(
        update(EndpointRow)
        .where(
            EndpointRow.id == endpoint.id,
            EndpointRow.state == model.ACTIVE,
            EndpointRow.lease_holder == holder,
            EndpointRow.failing_since == endpoint.failing_since,
        )
        .values(state=model.OFF, reason=off.sentence)
        .returning(EndpointRow.id)
    )
    if switched.first() is None:
        return False
    data = EndpointDisabled(endpoint=endpoint.id, owner=endpoint.owner, reason=off.sentence)
    event = NewEvent(
        type=EndpointDisabled.TYPE,
        subject=f"endpoint/{endpoint.id}",
        key=endpoint.id,
        data=data.model_dump(mode="json"),
        audience=frozenset({endpoint.owner}),
    )
    await append(tx, [event], now=now)
    metrics.SWITCHED_OFF.labels(off.why).inc()
    return True
