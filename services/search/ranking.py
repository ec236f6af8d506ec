"""What was found, in order, and counted. Pure.

The relevance of a text is a weighted mean of what it has in common with the question:

    (W words + D lift(likeness to the English model) + M lift(likeness across languages)) / (W + D + M)

`words` is the cosine of the words. Both models find some likeness between any two texts: below a floor it
counts as none, above it `lift` stretches what is left to [0, 1]. A name or title counts by the share of its
letters, likewise lifted, alone. An entity is as relevant as the best of its texts and its name. With nothing
in common there is nothing to show: a question about something else altogether has an empty answer.

The floors were read off questions about what is not in the demo data at all, whose nearest texts reach
.15 to .28 in the one model and .23 to .37 in the other; those of questions about what is there, .35 to .57
and .40 to .80.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.codes import CPV_DIGITS, country_name, cpv_label, cpv_labels
from schemas.search import Facets, FacetValue, SearchKind
from services.indexing.collections import CHALLENGES, LETTERS, MEANING, TEXT, WORDS
from services.intake.company_store import Claim
from services.intake.parts import stated_as
from services.search.candidates import NAME, Near
from services.search.wanted import Facet, Facts, Wanted

WEIGHTS: Mapping[str, float] = {WORDS: 1.0, TEXT: 0.5, MEANING: 0.5}
FLOORS: Mapping[str, float] = {WORDS: 0.0, TEXT: 0.28, MEANING: 0.38}
NAME_FLOOR = 0.5
"""Share of letters: one slip in a word of five or more letters leaves half of its trigrams, mostly more."""
DECIMALS = 4
FACET_MAX = 12
"""Values of a facet: what a person takes in; the others can be asked for all the same."""
CPV_DIVISION = 2
"""Digits of a code that name its division."""

Position = tuple[float, str]
"""Relevance and key of the last one of a page."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing found. `texts`: the nearest of its texts, the best first. `own`: what a capability can be
    narrowed by, where it is known apart from its company's. `key` is unique."""

    kind: SearchKind
    entity: str
    texts: tuple[Near, ...]
    relevance: float
    own: Facts | None = None

    @property
    def key(self) -> str:
        return f"{self.entity}/{self.texts[0].part}" if self.kind is SearchKind.capability else self.entity

    @property
    def facts(self) -> Facts:
        return self.own or self.texts[0].facts

    @property
    def position(self) -> Position:
        return self.relevance, self.key


def relevance(one: Near) -> float:
    """In [0, 1]; 0: nothing in common."""
    if one.part == NAME:
        return round(_lift(one.by.get(LETTERS, 0.0), NAME_FLOOR), DECIMALS)
    total = sum(weight * _lift(one.by.get(space, 0.0), FLOORS[space]) for space, weight in WEIGHTS.items())
    return round(min(1.0, total / sum(WEIGHTS.values())), DECIMALS)


def _lift(value: float, floor: float) -> float:
    return min(1.0, max(0.0, (value - floor) / (1.0 - floor)))


def units(found: Iterable[Near]) -> list[Unit]:
    """Everything that has something in common with the question, of every kind, best first."""
    by_entity: defaultdict[str, list[tuple[float, Near]]] = defaultdict(list)
    for one in found:
        if (value := relevance(one)) > 0.0:
            by_entity[one.entity].append((value, one))
    made: list[Unit] = []
    for entity, some in by_entity.items():
        some.sort(key=lambda pair: (-pair[0], pair[1].part))
        best = some[0]
        is_challenge = best[1].alias == CHALLENGES
        kind = SearchKind.challenge if is_challenge else SearchKind.company
        made.append(Unit(kind, entity, tuple(one for _, one in some), best[0]))
        if not is_challenge:
            made += [
                Unit(SearchKind.capability, entity, (one,), value) for value, one in some if one.part != NAME
            ]
    return sorted(made, key=lambda one: (-one.relevance, one.key))


