"""How deep the market is for a challenge: how many answer each of its requirements, and how well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.match import Strength
from services.matching.scoring import ANSWERED


@dataclass(slots=True)
class Answers:
    """To one requirement: companies that answer it, and the best score anybody has on it."""

    companies: int = 0
    best: float = 0.0


@dataclass(slots=True)
class Depth:
    """Of the suggestions that a reader sees: how many, from how many countries, how many of each strength,
    and per requirement id who answers it."""

    suggestions: int = 0
    countries: int = 0
    strengths: Counter[Strength] = field(default_factory=Counter)
    requirements: dict[str, Answers] = field(default_factory=dict)

    def answers(self, requirement: str) -> Answers:
        return self.requirements.get(requirement, Answers())


def depth(documents: Iterable[Mapping[str, Any]]) -> Depth:
    """From suggestions as they are stored: parsing hundreds of them into models would take ten times as
    long as counting."""
    found = Depth()
    countries = set()
    for document in documents:
        found.suggestions += 1
        countries.add(document["company"]["country"])
        found.strengths[Strength(document["strength"])] += 1
        for requirement in document["requirements"]:
            answers = found.requirements.setdefault(requirement["id"], Answers())
            answers.best = max(answers.best, requirement["score"])
            if requirement["score"] >= ANSWERED:
                answers.companies += 1
    found.countries = len(countries)
    return found
