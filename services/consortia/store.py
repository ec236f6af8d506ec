"""Rows of consortia: read, locked and written. Nothing here asks who may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.consortium import STANDING, Consortium, GapBrief
from services.consortia.model import ConsortiumMemberRow, ConsortiumReviewRow, ConsortiumRow
from services.kernel.upsert import insert_or

ASKED_AT_ONCE = 500
"""Ids named in one query: below SQLite's limit of variables."""

_STANDING = sorted(state.value for state in STANDING)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What is known of the last look at a challenge. `due_at`: when it is to be looked at again."""

    reviewed_at: datetime
    due_at: datetime | None
    conflict: str | None
    gaps: GapBrief | None


async def standing(tx: AsyncSession, challenge: str, *, lock: bool = False) -> list[Consortium]:
    """Those that are there, in the order of their ids. `lock`: nobody else changes them meanwhile."""
    query = (
        select(ConsortiumRow.document)
        .where(ConsortiumRow.challenge == challenge, ConsortiumRow.state.in_(_STANDING))
        .order_by(ConsortiumRow.id)
    )
    return await _parsed(tx, query.with_for_update() if lock else query)


async def find(tx: AsyncSession, consortium: str, *, lock: bool = False) -> Consortium | None:
    query = select(ConsortiumRow.document).where(ConsortiumRow.id == consortium)
    found = await _parsed(tx, query.with_for_update() if lock else query)
    return found[0] if found else None


async def of_challenge(
    tx: AsyncSession, challenge: str, *, gone: bool, visible: ColumnElement[bool]
) -> list[Consortium]:
    """Best first. `gone`: also those that are no more."""
    query = select(ConsortiumRow.document).where(ConsortiumRow.challenge == challenge, visible)
    if not gone:
        query = query.where(ConsortiumRow.state.in_(_STANDING))
    return await _parsed(tx, query.order_by(ConsortiumRow.worth.desc(), ConsortiumRow.id))


def with_a_member(*, owner: str, receives: Collection[str]) -> ColumnElement[bool]:
    """Consortia with a company of this owner's, or one of these."""
    own = ConsortiumMemberRow.owner == owner
    if receives:
        own = own | ConsortiumMemberRow.company.in_(sorted(receives))
    return ConsortiumRow.id.in_(
        select(ConsortiumMemberRow.consortium).where(own, ConsortiumMemberRow.left_at.is_(None))
    )


async def declined(tx: AsyncSession, challenge: str) -> frozenset[str]:
    """Companies that declined a consortium for this challenge."""
    query = select(ConsortiumMemberRow.company).where(
        ConsortiumMemberRow.challenge == challenge, ConsortiumMemberRow.declined_at.is_not(None)
    )
    return frozenset((await tx.execute(query)).scalars())


async def challenges_of(tx: AsyncSession, companies: Collection[str]) -> set[str]:
    """Challenges for which one of these companies is in a consortium that is there."""
    found: set[str] = set()
    asked = sorted(companies)
    for start in range(0, len(asked), ASKED_AT_ONCE):
        query = (
            select(ConsortiumMemberRow.challenge)
            .join(ConsortiumRow, ConsortiumRow.id == ConsortiumMemberRow.consortium)
            .where(
                ConsortiumMemberRow.company.in_(asked[start : start + ASKED_AT_ONCE]),
                ConsortiumMemberRow.left_at.is_(None),
                ConsortiumRow.state.in_(_STANDING),
            )
        )
        found.update((await tx.execute(query)).scalars())
    return found


async def put(tx: AsyncSession, whole: Consortium, *, new: bool, asked_by: str | None = None) -> None:
    """The row and its members: whoever is not in it any more has left."""
    columns: dict[str, Any] = {
        "version": whole.version,
        "state": whole.state.value,
        "worth": whole.worth,
        "deadline": whole.challenge.deadline,
        "document": whole.model_dump(mode="json"),
        "changed_at": whole.changed_at,
    }
    if new:
        await tx.execute(
            insert(ConsortiumRow).values(
                id=whole.id,
                challenge=whole.challenge.id,
                asked_by=asked_by,
                buyer=whole.challenge.buyer,
                announced_by=whole.challenge.announced_by,
                **columns,
            )
        )
    else:
        await tx.execute(update(ConsortiumRow).where(ConsortiumRow.id == whole.id).values(**columns))
    companies = {one.company.id: one.company.owner for one in whole.members if one.company is not None}
    await tx.execute(
        update(ConsortiumMemberRow)
        .where(
            ConsortiumMemberRow.consortium == whole.id,
            ConsortiumMemberRow.company.not_in(sorted(companies)),
            ConsortiumMemberRow.left_at.is_(None),
        )
        .values(left_at=whole.changed_at)
    )
    rows = [
        {"consortium": whole.id, "company": company, "challenge": whole.challenge.id, "owner": owner}
        for company, owner in sorted(companies.items())
    ]
    back = insert_or(tx, ConsortiumMemberRow).on_conflict_do_update(
        index_elements=["consortium", "company"], set_={"left_at": None}
    )
    await tx.execute(back, rows)


