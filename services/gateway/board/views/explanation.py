"""Why a company is suggested: the sentences side by side, with the words that carry the likeness marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.match import MatchSuggestion, RequirementMatch
from services.matching.scoring import ANSWERED


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One requirement of a suggestion. `answered`: what the company says comes near enough to count."""

    requirement: RequirementMatch
    needed: list[Piece]
    offered: list[Piece]
    answered: bool


def explain(requirement: RequirementMatch) -> Explanation:
    answer = requirement.answered_by
    return Explanation(
        requirement,
        pieces(requirement.text, (word.in_requirement for word in requirement.words)),
        pieces(answer.text, (word.in_capability for word in requirement.words)) if answer else [],
        requirement.score >= ANSWERED,
    )


def explanation(suggestion: MatchSuggestion, requirement: str) -> Explanation | None:
    """Of the requirement with this id; None if the suggestion has none."""
    found = next((one for one in suggestion.requirements if one.id == requirement), None)
    return explain(found) if found is not None else None


def pieces(text: str, spans: Iterable[tuple[int, int] | None]) -> list[Piece]:
    """The text cut at its marked spans [start, end); overlapping ones become one."""
    merged: list[tuple[int, int]] = []
    inside = (span for span in spans if span is not None and 0 <= span[0] < span[1] <= len(text))
    for start, end in sorted(inside):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    found: list[Piece] = []
    at = 0
    for start, end in merged:
        found.append(Piece(text[at:start], marked=False))
        found.append(Piece(text[start:end], marked=True))
        at = end
    found.append(Piece(text[at:], marked=False))
    return [piece for piece in found if piece.text]
