"""The best different teams for a challenge, and what there is to say of each.

Two teams are different when at least half of the members of the later one, fixed ones aside, are not in the
earlier one: exchanging one member of four makes an alternate, not another team.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from services.consortia.conflict import conflict
from services.consortia.coverage import Coverage
from services.consortia.programme import TIME_LIMIT_S, Effort, best_team
from services.consortia.rules import Rules
from services.consortia.team import Team, Worth, additions_in_order, broken, levels_of, worth

TEAMS = 3
"""Suggested for a challenge: a choice, not a catalogue."""
ALTERNATES = 3
"""Named for each role: whoever declines is replaced at once, and his successor may decline too."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a member adds to the others. `value`: worth that goes with the member (its price saved already);
    `cells`: places of the cells that nobody else in the team covers."""

    value: float
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Suggested:
    """A team and what there is to say of it. `alternates`: by row of a member, rows of the companies that
    could take its role, best first; `uncovered`: places of cells that nobody covers; `competing`: rows of
    members of whom each could do all of it alone, none where there are not two of them."""

    team: Team
    worth: Worth
    contributions: Mapping[int, Contribution]
    alternates: Mapping[int, tuple[int, ...]]
    uncovered: tuple[int, ...]
    competing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """`teams`: best first; `conflict`: why there is none."""

    teams: tuple[Suggested, ...]
    conflict: str | None = None
    effort: Effort = field(default_factory=Effort)


def propose(
    coverage: Coverage,
    rules: Rules,
    *,
    teams: int = TEAMS,
    beside: Sequence[Team] = (),
    time_limit_s: float = TIME_LIMIT_S,
) -> Proposal:
    """The `teams` best different teams, fewer where there are no more that cover anything. `beside`: teams
    that are there already, from which they differ too."""
    effort = Effort()
    found: list[Team] = []
    if not coverage.cells:
        return Proposal((), "The challenge states no requirements, so that there is nothing to be covered.")
    while len(found) < teams:
        team = best_team(coverage, rules, [*beside, *found], effort=effort, time_limit_s=time_limit_s)
        if team is None or worth(coverage, rules, team).covered == 0.0:
            break
        found.append(team)
    if found:
        return Proposal(tuple(suggested(coverage, rules, team) for team in found), effort=effort)
    if beside or not teams:
        return Proposal((), None, effort)
    if best_team(coverage, rules) is not None:
        return Proposal((), "Nobody answers any requirement of the challenge yet.", effort)
    return Proposal((), conflict(coverage, rules), effort)


def suggested(coverage: Coverage, rules: Rules, team: Team, *, barred: Collection[int] = ()) -> Suggested:
    """`barred`: rows that are nobody's alternate."""
    levels = levels_of(coverage, rules, team)
    best = levels.max(axis=0) if len(levels) else np.zeros(len(coverage.cells))
    return Suggested(
        team=team,
        worth=worth(coverage, rules, team),
        contributions=_contributions(coverage, rules, team),
        alternates={row: alternates(coverage, rules, team, row, barred=barred) for row in team.rows},
        uncovered=tuple(int(place) for place in np.flatnonzero(best == 0.0)),
        competing=competing(coverage, rules, team),
    )


def _contributions(coverage: Coverage, rules: Rules, team: Team) -> dict[int, Contribution]:
    whole = worth(coverage, rules, team)
    levels = levels_of(coverage, rules, team)
    alone = (levels > 0.0) & ((levels > 0.0).sum(axis=0) == 1)
    return {
        row: Contribution(
            value=whole.value - worth(coverage, rules, team.replacing(row, None)).value,
            cells=tuple(int(place) for place in np.flatnonzero(alone[number])),
        )
        for number, row in enumerate(team.rows)
    }


def alternates(
    coverage: Coverage,
    rules: Rules,
    team: Team,
    row: int,
    *,
    barred: Collection[int] = (),
    most: int = ALTERNATES,
) -> tuple[int, ...]:
    """Rows of the companies that make the best teams in this member's place and stages, best first, equals by
    id. A fixed member has none; nobody is an alternate who would add nothing."""
    if coverage.candidates[row].id in rules.fixed:
        return ()
    without = team.replacing(row, None)
    found = (
        other
        for other in additions_in_order(coverage, rules, without, team.seats[row])
        if other != row
        and other not in barred
        and not any(broken(coverage, rules, team.replacing(row, other)))
    )
    return tuple(islice(found, most))


def competing(coverage: Coverage, rules: Rules, team: Team) -> tuple[int, ...]:
    """Members who could each cover alone every cell that the team covers, whatever phase they are in: who
    could each bid alone must ask whether they may bid together (Article 101 TFEU)."""
    covered = (levels_of(coverage, rules, team) > 0.0).any(axis=0)
    if not covered.any():
        return ()
    able = np.flatnonzero((coverage.levels[team.rows] > 0.0)[:, covered].all(axis=1))
    return tuple(team.rows[int(number)] for number in able) if len(able) > 1 else ()
