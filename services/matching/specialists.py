"""Companies that answer one requirement well and too little of the challenge to be suggested alone.

A total below the floor says that a company is nobody's whole answer, above all where it leaves a mandatory
requirement open. To a consortium it may be the member that was missing. Nobody hears of it: it is kept for
the room of consortia, and whoever needs the company asks it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake.parts import REQUIREMENT_PREFIX
from services.matching.candidates import Candidates
from services.matching.gates import gates
from services.matching.model import SpecialistRow
from services.matching.scoring import ANSWERED, GOOD

Pair = tuple[str, str]
"""Challenge id, company id."""

SPECIALISTS = 50
"""Kept of a challenge, the best ones: beside the suggestions, which come first, no team needs more of
them."""
LEAST = GOOD
"""Lowest answer to a requirement that makes a specialist."""
DELETED_AT_ONCE = 400
"""Ids named in one statement: far below SQLite's limit of variables."""


@dataclass(frozen=True, slots=True)
class Specialist:
    best: float
    document: Mapping[str, Any]


def of(near: Candidates, *, floor: float) -> dict[Pair, Specialist]:
    """Of what was scored; `floor`: lowest total that is suggested."""
    found: dict[Pair, Specialist] = {}
    if near.scored is None:
        return found
    for row, challenge in enumerate(near.challenges):
        asked = {REQUIREMENT_PREFIX + one.id: one.id for one in challenge.challenge.requirements}
        for column in near.scored.specialists(row, below=floor, least=LEAST)[:SPECIALISTS]:
            profile = near.profiles[column]
            details = near.scored.details(row, column)
            requirements: list[dict[str, Any]] = [
                {
                    "id": asked[part.id],
                    "score": part.score,
                    "answered_by": None
                    if part.capability is None
                    else {"capability": profile.parts[part.capability].stated_as},
                    "missing": [],
                }
                for part in details.parts
                if part.id in asked
            ]
            document = {
                "score": details.score,
                "requirements": requirements,
                "gates": [one.model_dump(mode="json") for one in gates(challenge.challenge, profile.company)],
            }
            best = max(float(one["score"]) for one in requirements)
            found[challenge.challenge.id, profile.company.id] = Specialist(best, document)
    return found


async def write(
    tx: AsyncSession,
    found: Mapping[Pair, Specialist],
    *,
    matched: Collection[str],
    rescored: Collection[str],
    closed: Collection[str],
) -> list[str]:
    """Bring the table to what was found: of these challenges and companies there are no others. Returns the
    challenges for which a profile that was rescored answers otherwise than before."""
    challenges, companies = sorted({*matched, *closed}), sorted({*rescored, *closed})
    before = await _answers(tx, sorted(rescored))
    for some in (challenges, companies):
        column = SpecialistRow.challenge if some is challenges else SpecialistRow.company
        for start in range(0, len(some), DELETED_AT_ONCE):
            await tx.execute(delete(SpecialistRow).where(column.in_(some[start : start + DELETED_AT_ONCE])))
    rows = [
        {"challenge": challenge, "company": company, "best": one.best, "document": dict(one.document)}
        for (challenge, company), one in sorted(found.items())
    ]
    if rows:
        await tx.execute(insert(SpecialistRow), rows)
    fresh = {
        challenge
        for (challenge, company), one in found.items()
        if company in rescored
        and challenge not in matched
        and before.get((challenge, company)) != _answered(one.document)
    }
    return sorted(fresh)


async def _answers(tx: AsyncSession, companies: Sequence[str]) -> dict[Pair, Mapping[str, float]]:
    found: dict[Pair, Mapping[str, float]] = {}
    for start in range(0, len(companies), DELETED_AT_ONCE):
        query = select(SpecialistRow.challenge, SpecialistRow.company, SpecialistRow.document).where(
            SpecialistRow.company.in_(companies[start : start + DELETED_AT_ONCE])
        )
        for challenge, company, document in await tx.execute(query):
            found[challenge, company] = _answered(document)
    return found


def _answered(document: Mapping[str, Any]) -> dict[str, float]:
    """Requirements that are answered, with how well, in steps that are more than noise."""
    return {one["id"]: round(one["score"], 1) for one in document["requirements"] if one["score"] >= ANSWERED}
