"""Reading the journal by position."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from schemas.events import LedgerErased
from services.kernel.journal.chain import GENESIS, digest, entry_hash
from services.kernel.journal.event import Event
from services.kernel.journal.model import JournalAudience, JournalEntry
from services.kernel.stream.model import Cursor, DeadLetterRow

_TABLE = JournalEntry.__table__
SLICE = 20_000
"""Entries of one organisation up to which all of them are looked at for a page: a tenth of a second, and less
than walking a long journal would take to meet them."""
VERIFY_PAGE = 2_000
"""Entries hashed per query while the whole ledger is verified: bounds memory, not time."""


async def head(tx: AsyncSession) -> int:
    """The last position given, 0 for an empty journal."""
    return (await tx.execute(select(func.max(JournalEntry.position)))).scalar() or 0


async def unsequenced(tx: AsyncSession) -> tuple[int, datetime | None]:
    """How many entries wait for their position, and the time of the oldest of them."""
    query = select(func.count(), func.min(JournalEntry.time)).where(JournalEntry.position.is_(None))
    entries, oldest = (await tx.execute(query)).one()
    return entries, oldest


async def read(
    tx: AsyncSession,
    *,
    after: int,
    limit: int,
    types: Collection[str] | None = None,
    key: str | None = None,
    concerning: Collection[str] = (),
    reader: str | None = None,
) -> list[Event]:
    """Entries with position > `after`, in order, at most `limit`.

    `types` keeps only these event types, `key` one entity's, `concerning` those whose subject names all
    these ids; `reader` keeps what that organisation may see: its own slice and what is public. None reads
    everything.
    """
    wanted = [JournalEntry.position > after]
    if types is not None:
        wanted.append(JournalEntry.type.in_(sorted(types)))
    if key is not None:
        wanted.append(JournalEntry.key == key)
    subject = JournalEntry.subject
    wanted += [subject.contains(f"/{identifier}", autoescape=True) for identifier in sorted(concerning)]
    if reader is not None:
        wanted = [await _readable(tx, reader, wanted, limit)]
    query = select(_TABLE).where(*wanted).order_by(JournalEntry.position).limit(limit)
    return [event_of(row) for row in (await tx.execute(query)).all()]


async def _readable(
    tx: AsyncSession, reader: str, wanted: Sequence[ColumnElement[bool]], limit: int
) -> ColumnElement[bool]:
    """What the organisation may see of the entries wanted, as a condition that finds the first `limit`.

    Where its slice is small, its entries are too rare to be met by walking along the journal: then they are
    taken from the slice, and the public ones from their index. Where it is large, walking soon meets enough.
    """
    own = select(JournalAudience.number).where(JournalAudience.organisation == reader)
    counted = select(func.count()).select_from(own.limit(SLICE).subquery())
    if (await tx.scalar(counted) or 0) == SLICE:
        return and_(*wanted, or_(JournalEntry.public, JournalEntry.number.in_(own)))
    either = [
        select(JournalEntry.number)
        .where(*wanted, may_read)
        .order_by(JournalEntry.position)
        .limit(limit)
        .subquery()
        for may_read in (JournalEntry.public, JournalEntry.number.in_(own))
    ]
    return JournalEntry.number.in_(union(*(select(one.c.number) for one in either)))


async def named(tx: AsyncSession, ids: Collection[str]) -> list[Event]:
    """Entries with these event ids, in order; whoever asks. Those that have no position yet are left out."""
    query = select(_TABLE).where(JournalEntry.id.in_(sorted(ids)), JournalEntry.position.is_not(None))
    return [event_of(row) for row in (await tx.execute(query.order_by(JournalEntry.position))).all()]


async def subjects(tx: AsyncSession, ids: Collection[str]) -> dict[str, tuple[str, datetime]]:
    """Subject and time of the entries with these event ids, without what they say; whoever asks."""
    query = select(JournalEntry.id, JournalEntry.subject, JournalEntry.time)
    rows = await tx.execute(query.where(JournalEntry.id.in_(sorted(ids))))
    return {row.id: (row.subject, row.time) for row in rows}


def event_of(row: Row[Any]) -> Event:
    return Event(
        id=row.id,
        type=row.type,
        subject=row.subject,
        key=row.key,
        time=row.time,
        data=row.data,
        audience=frozenset(row.audience),
        public=row.public,
        correlation_id=row.correlation_id,
        traceparent=row.traceparent,
        position=row.position,
        hash=row.hash,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of verifying the ledger. `broken_at` is the first position that does not fit, or None.
    `erased`: positions from which words were taken, as the ledger itself tells."""

    entries: int
    head: str
    broken_at: int | None = None
    reason: str = ""
    erased: tuple[int, ...] = ()


