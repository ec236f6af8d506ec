"""Reading the journal from its newest entry back, for whoever asks now and then what is new: a bounded number
of entries is looked at, however long the journal is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.journal.event import Event
from services.kernel.journal.model import JournalAudience, JournalEntry
from services.kernel.journal.reading import event_of

_TABLE: Any = JournalEntry.__table__


@dataclass(frozen=True, slots=True)
class Wanted:
    """Entries of these types; `key`: of this entity alone; `concerning`: those whose subject names all these
    ids."""

    types: frozenset[str]
    key: str | None = None
    concerning: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest entry of one type about one subject."""

    type: str
    subject: str
    position: int


async def newest(
    tx: AsyncSession, wanted: Wanted, *, reader: str, limit: int, within: int, before: int | None = None
) -> list[Event]:
    """What the organisation `reader` may see of the entries wanted, newest first, at most `limit`, below the
    position `before` (None: from the end). Its own entries are looked at as far as the `within` newest, of
    whatever type; public ones as far as it takes, or, for `concerning`, the `within` newest wanted."""
    met = _met(wanted, reader, within if wanted.concerning else limit, within, before)
    query = select(_TABLE).where(_TABLE.c.position.in_(select(met.c.position).where(*_named(met, wanted))))
    rows = await tx.execute(query.order_by(_TABLE.c.position.desc()).limit(limit))
    return [event_of(row) for row in rows]


async def standing(tx: AsyncSession, wanted: Wanted, *, reader: str, limit: int, within: int) -> list[Mark]:
    """Among the `within` newest of them, of every subject the newest entry of each type, newest first, at
    most `limit`."""
    met = _met(wanted, reader, within, within, None)
    last = func.max(met.c.position).label("last")
    query = select(met.c.type, met.c.subject, last).where(*_named(met, wanted))
    rows = await tx.execute(query.group_by(met.c.type, met.c.subject).order_by(last.desc()).limit(limit))
    return [Mark(row.type, row.subject, row.last) for row in rows]


async def entries(tx: AsyncSession, positions: Collection[int]) -> list[Event]:
    """Those at these few thousand positions, in order; whoever asks."""
    query = select(_TABLE).where(_TABLE.c.position.in_(sorted(positions)))
    return [event_of(row) for row in await tx.execute(query.order_by(_TABLE.c.position))]


def _met(wanted: Wanted, reader: str, limit: int, within: int, before: int | None) -> Subquery:
    """Position, type and subject of the newest of them: nothing of what they say is read."""
    asked = [_TABLE.c.position.is_not(None), _TABLE.c.type.in_(sorted(wanted.types))]
    if before is not None:
        asked.append(_TABLE.c.position < before)
    if wanted.key is not None:
        asked.append(_TABLE.c.key == wanted.key)
    own = select(JournalAudience.number).where(JournalAudience.organisation == reader)
    own = own.order_by(JournalAudience.number.desc()).limit(within)
    columns = (_TABLE.c.position, _TABLE.c.type, _TABLE.c.subject)
    last = _TABLE.c.position.desc()
    either = [
        select(*columns).where(*asked, may_read).order_by(last).limit(limit).subquery()
        for may_read in (_TABLE.c.public, _TABLE.c.number.in_(own))
    ]
    met = union(*(select(one) for one in either)).subquery()
    return select(met).order_by(met.c.position.desc()).limit(limit).subquery()


def _named(met: Subquery, wanted: Wanted) -> list[ColumnElement[bool]]:
    return [met.c.subject.contains(f"/{one}", autoescape=True) for one in sorted(wanted.concerning)]
