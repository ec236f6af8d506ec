"""What is due, for whom, and who serves it: the courier's questions to the database.

The backlog is asked endpoint by endpoint and never as one queue: the cost of a question does not grow with
what waits for an endpoint that hangs, and none can stand in front of another. Everything here runs inside
`Database.in_one_go`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Integer, String, bindparam, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from services.courier.lease import LEASE_S
from services.courier.model import ACTIVE, ID, EndpointRow
from services.kernel.database import Instant

ENDPOINTS: Any = EndpointRow.__table__


@dataclass(frozen=True, slots=True)
class Waiting:
    """An active endpoint with pending deliveries, the earliest of which may be tried at `due_at`."""

    endpoint: str
    version: int
    due_at: datetime
    held_until: datetime | None
    lease_holder: str | None
    lease_until: datetime | None

    @property
    def ready_at(self) -> datetime:
        """When something may be sent: due, and the receiver's rest over."""
        return max(self.due_at, self.held_until or self.due_at)


_WAITING = text(
    # A loose index scan: one look into the partial index per endpoint that has anything pending.
    """
    WITH RECURSIVE waiting(endpoint_id) AS (
        SELECT MIN(endpoint_id) FROM deliveries WHERE state = 'pending'
        UNION ALL
        SELECT (SELECT MIN(d.endpoint_id) FROM deliveries d
                WHERE d.state = 'pending' AND d.endpoint_id > w.endpoint_id)
        FROM waiting w WHERE w.endpoint_id IS NOT NULL
    )
    SELECT e.id AS endpoint, e.version AS version, e.held_until AS held_until, e.lease_holder AS lease_holder,
           e.lease_until AS lease_until,
           (SELECT MIN(d.next_attempt_at) FROM deliveries d
            WHERE d.state = 'pending' AND d.endpoint_id = e.id) AS due_at
    FROM waiting w JOIN endpoints e ON e.id = w.endpoint_id
    WHERE e.state = 'active'
    """
).columns(
    endpoint=String,
    version=Integer,
    held_until=Instant,
    lease_holder=String,
    lease_until=Instant,
    due_at=Instant,
)


def waiting(tx: Connection) -> list[Waiting]:
    """Every active endpoint with something pending, due or not. Cost: a few index looks per endpoint."""
    rows = (tx.execute(_WAITING)).all()
    return [
        Waiting(row.endpoint, row.version, row.due_at, row.held_until, row.lease_holder, row.lease_until)
        for row in rows
    ]


def oldest_due(tx: Connection, now: datetime) -> datetime | None:
    """Since when the longest is due of what may be sent now: its endpoint is on, and asks for no rest."""
    return min((one.due_at for one in waiting(tx) if one.ready_at <= now), default=None)


def lease(
    tx: Connection, endpoints: Collection[str], *, holder: str, gone: Collection[str], now: datetime
) -> set[str]:
    """Take the endpoints that are free, expired, ours, or of a holder known to be `gone`; returns them.

    Endpoints that another courier is just taking are skipped, not waited for.
    """
    free = or_(
        EndpointRow.lease_holder.is_(None),
        EndpointRow.lease_holder == holder,
        EndpointRow.lease_until <= now,
        EndpointRow.lease_holder.in_(sorted(gone)),
    )
    takeable = (
        select(EndpointRow.id)
        .where(EndpointRow.id.in_(sorted(endpoints)), EndpointRow.state == ACTIVE, free)
        .order_by(EndpointRow.id)
        .with_for_update(skip_locked=True)
    )
    taken = set((tx.execute(takeable)).scalars())
    _extend(tx, taken, holder, now)
    return taken


def renew(tx: Connection, *, holder: str, now: datetime) -> set[str]:
    """Extend all leases of the holder; returns what it still holds. One statement, which sees who is the
    holder when it writes: a courier that was away takes nothing back from its successor."""
    extended = (
        update(ENDPOINTS)
        .where(ENDPOINTS.c.lease_holder == holder)
        .values(lease_until=now + timedelta(seconds=LEASE_S))
        .returning(ENDPOINTS.c.id)
    )
    return set(tx.execute(extended).scalars())


def _extend(tx: Connection, endpoints: Collection[str], holder: str, now: datetime) -> None:
    if endpoints:
        tx.execute(
            update(ENDPOINTS)
            .where(ENDPOINTS.c.id.in_(sorted(endpoints)))
            .values(lease_holder=holder, lease_until=now + timedelta(seconds=LEASE_S))
        )


def release(tx: Connection, *, holder: str, endpoints: Collection[str] | None = None) -> None:
    """Hand leases back: those of the endpoints named, or all."""
    mine = update(ENDPOINTS).where(ENDPOINTS.c.lease_holder == holder)
    if endpoints is not None:
        mine = mine.where(ENDPOINTS.c.id.in_(sorted(endpoints)))
    tx.execute(mine.values(lease_holder=None, lease_until=None))