async def mark_declined(
    tx: AsyncSession, consortium: str, company: str, *, by: str, note: str | None, at: datetime
) -> None:
    await tx.execute(
        update(ConsortiumMemberRow)
        .where(ConsortiumMemberRow.consortium == consortium, ConsortiumMemberRow.company == company)
        .values(declined_at=at, left_at=at, declined_by=by, note=note)
    )


async def begun(tx: AsyncSession, challenge: str) -> list[tuple[Consortium, str]]:
    """Those that are there and that somebody has begun, with whom, in the order of their ids."""
    query = (
        select(ConsortiumRow.document, ConsortiumRow.asked_by)
        .where(
            ConsortiumRow.challenge == challenge,
            ConsortiumRow.state.in_(_STANDING),
            ConsortiumRow.asked_by.is_not(None),
        )
        .order_by(ConsortiumRow.id)
    )
    return [(Consortium.model_validate(one), str(by)) for one, by in (await tx.execute(query)).all()]


async def reviewed(
    tx: AsyncSession, challenges: Collection[str], *, lock: bool = False
) -> dict[str, Reviewed]:
    """By challenge, of those that were looked at."""
    found: dict[str, Reviewed] = {}
    asked = sorted(challenges)
    for start in range(0, len(asked), ASKED_AT_ONCE):
        query = select(ConsortiumReviewRow).where(
            ConsortiumReviewRow.challenge.in_(asked[start : start + ASKED_AT_ONCE])
        )
        query = query.order_by(ConsortiumReviewRow.challenge)
        for row in (await tx.execute(query.with_for_update() if lock else query)).scalars():
            gaps = None if row.gaps is None else GapBrief.model_validate(row.gaps)
            found[row.challenge] = Reviewed(row.reviewed_at, row.due_at, row.conflict, gaps)
    return found


async def due(tx: AsyncSession, now: datetime, *, limit: int) -> list[str]:
    """Challenges whose consortia are to be thought over by now, the longest waiting first."""
    query = (
        select(ConsortiumReviewRow.challenge)
        .where(ConsortiumReviewRow.due_at <= now)
        .order_by(ConsortiumReviewRow.due_at, ConsortiumReviewRow.challenge)
        .limit(limit)
    )
    return list((await tx.execute(query)).scalars())


async def put_reviewed(
    tx: AsyncSession, challenge: str, *, at: datetime, conflict: str | None, gaps: GapBrief | None
) -> None:
    values = {
        "reviewed_at": at,
        "due_at": None,
        "conflict": conflict,
        "gaps": None if gaps is None else gaps.model_dump(mode="json"),
    }
    await tx.execute(
        insert_or(tx, ConsortiumReviewRow)
        .values(challenge=challenge, **values)
        .on_conflict_do_update(index_elements=["challenge"], set_=values)
    )


async def put_due(tx: AsyncSession, challenge: str, at: datetime) -> None:
    """Unless it is due before that."""
    await tx.execute(
        update(ConsortiumReviewRow)
        .where(
            ConsortiumReviewRow.challenge == challenge,
            or_(ConsortiumReviewRow.due_at.is_(None), ConsortiumReviewRow.due_at > at),
        )
        .values(due_at=at)
    )


async def forget_review(tx: AsyncSession, challenge: str) -> None:
    """Of a challenge that is no more."""
    await tx.execute(delete(ConsortiumReviewRow).where(ConsortiumReviewRow.challenge == challenge))


async def _parsed(tx: AsyncSession, query: Any) -> list[Consortium]:
    documents: Sequence[Any] = (await tx.execute(query)).scalars().all()
    return [Consortium.model_validate(document) for document in documents]
