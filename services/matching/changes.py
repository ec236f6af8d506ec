"""What changed between the suggestions that stood and those that stand now; only that is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import EventData, MatchRetracted, MatchSuggested, MatchUpdated
from schemas.match import MatchState, MatchSuggestion
from services.matching.model import MatchRow

Pair = tuple[str, str]
"""Challenge id, company id."""

GONE = (MatchState.retracted.value, MatchState.superseded.value, MatchState.expired.value)
"""States in which a suggestion does not stand."""

_OF_THE_ROW = {"id": True, "state": True, "because": True, "suggested_at": True, "changed_at": True}
"""Fields that say when and why a suggestion was made, not what it says."""
_SILENT: dict[str, Any] = {
    **_OF_THE_ROW,
    "improvement": True,
    "likelihood": True,
    "scoring_page": True,
    "versions": True,
    "challenge": {"version"},
    "company": {"version"},
}
"""Fields whose change alone nobody needs to hear of: a new version of a profile that answers the same
requirements by the same words is no news, nor is another hint at what it lacks, nor a score of which more
is known."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event to tell, and whether its row is new."""

    data: MatchSuggested | MatchUpdated | MatchRetracted
    told: bool


async def standing(
    tx: AsyncSession, *, challenges: Collection[str], companies: Collection[str]
) -> dict[Pair, MatchSuggestion]:
    """Suggestions of any of these challenges or companies, retracted ones included; locked until the end of
    the transaction, where the database locks rows."""
    condition = or_(MatchRow.challenge.in_(sorted(challenges)), MatchRow.company.in_(sorted(companies)))
    query = select(MatchRow.document, MatchRow.state).where(condition)
    rows = await tx.execute(query.order_by(MatchRow.id).with_for_update())
    found = (MatchSuggestion.model_validate({**row.document, "state": row.state}) for row in rows)
    return {(one.challenge.id, one.company.id): one for one in found}


async def answers(
    tx: AsyncSession, before: Mapping[Pair, MatchSuggestion], now: Collection[Pair]
) -> dict[Pair, MatchState]:
    """What companies have answered to suggestions that did not stand any more and now stand again."""
    back = {before[pair].id: pair for pair in now if pair in before and not stands(before[pair])}
    if not back:
        return {}
    query = select(MatchRow.id, MatchRow.answer).where(
        MatchRow.id.in_(sorted(back)), MatchRow.answer.is_not(None)
    )
    return {back[row.id]: MatchState(row.answer) for row in await tx.execute(query)}


def stands(suggestion: MatchSuggestion) -> bool:
    return suggestion.state not in GONE


def compare(
    before: Mapping[Pair, MatchSuggestion],
    now: Mapping[Pair, MatchSuggestion],
    *,
    gone: Mapping[Pair, str],
    at: datetime,
    answered: Mapping[Pair, MatchState] | None = None,
) -> list[Change]:
    """The changes from `before` to `now`, best suggestion first. `gone`: why pairs no longer stand; a pair
    in neither `now` nor `gone` was not looked at and stays as it is.

    What people did survives a change. A pair that stands again after a retraction begins a new life, of which
    the company has to hear anew; only what it has `answered` holds on, until it says otherwise: what it wants
    is not ours to forget, and whoever announced should not lose an interest to a detour of the index.
    """
    changes: list[Change] = []
    for pair, new in now.items():
        old = before.get(pair)
        if old is None:
            changes.append(Change(MatchSuggested(**_fields(new)), told=True))
            continue
        kept = {"id": old.id, "suggested_at": old.suggested_at, "state": old.state}
        if not stands(old):
            again = {"id": old.id, "state": (answered or {}).get(pair, new.state)}
            changes.append(Change(MatchSuggested(**_fields(new) | again), told=True))
        elif _without(_SILENT, old) != _without(_SILENT, new):
            fields = _fields(new) | kept | {"previous_score": old.score}
            changes.append(Change(MatchUpdated(**fields), told=True))
        elif _without(_OF_THE_ROW, old) != _without(_OF_THE_ROW, new):
            # What people were told last stays word for word; only the versions it holds for move on.
            kept |= {"because": old.because, "changed_at": old.changed_at}
            fields = _fields(new) | kept | {"previous_score": old.score}
            changes.append(Change(MatchUpdated(**fields), told=False))
    for pair, reason in gone.items():
        old = before.get(pair)
        if old is not None and stands(old):
            fields = _fields(old) | {"state": MatchState.retracted, "changed_at": at, "reason": reason}
            changes.append(Change(MatchRetracted(**fields), told=True))
    return sorted(changes, key=lambda change: (-change.data.score, change.data.company.id))


async def write(tx: AsyncSession, before: Mapping[Pair, MatchSuggestion], changes: Sequence[Change]) -> None:
    """Bring the table to the state that the changes tell of."""
    fresh: list[dict[str, object]] = []
    changed: list[dict[str, object]] = []
    revived: list[dict[str, object]] = []
    for change in changes:
        row = _row(change.data)
        if (change.data.challenge.id, change.data.company.id) not in before:
            fresh.append(row)
        elif isinstance(change.data, MatchSuggested):
            revived.append(row | {"notified_at": None, "seen_at": None})
        else:
            changed.append(row)
    if fresh:
        await tx.execute(insert(MatchRow), fresh)
    for rows in (changed, revived):
        if rows:
            await _update(tx, rows)


async def close(tx: AsyncSession, challenges: Collection[str], today: date) -> None:
    """What was suggested of these challenges can be answered no more from now on, as if their deadline had
    passed: nobody is told, and all that people did stays. `today`: the earliest deadline that still takes
    answers."""
    if not challenges:
        return
    # Locked in the order of their ids, as everywhere.
    still = (
        select(MatchRow.id)
        .where(MatchRow.challenge.in_(sorted(challenges)), MatchRow.deadline >= today)
        .order_by(MatchRow.id)
        .with_for_update()
    )
    await tx.execute(
        update(MatchRow)
        .where(MatchRow.id.in_(still.scalar_subquery()))
        .values(deadline=today - timedelta(days=1))
        .execution_options(synchronize_session=False)
    )


async def _update(tx: AsyncSession, rows: Sequence[dict[str, object]]) -> None:
    connection = await tx.connection()
    table = MatchRow.__table__
    await connection.execute(
        update(MatchRow)
        .where(table.c.id == bindparam("row_id"))
        .values({name: bindparam(name) for name in rows[0] if name != "id"}),
        [{**row, "row_id": row["id"]} for row in rows],
    )


def _fields(suggestion: MatchSuggestion) -> dict[str, object]:
    return {name: getattr(suggestion, name) for name in MatchSuggestion.model_fields}


def _without(fields: dict[str, Any], suggestion: MatchSuggestion) -> object:
    return suggestion.model_dump(exclude=fields)


def _row(data: EventData) -> dict[str, object]:
    assert isinstance(data, MatchSuggestion)
    one = MatchSuggestion(**_fields(data))
    return {
        "id": one.id,
        "challenge": one.challenge.id,
        "challenge_version": one.challenge.version,
        "company": one.company.id,
        "company_version": one.company.version,
        "company_owner": one.company.owner,
        "buyer": one.challenge.buyer,
        "announced_by": one.challenge.announced_by,
        "country": one.company.country,
        "deadline": one.challenge.deadline,
        "score": one.score,
        "state": one.state.value,
        "document": one.model_dump(mode="json"),
        "changed_at": one.changed_at,
        "suggested_at": one.suggested_at,
    }
