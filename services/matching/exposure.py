"""Who is seen in a running system: the make-up of the first suggestions beside that of all companies.

As `liaison evaluate` reports it of a collection (exposure as a share of the first ranks, Singh and Joachims
2018), here of what stands at present.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake.makeup import Makeup
from services.matching import metrics
from services.matching.changes import GONE
from services.matching.model import MatchRow

DEPTH = 10
"""Ranks that people look at; as in the evaluation."""
GROUPS_MAX = 30
"""Groups told apart, those with most companies; the others are one. It bounds the series of a scrape."""
OTHERS = "others"

Shares = dict[str, dict[str, tuple[float, float]]]
"""By what → group → share of the first suggestions, share of the companies."""


class Companies(Protocol):
    async def makeup(self) -> Mapping[Makeup, int]:
        """How many active companies there are of each."""

    async def makeup_of(self, companies: Collection[str]) -> Mapping[str, Makeup]:
        """Of these, by id; unknown ones are left out."""


async def first_suggested(tx: AsyncSession, open_from: date) -> Counter[str]:
    """How often each company is among the first DEPTH of a challenge with a deadline from this day on."""
    place = func.row_number().over(
        partition_by=MatchRow.challenge, order_by=(MatchRow.score.desc(), MatchRow.id)
    )
    ranked = (
        select(MatchRow.company, place.label("place"))
        .where(MatchRow.state.not_in(GONE), MatchRow.deadline >= open_from)
        .subquery()
    )
    query = select(ranked.c.company, func.count()).where(ranked.c.place <= DEPTH).group_by(ranked.c.company)
    return Counter({row[0]: row[1] for row in await tx.execute(query)})


def shares(suggested: Mapping[str, int], of: Mapping[str, Makeup], everybody: Mapping[Makeup, int]) -> Shares:
    """`suggested`: company → times; `of`: the make-up of these companies."""
    found: Shares = {}
    for name in Makeup._fields:
        there: Counter[str] = Counter()
        for makeup, count in everybody.items():
            there[getattr(makeup, name)] += count
        named = {group for group, _ in there.most_common(GROUPS_MAX)}
        seen: Counter[str] = Counter()
        for company, times in suggested.items():
            if company in of:
                seen[getattr(of[company], name)] += times
        total, all_there = max(1, seen.total()), max(1, there.total())
        groups: Counter[str] = Counter()
        present: Counter[str] = Counter()
        for group in there | seen:
            kept = group if group in named else OTHERS
            groups[kept] += seen[group]
            present[kept] += there[group]
        found[name] = {
            group: (groups[group] / total, present[group] / all_there) for group in sorted(present)
        }
    return found


def tell(found: Shares, suggestions: int) -> None:
    """Set the gauges; groups that are gone are no more."""
    metrics.SUGGESTED_SHARE.clear()
    metrics.PRESENT_SHARE.clear()
    for by, groups in found.items():
        for group, (suggested, present) in groups.items():
            metrics.SUGGESTED_SHARE.labels(by, group).set(suggested)
            metrics.PRESENT_SHARE.labels(by, group).set(present)
    metrics.EXPOSED.set(suggestions)