async def verify(tx: AsyncSession) -> Verdict:
    """Walk the whole chain: detects the first changed, removed or reordered entry. One from which words were
    erased fits as it is, if a later entry of the chain says so and leads over it by its hashes. An end that
    was cut off shows where other tables still speak of it: who may read an entry, and how far services have
    read. Whoever tidied these up is found by a checkpoint alone.
    """
    previous, position = GENESIS, 0
    read_to, shared = await _spoken_of(tx)  # before the walk: what is written meanwhile is walked over too
    erased = await erasures(tx)
    while True:
        try:
            page = await _entries(tx, position, VERIFY_PAGE)
        except (ValueError, TypeError):
            # One of them cannot even be read: up to that one they are looked at one by one.
            return await _first_unreadable(tx, position, previous, erased)
        if not page:
            if read_to > position or shared > await _highest(tx, JournalEntry.number):
                return Verdict(position, previous, position + 1, "it is missing, and spoken of elsewhere")
            return Verdict(entries=position, head=previous, erased=tuple(sorted(erased)))
        for row in page:
            if (verdict := _misfit(row, position, previous, erased)) is not None:
                return verdict
            previous, position = row.hash, row.position


async def _spoken_of(tx: AsyncSession) -> tuple[int, int]:
    """The last position that a service has read, and the last number of an entry that somebody may read."""
    read_to = max(await _highest(tx, Cursor.position), await _highest(tx, DeadLetterRow.position))
    return read_to, await _highest(tx, JournalAudience.number)


async def _highest(tx: AsyncSession, column: InstrumentedAttribute[Any]) -> int:
    return await tx.scalar(select(func.max(column))) or 0


async def hashes(tx: AsyncSession, positions: Collection[int]) -> dict[int, str]:
    """The hashes of the entries at these positions, of those that there are."""
    query = select(JournalEntry.position, JournalEntry.hash).where(JournalEntry.position.in_(positions))
    return {row.position: row.hash for row in await tx.execute(query)}


async def _entries(tx: AsyncSession, after: int, limit: int) -> Sequence[Row[Any]]:
    query = select(_TABLE).where(JournalEntry.position > after).order_by(JournalEntry.position).limit(limit)
    return (await tx.execute(query)).all()


async def erasures(tx: AsyncSession) -> dict[int, dict[str, Any]]:
    """What the ledger tells last of each entry from which words were erased, by position."""
    query = (
        select(JournalEntry.data).where(JournalEntry.type == LedgerErased.TYPE).order_by(JournalEntry.number)
    )
    try:
        told = (await tx.execute(query)).scalars().all()
        return {one["position"]: one for data in told for one in data["entries"]}
    except (ValueError, TypeError, KeyError):
        return {}  # somebody changed what is told: then the chain is broken there


async def _first_unreadable(
    tx: AsyncSession, position: int, previous: str, erased: Mapping[int, Mapping[str, Any]]
) -> Verdict:
    while True:
        try:
            rows = await _entries(tx, position, 1)
        except (ValueError, TypeError):
            return Verdict(position, previous, position + 1, "the entry cannot be read any more")
        if not rows:
            return Verdict(entries=position, head=previous)
        if (verdict := _misfit(rows[0], position, previous, erased)) is not None:
            return verdict
        previous, position = rows[0].hash, rows[0].position


def _misfit(
    row: Row[Any], position: int, previous: str, erased: Mapping[int, Mapping[str, Any]]
) -> Verdict | None:
    """What is wrong with the entry that comes after `position`; None if nothing is."""
    if row.position != position + 1:
        return Verdict(position, previous, position + 1, "an entry is missing here")
    try:
        fits = entry_hash(previous, row.position, row._mapping) == row.hash
        if not fits and (told := erased.get(row.position)) is not None:
            as_told = (told["previous"], told["hash"], told["digest"])
            fits = (previous, row.hash, digest(row._mapping)) == as_told
    except (ValueError, TypeError, AttributeError, KeyError):  # not of the kind that the journal writes
        fits = False
    return None if fits else Verdict(position, previous, row.position, "the entry is not what was hashed")