def claimed(found: Sequence[Unit], claims: Mapping[str, Mapping[str, Claim]]) -> list[Unit]:
    """The same with stages and TRL of each capability as its owner states them of it, not as they are of the
    company; `claims`: by company and id. One that the profile has no more has neither."""
    return [
        replace(one, own=_own(one, claims.get(one.entity, {}))) if one.kind is SearchKind.capability else one
        for one in found
    ]


def _own(capability: Unit, claims: Mapping[str, Claim]) -> Facts:
    claim = claims.get(stated_as(capability.texts[0].part, claims), _NOTHING_CLAIMED)
    return replace(capability.facts, stages=claim.stages, trl=claim.trl)


_NOTHING_CLAIMED = Claim(None, ())


def narrowed(found: Sequence[Unit], wanted: Wanted) -> list[Unit]:
    return [one for one in found if one.kind in wanted.kinds and wanted.passes(one.facts)]


def behind(found: Sequence[Unit], after: Position | None) -> list[Unit]:
    """Those that come after a position in the order of `units`."""
    if after is None:
        return list(found)
    value, key = after
    return [one for one in found if (-one.relevance, one.key) > (-value, key)]


def facets(found: Sequence[Unit], wanted: Wanted) -> Facets:
    return Facets(
        kind=_counted(found, wanted, Facet.kind, lambda one: (one.kind.value,), _plural),
        country=_counted(
            found,
            wanted,
            Facet.country,
            lambda one: one.facts.countries,
            country_name,
            whatever=lambda one: one.facts.is_open_to_all,
        ),
        cpv=_counted(found, wanted, Facet.cpv, lambda one: _divisions(one.facts), _division_label),
        stage=_counted(found, wanted, Facet.stage, lambda one: one.facts.stages, str.capitalize),
        trl=_counted(found, wanted, Facet.trl, _levels, lambda level: f"TRL {level}"),
    )


def without(found: Sequence[Unit], wanted: Wanted) -> tuple[FacetValue, ...]:
    """How many each filter keeps away that does so alone."""
    left = {facet: len(narrowed(found, wanted.but(facet))) for facet in wanted.set}
    return tuple(
        FacetValue(value=facet.value, label=_FILTERS[facet], count=count)
        for facet, count in left.items()
        if count
    )


_FILTERS = {
    Facet.kind: "kind",
    Facet.country: "country",
    Facet.cpv: "CPV code",
    Facet.stage: "stage",
    Facet.trl: "TRL",
}


def _counted(
    found: Sequence[Unit],
    wanted: Wanted,
    facet: Facet,
    values: Callable[[Unit], Iterable[str]],
    label: Callable[[str], str],
    *,
    whatever: Callable[[Unit], bool] = lambda _: False,
) -> tuple[FacetValue, ...]:
    """How many are left with each value that any of them has. `whatever`: passes with every value, and is
    counted with each."""
    others = wanted.but(facet)
    if facet is Facet.kind:
        left: Sequence[Unit] = [one for one in found if others.passes(one.facts)]
    else:
        left = narrowed(found, others)
    counts = Counter(value for one in left for value in set(values(one)))
    always = sum(map(whatever, left))
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:FACET_MAX]
    return tuple(FacetValue(value=value, label=label(value), count=count + always) for value, count in most)


def _levels(one: Unit) -> tuple[str, ...]:
    return () if one.facts.trl is None else (str(one.facts.trl),)


def _divisions(facts: Facts) -> tuple[str, ...]:
    return tuple(sorted({code[:CPV_DIVISION] for code in facts.cpv}))


def _division_label(division: str) -> str:
    code = division.ljust(CPV_DIGITS, "0")
    return cpv_label(code) if code in cpv_labels() else division


def _plural(kind: str) -> str:
    return {"challenge": "Challenges", "company": "Companies", "capability": "Capabilities"}[kind]
