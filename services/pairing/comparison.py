"""Two needs side by side. Pure: what it needs to know is handed in.

A pair has one order, that of the ids, so that it is the same from both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.challenge import BudgetRange, Challenge
from schemas.pairing import (
    BudgetOverlap,
    Closeness,
    Comparison,
    PairedNeed,
    TimingOverlap,
    VolumeOverlap,
)
from services.pairing.alignment import align
from services.pairing.lead import lead
from services.pairing.remarks import BENEFITS, PITFALLS, Facts, applying

CANDIDATE = 0.4
"""Similarity from which two needs are told to be alike. Of 1,550 notices in 22 languages some 1,000 pairs of
different buyers reach it, one for every second notice; 57 % of them share the first three digits of a CPV
code, which the comparison does not read, and 28 % all eight."""
NEAR, CLOSE = 0.5, 0.6
"""The same of the 326 pairs from .5 on: 69 % and 37 %; of the 113 from .6 on: 83 % and 49 %."""


@dataclass(frozen=True, slots=True)
class Side:
    need: PairedNeed
    challenge: Challenge


@dataclass(frozen=True, slots=True)
class Compared:
    """Two needs as they were compared."""

    first: PairedNeed
    second: PairedNeed
    comparison: Comparison

    @property
    def pair(self) -> tuple[str, str]:
        return self.first.id, self.second.id


def ordered(one: Side, other: Side) -> tuple[Side, Side]:
    return (one, other) if one.need.id < other.need.id else (other, one)


def compare(first: Side, second: Side, *, similarity: float, requirements: NDArray[np.float64]) -> Comparison:
    """`first` and `second` as `ordered` has them; `similarity`: of the needs; `requirements`: of their
    requirements, shape (first, second). Raises ValueError for needs in the wrong order."""
    if not first.need.id < second.need.id:
        raise ValueError("the needs of a pairing stand in the order of their ids")
    aligned = align(first.challenge.requirements, second.challenge.requirements, requirements)
    facts = Facts(
        first=first.need,
        second=second.need,
        alignment=aligned,
        timing=timing(first.need, second.need),
        volume=_volume(first.need, second.need),
        budget=_budget(first.need, second.need),
        maturity=min(
            (one.challenge.trl_start for one in (first, second) if one.challenge.trl_start), default=None
        ),
        routes=(first.challenge.route, second.challenge.route),
    )
    counted = {one.need.id: len(one.challenge.requirements) for one in (first, second)}
    regimes = (first.need.legal_regime, second.need.legal_regime)
    bounded = min(1.0, max(0.0, similarity))
    return Comparison(
        similarity=bounded,
        closeness=closeness(bounded),
        shared=aligned.shared,
        only_first=aligned.only_first,
        only_second=aligned.only_second,
        timing=facts.timing,
        volume=facts.volume,
        budget=facts.budget,
        same_language=first.need.language == second.need.language,
        same_regime=None if None in regimes else regimes[0] == regimes[1],
        shared_cpv=tuple(code for code in first.need.cpv if code in second.need.cpv),
        benefits=applying(BENEFITS, facts),
        pitfalls=applying(PITFALLS, facts),
        lead=lead((first.need, second.need), counted),
    )


def closeness(similarity: float) -> Closeness:
    if similarity >= CLOSE:
        return Closeness.close
    return Closeness.near if similarity >= NEAR else Closeness.possible


def timing(one: PairedNeed, other: PairedNeed) -> TimingOverlap | None:
    """The window in which both want to buy; None where there is none."""
    starts, ends = max(one.starts, other.starts), min(one.ends, other.ends)
    days = (ends - starts).days + 1
    if days < 1:
        return None
    shorter = min((need.ends - need.starts).days + 1 for need in (one, other))
    return TimingOverlap(starts=starts, ends=ends, days=days, share=days / shorter)


def _volume(first: PairedNeed, second: PairedNeed) -> VolumeOverlap | None:
    if first.volume is None or second.volume is None or first.unit is None or second.unit is None:
        return None
    if " ".join(first.unit.casefold().split()) != " ".join(second.unit.casefold().split()):
        return None
    return VolumeOverlap(
        first=first.volume,
        second=second.volume,
        unit=first.unit,
        together=first.volume + second.volume,
        ratio=min(first.volume, second.volume) / max(first.volume, second.volume),
    )


def _budget(first: PairedNeed, second: PairedNeed) -> BudgetOverlap | None:
    one, other = first.budget, second.budget
    if one is None or other is None or one.currency != other.currency:
        return None
    upper = [each.maximum if each.maximum is not None else each.minimum for each in (one, other)]
    lower = [each.minimum if each.minimum is not None else each.maximum for each in (one, other)]
    if None in upper or None in lower:
        return None
    ends = [amount for amount in upper if amount is not None]
    together = BudgetRange(
        minimum=sum(amount for amount in lower if amount is not None),
        maximum=sum(ends),
        currency=one.currency,
    )
    return BudgetOverlap(together=together, ratio=min(ends) / max(ends) if max(ends) else 1.0)