_STILL_HELD = (
    select(ENDPOINTS.c.id)
    .where(
        ENDPOINTS.c.id.in_(bindparam("ids", expanding=True)), ENDPOINTS.c.lease_holder == bindparam("holder")
    )
    .order_by(ENDPOINTS.c.id)
    .with_for_update(key_share=True)
)


def still_held(tx: Connection, endpoints: Collection[str], *, holder: str) -> set[str]:
    """The fence: which of the endpoints this holder serves now. They stay so until the transaction ends."""
    return set(tx.execute(_STILL_HELD, {"ids": sorted(endpoints), "holder": holder}).scalars())


@dataclass(frozen=True, slots=True)
class EndpointSnapshot:
    """What the courier needs of an endpoint."""

    id: str
    version: int
    owner: str
    url: str
    secrets: tuple[tuple[str, datetime | None], ...]
    """Sealed secrets, newest first, each with the instant until which it signs (None: no end)."""
    state: str
    failing_since: datetime | None
    held_until: datetime | None


_SNAPSHOT = select(
    ENDPOINTS.c.id,
    ENDPOINTS.c.version,
    ENDPOINTS.c.owner,
    ENDPOINTS.c.url,
    ENDPOINTS.c.secrets,
    ENDPOINTS.c.state,
    ENDPOINTS.c.failing_since,
    ENDPOINTS.c.held_until,
).where(ENDPOINTS.c.id.in_(bindparam("ids", expanding=True)))


def snapshots(tx: Connection, endpoints: Collection[str]) -> list[EndpointSnapshot]:
    rows = (tx.execute(_SNAPSHOT, {"ids": list(endpoints)})).all()
    return [
        EndpointSnapshot(
            id=row.id,
            version=row.version,
            owner=row.owner,
            url=row.url,
            secrets=tuple(
                (entry["sealed"], datetime.fromisoformat(entry["until"]) if entry["until"] else None)
                for entry in row.secrets
            ),
            state=row.state,
            failing_since=row.failing_since,
            held_until=row.held_until,
        )
        for row in rows
    ]


class Due(NamedTuple):
    """A message to be sent now. `expired`: its life has ended before it was sent."""

    id: str
    endpoint: str
    attempts: int
    failures: int
    expired: bool | int
    expires: str | datetime
    """As the driver gives it; `expires_at` is what to read."""
    traceparent: str | None
    event: str
    type: str
    body: bytes

    @property
    def expires_at(self) -> datetime:
        """Made on demand: only a failure needs it, and most messages have none."""
        if isinstance(self.expires, datetime):
            return self.expires
        return datetime.fromisoformat(self.expires).replace(tzinfo=UTC)


_COLUMNS = """d.id, d.endpoint_id, d.attempts, d.failures, d.expires_at <= :now, d.expires_at, d.traceparent,
    d.event_id, d.type, b.body"""

_DUE_SQLITE = f"""
    SELECT {_COLUMNS} FROM json_each(:endpoints) w JOIN deliveries d ON d.rowid IN (
        SELECT x.rowid FROM deliveries x
        WHERE x.state = 'pending' AND x.endpoint_id = w.value AND x.next_attempt_at <= :now
          AND x.id NOT IN (SELECT value FROM json_each(:known))
        ORDER BY x.next_attempt_at LIMIT :each)
    JOIN delivery_bodies b ON b.delivery_id = d.id
    """  # noqa: S608 - constants only
_DUE_POSTGRESQL = f"""
    SELECT {_COLUMNS} FROM unnest(:endpoints) w(endpoint_id) CROSS JOIN LATERAL (
        SELECT * FROM deliveries x
        WHERE x.state = 'pending' AND x.endpoint_id = w.endpoint_id AND x.next_attempt_at <= :now
          AND x.id NOT IN (SELECT unnest(:known))
        ORDER BY x.next_attempt_at LIMIT :each) d
    JOIN delivery_bodies b ON b.delivery_id = d.id
    """  # noqa: S608 - constants only


def _due_query(sql: str, *, lists: Any) -> Any:
    return text(sql).bindparams(
        bindparam("endpoints", type_=lists),
        bindparam("known", type_=lists),
        bindparam("now", type_=Instant),
    )


_DUE = {
    "sqlite": _due_query(_DUE_SQLITE, lists=String),
    "postgresql": _due_query(_DUE_POSTGRESQL, lists=ARRAY(ID)),
}


def due(
    tx: Connection, endpoints: Sequence[str], *, known: Sequence[str], each: int, now: datetime
) -> list[Due]:
    """For each endpoint the `each` messages that are longest due, without those already `known`."""
    dialect = tx.dialect.name
    lists: dict[str, Any] = {"endpoints": list(endpoints), "known": list(known)}
    if dialect == "sqlite":
        lists = {name: orjson.dumps(values).decode() for name, values in lists.items()}
    rows = tx.execute(_DUE[dialect], {**lists, "each": each, "now": now})
    return [Due._make(row) for row in rows]
