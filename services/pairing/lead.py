"""Who might lead a joint procurement, and why. Pure. A proposal: the buyers agree on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.pairing import Lead, PairedNeed

Criterion = tuple[Callable[[PairedNeed], Any], Callable[[PairedNeed], str]]


def lead(needs: Sequence[PairedNeed], requirements: Mapping[str, int]) -> Lead:
    """The first criterion that tells one buyer from all others decides: the largest volume, then the largest
    budget, where all are stated in one measure; the earliest to buy; the most requirements (`requirements`:
    how many, by need); else the need that was there first, so that the answer is the same for everybody."""
    for value, reason in _criteria(needs, requirements):
        ranked = sorted(needs, key=value, reverse=True)
        if value(ranked[0]) > value(ranked[1]):
            return _of(ranked[0], reason(ranked[0]))
    first = min(needs, key=lambda one: one.id)
    return _of(first, "Its need was there first; nothing else tells the buyers apart.")


def _criteria(needs: Sequence[PairedNeed], requirements: Mapping[str, int]) -> list[Criterion]:
    found: list[Criterion] = []
    if all(one.volume for one in needs) and len({(one.unit or "").casefold() for one in needs}) == 1:
        found.append((lambda one: one.volume, lambda one: f"It needs the most: {one.volume:,g} {one.unit}."))
    budgets = [one.budget for one in needs]
    one_currency = len({one.currency for one in budgets if one}) == 1
    if one_currency and all(one is not None and one.maximum for one in budgets):
        found.append((_upper, lambda one: f"It has the largest budget: up to {_money(one)}."))
    if all(one.stated for one in needs):
        found.append(
            (
                lambda one: -one.starts.toordinal(),
                lambda one: f"It buys first, from {one.starts.isoformat()} on.",
            )
        )
    found.append(
        (
            lambda one: requirements.get(one.id, 0),
            lambda one: f"It has described its need furthest: {requirements.get(one.id, 0)} requirements.",
        )
    )
    return found


def _upper(need: PairedNeed) -> int:
    return need.budget.maximum or 0 if need.budget else 0


def _money(need: PairedNeed) -> str:
    return f"{need.budget.currency} {_upper(need):,}" if need.budget else ""


def _of(need: PairedNeed, reason: str) -> Lead:
    return Lead(need=need.id, buyer=need.buyer, reason=reason)
