"""The picture of a challenge: a line per requirement, a column per company, a shade and a figure in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.challenge import Requirement
from schemas.match import MatchSuggestion
from services.gateway.board import wording
from services.matching.depth import Answers, Depth
from services.matching.scoring import ANSWERED

COLUMNS = 20
"""Companies in the picture, the best ones: as many as fit beside the requirements on a laptop."""
COMPANIES_MIN = 2
"""With fewer there is nothing to compare; the bars say it all."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer: its score in hundredths, or None where the requirement is not answered."""

    company: str
    hundredths: int | None
    level: int


@dataclass(frozen=True, slots=True)
class Line:
    requirement: Requirement
    cells: tuple[Cell, ...]
    answers: Answers


@dataclass(frozen=True, slots=True)
class Picture:
    companies: tuple[str, ...]
    lines: tuple[Line, ...]


def picture(
    requirements: Sequence[Requirement], suggestions: Sequence[MatchSuggestion], market: Depth
) -> Picture | None:
    """Of the first suggestions; None where there is too little to compare."""
    shown = suggestions[:COLUMNS]
    if len(shown) < COMPANIES_MIN or not requirements:
        return None
    scores = [{one.id: one.score for one in suggestion.requirements} for suggestion in shown]
    names = tuple(suggestion.company.name for suggestion in shown)
    return Picture(
        names,
        tuple(
            Line(
                requirement,
                tuple(
                    _cell(name, of.get(requirement.id, 0.0)) for name, of in zip(names, scores, strict=True)
                ),
                market.answers(requirement.id),
            )
            for requirement in requirements
        ),
    )


def _cell(company: str, score: float) -> Cell:
    if score < ANSWERED:
        return Cell(company, None, 0)
    return Cell(company, min(99, round(score * 100)), wording.level(score))
