"""From a team to what people read: members, the picture of requirements, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase

import numpy as np

from schemas.challenge import Challenge, PhaseStage
from schemas.consortium import (
    Consent,
    ConsortiumCell,
    ConsortiumContent,
    ConsortiumMember,
    CoveredCell,
    Gap,
    GapBrief,
)
from schemas.match import MatchedCompany
from services.consortia.best import Suggested
from services.consortia.coverage import Cell, Floats
from services.consortia.market import Market, matched_challenge
from services.consortia.rules import Rules
from services.consortia.team import levels_of

QUOTE = 80
"""Characters of a requirement quoted in a sentence."""
DECIMALS = 4


def content(
    market: Market,
    rules: Rules,
    found: Suggested,
    *,
    public_url: str,
    roles: Mapping[str, str] | None = None,
    consents: Mapping[str, Consent] | None = None,
) -> ConsortiumContent:
    """Nothing hidden. `roles`: those that companies of the team have already; the others get the first
    letters that are free."""
    coverage = market.coverage
    levels = levels_of(coverage, rules, found.team)
    companies = [coverage.candidates[row].id for row in found.team.rows]
    named = _roles(companies, roles or {}, rules.fixed)
    members = []
    for number, (row, company) in enumerate(zip(found.team.rows, companies, strict=True)):
        contribution = found.contributions[row]
        members.append(
            ConsortiumMember(
                role=named[company],
                company=MatchedCompany.of(market.companies[company]),
                country=market.companies[company].country,
                fixed=company in rules.fixed,
                consent=(consents or {}).get(company, Consent.asked),
                stages=_stages(rules, found.team.seats[row]),
                covers=_covered(coverage.cells, levels[number]),
                only=tuple(_cell(coverage.cells[place]) for place in contribution.cells),
                contribution=round(contribution.value, DECIMALS),
                alternates=len(found.alternates[row]),
                alternate_companies=tuple(
                    MatchedCompany.of(market.companies[coverage.candidates[other].id])
                    for other in found.alternates[row]
                ),
            )
        )
    return ConsortiumContent(
        challenge=matched_challenge(market.challenge, public_url),
        members=tuple(sorted(members, key=lambda one: one.role)),
        cells=_picture(market.challenge, coverage.cells, levels, [named[one] for one in companies]),
        gaps=gaps(market, found.uncovered),
        coverage=round(min(1.0, found.worth.covered), DECIMALS),
        worth=round(found.worth.value, DECIMALS),
        countries=tuple(sorted({one.country for one in members})),
        smes=sum(coverage.candidates[row].is_sme for row in found.team.rows),
        competing=tuple(sorted(named[coverage.candidates[row].id] for row in found.competing)),
        proven=found.team.proven,
    )


def brief(market: Market, found: Suggested | None, *, public_url: str) -> GapBrief | None:
    """What the best team lacks; where there is no team, what nobody in the market covers, and None where that
    is nothing."""
    if found is None:
        covered = (market.coverage.levels > 0.0).any(axis=0)
        uncovered = tuple(int(place) for place in np.flatnonzero(~covered))
    else:
        uncovered = found.uncovered
    lacking = gaps(market, uncovered)
    if found is None and not lacking:
        return None
    countries = tuple(sorted(market.challenge.eligible_countries))
    return GapBrief(
        challenge=matched_challenge(market.challenge, public_url),
        gaps=lacking,
        countries=countries,
        sought=sought(lacking, countries),
    )


def sought(lacking: tuple[Gap, ...], countries: tuple[str, ...]) -> str:
    """One sentence: the partner that would cover what is missing."""
    if not lacking:
        return "Nothing is missing: the team covers every requirement in every stage."
    asked = "; ".join(f"{one.requirement} “{quoted(one.text)}”{_in_stages(one.stages)}" for one in lacking)
    words = sorted({word for one in lacking for word in one.missing})
    known = f" No profile speaks of: {', '.join(words)}." if words else ""
    where = f" Eligible countries: {', '.join(countries)}." if countries else ""
    return f"A partner that answers {asked}.{known}{where}"


def gaps(market: Market, uncovered: Sequence[int]) -> tuple[Gap, ...]:
    """Requirement by requirement, in the challenge's order. `uncovered`: places of cells."""
    open_stages: dict[str, list[PhaseStage]] = {}
    for place in uncovered:
        cell = market.coverage.cells[place]
        stages = open_stages.setdefault(cell.requirement, [])
        if cell.stage is not None:
            stages.append(cell.stage)
    answers: dict[str, list[Mapping[str, object]]] = {name: [] for name in open_stages}
    for document in market.documents.values():
        for one in document["requirements"]:
            if one["id"] in answers:
                answers[one["id"]].append(one)
    return tuple(
        Gap(
            requirement=one.id,
            text=one.text,
            mandatory=one.mandatory,
            stages=tuple(open_stages[one.id]),
            missing=_missing_everywhere(answers[one.id]),
            best=max((float(str(answer["score"])) for answer in answers[one.id]), default=0.0),
        )
        for one in market.challenge.requirements
        if one.id in open_stages
    )


def quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTE else line[:QUOTE].rsplit(" ", 1)[0] + " …"


def _missing_everywhere(answers: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """Words that every profile lacks."""
    lists = [answer["missing"] for answer in answers]
    words = [set(one) for one in lists if isinstance(one, list)]
    common = set.intersection(*words) if words else set()
    first = lists[0] if lists and isinstance(lists[0], list) else []
    return tuple(word for word in first if word in common)


def _roles(companies: list[str], taken: Mapping[str, str], fixed: frozenset[str]) -> dict[str, str]:
    named = {company: taken[company] for company in companies if company in taken}
    free = iter(letter for letter in ascii_uppercase if letter not in named.values())
    for company in sorted(companies, key=lambda one: (one not in fixed, one)):
        if company not in named:
            named[company] = next(free)
    return named


def _stages(rules: Rules, seats: tuple[bool, ...]) -> tuple[PhaseStage, ...]:
    return tuple(
        stage
        for block, seat in zip(rules.blocks, seats, strict=True)
        if seat
        for stage in block.stages
        if stage is not None
    )


def _cell(cell: Cell, score: float | None = None) -> CoveredCell:
    return CoveredCell(requirement=cell.requirement, stage=cell.stage, score=score)


def _covered(cells: tuple[Cell, ...], levels: Floats) -> tuple[CoveredCell, ...]:
    return tuple(
        _cell(cell, round(float(level), DECIMALS))
        for cell, level in zip(cells, levels, strict=True)
        if level > 0
    )


def _picture(
    challenge: Challenge, cells: tuple[Cell, ...], levels: Floats, roles: list[str]
) -> tuple[ConsortiumCell, ...]:
    texts = {one.id: one.text for one in challenge.requirements}
    found = []
    for column, cell in enumerate(cells):
        order = np.argsort(-levels[:, column], kind="stable")
        found.append(
            ConsortiumCell(
                requirement=cell.requirement,
                text=texts[cell.requirement],
                stage=cell.stage,
                mandatory=cell.mandatory,
                weight=round(cell.weight, DECIMALS),
                roles=tuple(roles[int(number)] for number in order if levels[number, column] > 0),
            )
        )
    return tuple(found)


def _in_stages(stages: tuple[PhaseStage, ...]) -> str:
    return f" ({', '.join(stages)})" if stages else ""
