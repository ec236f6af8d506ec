"""Who is seen: the make-up of the first suggestions beside that of all companies, and how much of a company's
rank its number of references explains.

Exposure as a share of the first ranks follows Singh and Joachims 2018; popularity is Spearman's correlation
of the number of a company's texts with its mean rank over all challenges. Negative: those with more texts
come earlier; 0: the number of texts alone moves nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import spearmanr

from services.evaluation.bundle import BundleCompany

DEPTH = 10
"""Ranks that people look at."""
NEWCOMER_TEXTS = 1
"""A newcomer has one capability or reference, and nothing else to be known by."""

Shares = dict[str, dict[str, tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Exposure:
    """`shares`: by country, by size class and by newcomer, group → share of the suggestions among the first
    DEPTH and share of the companies. What the bundle says of no company is left out. `popularity`: Spearman's
    correlation, None where it is undefined."""

    shares: Shares = field(default_factory=dict)
    popularity: float | None = None


def exposure(companies: Sequence[BundleCompany], rankings: Sequence[Sequence[str]]) -> Exposure:
    """`rankings`: company ids per challenge, best first; a company may be missing."""
    first = Counter(company for ranking in rankings for company in ranking[:DEPTH])
    groups = {
        "country": {one.id: one.country or "unknown" for one in companies if _any(companies, "country")},
        "size_class": {
            one.id: one.size_class or "unknown" for one in companies if _any(companies, "size_class")
        },
        "newcomer": {
            one.id: "newcomer" if len(one.stated) == NEWCOMER_TEXTS else "others" for one in companies
        },
    }
    shares = {name: _shares(group, first) for name, group in groups.items() if group}
    return Exposure(shares, _popularity(companies, rankings))


def _any(companies: Sequence[BundleCompany], field_name: str) -> bool:
    return any(getattr(one, field_name) for one in companies)


def _shares(group: Mapping[str, str], first: Counter[str]) -> dict[str, tuple[float, float]]:
    suggested: Counter[str] = Counter()
    for company, times in first.items():
        suggested[group[company]] += times
    there = Counter(group.values())
    total, everybody = max(1, suggested.total()), max(1, there.total())
    return {name: (suggested[name] / total, there[name] / everybody) for name in sorted(there)}


def _popularity(companies: Sequence[BundleCompany], rankings: Sequence[Sequence[str]]) -> float | None:
    places = {one.id: place for place, one in enumerate(companies)}
    total = np.zeros(len(companies))
    for ranking in rankings:
        # Those that were not found share the ranks behind those that were.
        ranks = np.full(len(companies), (len(ranking) + 1 + len(companies)) / 2)
        ranks[[places[one] for one in ranking]] = np.arange(1, len(ranking) + 1)
        total += ranks
    texts = np.array([len(one.stated) for one in companies])
    if len(companies) < 2 or np.ptp(texts) == 0 or np.ptp(total) == 0:
        return None
    return float(spearmanr(texts, total).statistic)
