"""Why there is no team: the rules that cannot be kept together, by name.

Rules are taken away one after the other; whatever can be missing while there is still no team is left out.
What stays is a smallest set of rules in conflict (the deletion filter of Chinneck and Dravnieks, 1991).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from schemas.challenge import MEMBERS_MAX, CompositionChange
from services.consortia.coverage import Coverage
from services.consortia.programme import Programme
from services.consortia.rules import Rules

CHECK_LIMIT_S = 5.0
"""Of one check whether there is a team at all: these programmes have no coverage in them and are small."""

Case = tuple[Coverage, Rules]
Relax = Callable[[Case], Case]


def conflict(coverage: Coverage, rules: Rules) -> str:
    """One sentence that names the rules in conflict, for a coverage and rules that no team keeps."""
    candidates = coverage.candidates
    if len(candidates) < max(rules.members_min, 1):
        return _too_few(len(candidates), rules)
    if unknown := sorted(rules.fixed - {one.id for one in candidates}):
        return f"Fixed members that may not take part: {', '.join(unknown)}. Leave them out."
    said = _sayings(coverage, rules)
    ways = _ways(rules)
    kept = dict(ways)
    for name in ways:
        left = {one: relax for one, relax in kept.items() if one != name}
        if not _is_possible(coverage, rules, [ways[one] for one in ways if one not in left]):
            kept = left
    if not kept:
        return "No team keeps the rules of the challenge."
    names = [said[name] for name in kept]
    together = "cannot be kept" if len(names) == 1 else "cannot be kept together"
    return f"There is no team: {'; '.join(names)}. These rules {together}; change one of them."


def _too_few(number: int, rules: Rules) -> str:
    return (
        f"There is no team: {number} {'company' if number == 1 else 'companies'} may take part, and a "
        f"consortium has at least {rules.members_min} members (members_min)."
    )


def _ways(rules: Rules) -> dict[str, Relax]:
    """How each rule is taken away; only rules that ask for anything."""

    def changed(**values: object) -> Relax:
        return lambda case: (case[0], replace(case[1], **values))  # type: ignore[arg-type]

    ways: dict[str, Relax] = {"members_max": changed(members_max=MEMBERS_MAX)}
    if rules.members_min > 1:
        ways["members_min"] = changed(members_min=1)
    if rules.smes_min:
        ways["smes_min"] = changed(smes_min=0)
    if rules.countries_min > 1:
        ways["countries_min"] = changed(countries_min=0)
    if rules.fixed:
        ways["fixed"] = changed(fixed=frozenset())
    ways["undertakings"] = lambda case: (_unrelated(case[0]), case[1])
    for place, block in enumerate(rules.blocks):
        if block.members_min or block.members_max is not None:
            ways[f"size {place}"] = _block(place, members_min=0, members_max=None)
        if place and block.change is not CompositionChange.may_change:
            ways[f"change {place}"] = _block(place, change=CompositionChange.may_change)
    return ways


def _block(place: int, **values: object) -> Relax:
    def relax(case: Case) -> Case:
        blocks = list(case[1].blocks)
        blocks[place] = replace(blocks[place], **values)  # type: ignore[arg-type]
        return case[0], replace(case[1], blocks=tuple(blocks))

    return relax


def _unrelated(coverage: Coverage) -> Coverage:
    alone = tuple(replace(one, undertaking=one.id) for one in coverage.candidates)
    return Coverage(alone, coverage.cells, coverage.levels)


def _is_possible(coverage: Coverage, rules: Rules, relaxed: list[Relax]) -> bool:
    case = (coverage, rules)
    for relax in relaxed:
        case = relax(case)
    team, _ = Programme(*case, bare=True).solve(CHECK_LIMIT_S)
    return team is not None


def _sayings(coverage: Coverage, rules: Rules) -> Mapping[str, str]:
    """Each rule as a person reads it, with what there is of what it asks for."""
    smes = sum(one.is_sme for one in coverage.candidates)
    countries = len({one.country for one in coverage.candidates})
    said = {
        "members_max": f"at most {rules.members_max} members (members_max)",
        "members_min": f"at least {rules.members_min} members (members_min)",
        "smes_min": f"at least {rules.smes_min} SMEs (smes_min; {smes} may take part)",
        "countries_min": f"at least {rules.countries_min} countries (countries_min; companies of {countries} "
        "may take part)",
        "fixed": f"the {len(rules.fixed)} fixed members",
        "undertakings": f"related undertakings count once{_related(coverage, rules)}",
    }
    return said | dict(_sayings_of_blocks(rules))


def _related(coverage: Coverage, rules: Rules) -> str:
    groups: dict[str, list[str]] = {}
    for one in coverage.candidates:
        if one.id in rules.fixed:
            groups.setdefault(one.undertaking, []).append(one.id)
    related = next((ids for ids in groups.values() if len(ids) > 1), None)
    return f" ({' and '.join(related)} are related)" if related else ""


def _sayings_of_blocks(rules: Rules) -> Iterator[tuple[str, str]]:
    before = ""
    for place, block in enumerate(rules.blocks):
        named = ", ".join(stage.value for stage in block.stages if stage is not None) or "every stage"
        most = "any number of" if block.members_max is None else f"at most {block.members_max}"
        yield f"size {place}", f"{named}: at least {block.members_min} and {most} members (composition)"
        yield f"change {place}", f"from {before} to {named} members {_CHANGES[block.change]} (composition)"
        before = named


_CHANGES = {
    CompositionChange.same: "stay the same",
    CompositionChange.may_leave: "may leave and nobody joins",
    CompositionChange.may_join: "may join and nobody leaves",
    CompositionChange.may_change: "may change",
}
