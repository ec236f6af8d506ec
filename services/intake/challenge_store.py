"""Rows of challenges: written, read and listed. Nothing here asks who may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, func, insert, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import (
    OPEN_STATES,
    Challenge,
    ChallengeContent,
    ChallengeState,
    ChallengeVersion,
    Change,
    DraftReaders,
)
from services.intake.model import ChallengeRow, ChallengeVersionRow

_TABLE = ChallengeRow.__table__
_VERSIONS = ChallengeVersionRow.__table__


@dataclass(frozen=True, slots=True)
class ChallengeFilter:
    """What a list is narrowed to; None leaves that open.

    `country`: companies from there may answer. `cpv`: the beginning of a code. `text`: occurs in title,
    need or buyer's name, in any case; `words`: each of them does. `due_from`, `due_until`: the deadline, both
    ends included. `open_on`: matched on that day.
    """

    state: ChallengeState | None = None
    buyer: str | None = None
    country: str | None = None
    cpv: str | None = None
    text: str | None = None
    due_from: date | None = None
    due_until: date | None = None
    words: tuple[str, ...] = ()
    open_on: date | None = None
    language: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.state is not None:
            found.append(_TABLE.c.state == self.state.value)
        if self.buyer is not None:
            found.append(_TABLE.c.buyer == self.buyer)
        if self.country is not None:
            named = _TABLE.c.countries.contains(f"|{self.country}|", autoescape=True)
            found.append(or_(_TABLE.c.countries == "", named))
        if self.cpv is not None:
            found.append(_TABLE.c.cpv.contains(f"|{self.cpv}", autoescape=True))
        wanted = [self.text, *self.words] if self.text is not None else self.words
        found.extend(_TABLE.c.search.contains(text.casefold(), autoescape=True) for text in wanted)
        if self.open_on is not None:
            found.append(is_open(self.open_on))
        if self.language is not None:
            found.append(_says("language") == self.language)
        if self.due_from is not None:
            found.append(_TABLE.c.deadline >= self.due_from)
        if self.due_until is not None:
            found.append(_TABLE.c.deadline <= self.due_until)
        return found


@dataclass(frozen=True, slots=True)
class Stored:
    """A challenge and whether everybody may read it."""

    challenge: Challenge
    published: bool


def content_of(challenge: Challenge) -> ChallengeContent:
    """The part that its announcer writes."""
    return ChallengeContent.model_construct(
        **{name: getattr(challenge, name) for name in ChallengeContent.model_fields}
    )


async def put(
    tx: AsyncSession,
    challenge: Challenge,
    *,
    published: bool,
    changes: Sequence[Change] = (),
    changed_by: str,
    reason: str | None = None,
) -> None:
    """Write this version as the present one, and into the versions.

    The caller has read the present row in this transaction with `find(lock=True)`.
    """
    document = challenge.model_dump(mode="json")
    columns = {
        "version": challenge.version,
        "state": challenge.state.value,
        "published": published,
        "buyer": challenge.buyer,
        "announced_by": challenge.announced_by,
        "deadline": challenge.deadline,
        "countries": _joined(challenge.eligible_countries),
        "cpv": _joined(challenge.cpv),
        "search": f"{challenge.title}\n{challenge.buyer_name}\n{challenge.need}".casefold(),
        "document": document,
        "changed_at": challenge.changed_at,
    }
    if challenge.version == 1:
        await tx.execute(insert(ChallengeRow).values(id=challenge.id, **columns))
    else:
        await tx.execute(update(ChallengeRow).where(_TABLE.c.id == challenge.id).values(columns))
    await tx.execute(
        insert(ChallengeVersionRow).values(
            challenge=challenge.id,
            version=challenge.version,
            published=published,
            document=document,
            changes=[change.model_dump(mode="json") for change in changes],
            changed_by=changed_by,
            changed_at=challenge.changed_at,
            reason=reason,
        )
    )


async def find(tx: AsyncSession, challenge: str, *, lock: bool = False) -> Stored | None:
    """By id. `lock`: nobody else changes it until this transaction ends."""
    query = select(_TABLE.c.document, _TABLE.c.published).where(_TABLE.c.id == challenge)
    row = (await tx.execute(query.with_for_update() if lock else query)).first()
    return Stored(_challenge(row.document), row.published) if row else None


async def many(tx: AsyncSession, ids: Collection[str]) -> dict[str, Challenge]:
    """By id, drafts and withdrawn ones too; unknown ones are left out."""
    rows = await tx.execute(select(_TABLE.c.document).where(_TABLE.c.id.in_(sorted(ids))))
    found = [_challenge(row.document) for row in rows]
    return {challenge.id: challenge for challenge in found}


async def page(
    tx: AsyncSession, wanted: Sequence[ColumnElement[bool]], *, after: str | None, limit: int
) -> list[Challenge]:
    """Newest first, from behind the id `after`: ids begin with the time they were made."""
    query: Select[Any] = select(_TABLE.c.document).where(*wanted)
    if after is not None:
        query = query.where(_TABLE.c.id < after)
    rows = await tx.execute(query.order_by(_TABLE.c.id.desc()).limit(limit))
    return [_challenge(row.document) for row in rows]


async def ids_among(
    tx: AsyncSession, wanted: Sequence[ColumnElement[bool]], asked: Collection[str]
) -> Sequence[str]:
    """Those of these few hundred ids that fulfil the conditions."""
    query = select(_TABLE.c.id).where(*wanted, _TABLE.c.id.in_(sorted(asked)))
    return (await tx.execute(query)).scalars().all()


async def version(tx: AsyncSession, challenge: str, number: int) -> Stored | None:
    query = select(_VERSIONS.c.document, _VERSIONS.c.published).where(
        _VERSIONS.c.challenge == challenge, _VERSIONS.c.version == number
    )
    row = (await tx.execute(query)).first()
    return Stored(_challenge(row.document), row.published) if row else None


async def versions(
    tx: AsyncSession, challenge: str, *, published_only: bool, before: int | None, limit: int
) -> list[ChallengeVersion]:
    """Newest first, from below the version `before`."""
    query = select(_VERSIONS).where(_VERSIONS.c.challenge == challenge)
    if published_only:
        query = query.where(_VERSIONS.c.published)
    if before is not None:
        query = query.where(_VERSIONS.c.version < before)
    rows = await tx.execute(query.order_by(_VERSIONS.c.version.desc()).limit(limit))
    return [
        ChallengeVersion(
            version=row.version,
            state=row.document["state"],
            title=row.document["title"],
            changed_at=row.changed_at,
            changed_by=row.changed_by,
            changes=tuple(Change.model_validate(change) for change in row.changes),
            reason=row.reason,
        )
        for row in rows
    ]


async def states(tx: AsyncSession, challenge: str) -> dict[ChallengeState, datetime]:
    """Those of its public versions, each with the first instant."""
    state = _VERSIONS.c.document.op("->>", return_type=String())(literal_column("'state'")).label("state")
    query = (
        select(state, func.min(_VERSIONS.c.changed_at).label("at"))
        .where(_VERSIONS.c.challenge == challenge, _VERSIONS.c.published)
        .group_by(state)
    )
    return {ChallengeState(row.state): row.at for row in await tx.execute(query)}


def is_published() -> ColumnElement[bool]:
    return _TABLE.c.published


def is_announced_by(organisation: str) -> ColumnElement[bool]:
    return _TABLE.c.announced_by == organisation


def is_draft_for(readers: Collection[DraftReaders]) -> ColumnElement[bool]:
    """A draft whose owner lets these read it. Rows of older releases say nothing, which is the owner
    alone."""
    return (_TABLE.c.state == ChallengeState.draft.value) & _says("draft_readers").in_(sorted(readers))


def is_open(day: date) -> ColumnElement[bool]:
    """Matched: in an open state, with a deadline not before this day."""
    states = sorted(state.value for state in OPEN_STATES)
    return _TABLE.c.state.in_(states) & (_TABLE.c.deadline >= day)


def is_in(states: Collection[ChallengeState]) -> ColumnElement[bool]:
    return _TABLE.c.state.in_(sorted(state.value for state in states))


def _says(field: str) -> ColumnElement[str]:
    """A field of the document that has no column of its own."""
    return _TABLE.c.document.op("->>", return_type=String())(literal_column(f"'{field}'"))


def _challenge(document: Any) -> Challenge:
    return Challenge.model_validate(document)


def _joined(codes: Sequence[str]) -> str:
    return f"|{'|'.join(codes)}|" if codes else ""
