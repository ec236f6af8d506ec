"""What everybody may read of challenges, as feeds and calendars show it: the newest, and those that are
due."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from schemas.challenge import Challenge, ChallengeState
from services.directory.service import Directory
from services.intake import challenge_store as store
from services.intake.challenge_store import ChallengeFilter
from services.intake.completion import LAST_ZONE, last_open_day
from services.intake.model import ChallengeRow
from services.kernel.clock import Clock
from services.kernel.database import Database

_TABLE: Any = ChallengeRow.__table__


@dataclass(frozen=True, slots=True)
class State:
    """Of all that was announced: when it was changed last (None: nothing was yet), how many challenges and
    versions there are (every change makes one), and since when no other deadline has passed."""

    changed_at: datetime | None
    challenges: int
    versions: int
    day_began_at: datetime

    @property
    def due_changed_at(self) -> datetime:
        """When what takes answers was changed last: by somebody, or by a deadline that has passed."""
        return self.day_began_at if self.changed_at is None else max(self.changed_at, self.day_began_at)


class Publication:
    """Announced challenges, whoever asks: drafts are in none of it."""

    def __init__(self, database: Database, clock: Clock, directory: Directory) -> None:
        self._database = database
        self._clock = clock
        self._directory = directory

    async def newest(self, wanted: ChallengeFilter, *, limit: int) -> list[Challenge]:
        """What was announced, amended or withdrawn last, the newest first. `wanted.buyer` may be a handle."""
        order = (_TABLE.c.changed_at.desc(), _TABLE.c.id.desc())
        return await self._list(await self._conditions(wanted), order, limit)

    async def due(self, wanted: ChallengeFilter, *, limit: int) -> list[Challenge]:
        """Those that take answers, the first deadline first. `wanted.buyer` may be a handle."""
        is_open = store.is_open(last_open_day(self._clock.now()))
        order = (_TABLE.c.deadline, _TABLE.c.id)
        return await self._list([*await self._conditions(wanted), is_open], order, limit)

    async def ahead(self, ids: Collection[str]) -> dict[str, Challenge]:
        """By id, those of these few thousand whose deadline has not passed and that take answers, or did
        until they were withdrawn."""
        if not ids:
            return {}
        day = last_open_day(self._clock.now())
        is_there = store.is_open(day) | (store.is_in({ChallengeState.withdrawn}) & (_TABLE.c.deadline >= day))
        conditions = [store.is_published(), _TABLE.c.id.in_(sorted(ids)), is_there]
        found = await self._list(conditions, (_TABLE.c.id,), len(ids))
        return {one.id: one for one in found}

    async def state(self) -> State:
        """What tells a change of any of all this from none."""
        versions = func.coalesce(func.sum(_TABLE.c.version), 0)
        query = select(func.max(_TABLE.c.changed_at), func.count(), versions).where(store.is_published())
        async with self._database.read() as tx:
            changed_at, challenges, versions_ = (await tx.execute(query)).one()
        return State(changed_at, challenges, int(versions_), self._day_began_at())

    def _day_began_at(self) -> datetime:
        """A day ends when it has ended everywhere."""
        now = self._clock.now()
        return (now - LAST_ZONE).replace(hour=0, minute=0, second=0, microsecond=0) + LAST_ZONE

    async def _conditions(self, wanted: ChallengeFilter) -> list[ColumnElement[bool]]:
        if wanted.buyer is not None:
            buyer = await self._directory.organisation_by_handle_or_id(wanted.buyer)
            wanted = replace(wanted, buyer=buyer.id if buyer is not None else "")
        return [*wanted.conditions(), store.is_published()]

    async def _list(
        self, wanted: Sequence[ColumnElement[bool]], order: Sequence[Any], limit: int
    ) -> list[Challenge]:
        query = select(_TABLE.c.document).where(*wanted).order_by(*order).limit(limit)
        async with self._database.read() as tx:
            return [Challenge.model_validate(one) for one in (await tx.execute(query)).scalars()]
