"""The picture of a consortium: a line per requirement and stage, a column per member."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.consortium import ConsortiumCell, ConsortiumContent, ConsortiumMember
from services.gateway.board import wording


@dataclass(frozen=True, slots=True)
class Mark:
    """What a member has for a cell: `text` a figure, ✓ where the figure is not the reader's to know, or ·."""

    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Line:
    """`first`: the requirement begins here; the lines below are its other stages."""

    cell: ConsortiumCell
    marks: tuple[Mark, ...]
    first: bool

    @property
    def is_open(self) -> bool:
        return not self.cell.roles


NOTHING = Mark("·", 0)
COVERED = Mark("✓", 6)


def lines(team: ConsortiumContent) -> list[Line]:
    """In the challenge's order."""
    covered = [
        {(cell.requirement, cell.stage): _mark(cell.score) for cell in member.covers}
        for member in team.members
    ]
    found: list[Line] = []
    for cell in team.cells:
        place = (cell.requirement, cell.stage)
        first = not found or found[-1].cell.requirement != cell.requirement
        found.append(Line(cell, tuple(of.get(place, NOTHING) for of in covered), first))
    return found


def name(member: ConsortiumMember) -> str:
    """A member by its company, where that is known, else by what may be said of it."""
    return member.company.name if member.company else "a company"


def _mark(score: float | None) -> Mark:
    if score is None:
        return COVERED
    return Mark(str(min(99, round(score * 100))), wording.level(score))
