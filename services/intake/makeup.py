"""What groups a company belongs to, for counting: by country, by size, and whether it is new to this."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import company_store as store
from services.intake.model import CompanyRow

UNKNOWN = "unknown"
NEWCOMER, ESTABLISHED = "newcomer", "others"


class Makeup(NamedTuple):
    """`newcomer`: NEWCOMER for a company with one capability or reference and nothing else to be known by."""

    country: str
    size_class: str
    newcomer: str


def _text(part: str, place: int) -> Any:
    """A text of the profile as the database finds it in the document; null where there is none."""
    return CompanyRow.document[(part, place)].as_string()


_ONE = or_(
    and_(_text("capabilities", 0).is_not(None), _text("references", 0).is_(None)),
    and_(_text("capabilities", 0).is_(None), _text("references", 0).is_not(None)),
)
_NEWCOMER = and_(_ONE, _text("capabilities", 1).is_(None), _text("references", 1).is_(None))
_COLUMNS = (
    CompanyRow.country,
    func.coalesce(CompanyRow.document["size_class"].as_string(), UNKNOWN).label("size_class"),
    case((_NEWCOMER, NEWCOMER), else_=ESTABLISHED).label("newcomer"),
)


async def makeup(tx: AsyncSession) -> dict[Makeup, int]:
    """How many active companies there are of each."""
    query = select(*_COLUMNS, func.count()).where(store.is_active()).group_by(*_COLUMNS)
    return {Makeup(*row[:3]): row[3] for row in await tx.execute(query)}


async def makeup_of(tx: AsyncSession, companies: Collection[str]) -> dict[str, Makeup]:
    """Of these, by id; unknown ones are left out."""
    found: dict[str, Makeup] = {}
    asked = sorted(companies)
    for start in range(0, len(asked), store.ASKED_AT_ONCE):
        some = CompanyRow.id.in_(asked[start : start + store.ASKED_AT_ONCE])
        for row in await tx.execute(select(CompanyRow.id, *_COLUMNS).where(some)):
            found[row[0]] = Makeup(*row[1:])
    return found
