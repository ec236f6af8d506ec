"""What an address of `/search` narrows to, and the filters that the page offers."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from schemas.challenge import PhaseStage
from schemas.codes import country_name, cpv_labels, find_country
from schemas.search import Facets, FacetValue, SearchKind
from schemas.subscription import CPV_PREFIX
from services.search.wanted import Wanted

_LEVELS = tuple(str(level) for level in range(1, 10))
_TITLES = {"kind": "What", "country": "Country", "cpv": "CPV division", "stage": "Stage", "trl": "Readiness"}
_NOT_KNOWN = {
    "kind": "a kind of result",
    "country": "a country",
    "cpv": "the beginning of a CPV code",
    "stage": "a stage",
    "trl": "a TRL, 1 to 9",
    "trl_min": "a TRL, 1 to 9",
    "trl_max": "a TRL, 1 to 9",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """As far as the address says something that there is; empty: not asked for."""

    q: str = ""
    kind: str = ""
    country: str = ""
    cpv: str = ""
    stage: str = ""
    trl_min: str = ""
    trl_max: str = ""

    def address(self, **changed: str) -> str:
        asked = {name: getattr(self, name) for name in self.__slots__} | changed
        return f"/search?{urlencode({name: value for name, value in asked.items() if value})}"

    def choosing(self, facet: str, value: str = "") -> str:
        """The address with this value of the facet instead of what is chosen of it; empty: with none. A TRL
        is the least."""
        if facet == "trl":
            return self.address(trl_min=value, trl_max="")
        return self.address(**{facet: value})

    @property
    def filters(self) -> list[tuple[str, str]]:
        """What a form has to send along to ask something else with the same filters."""
        return [(name, value) for name in self.__slots__ if name != "q" and (value := getattr(self, name))]

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            kind=SearchKind(self.kind) if self.kind else None,
            country=self.country or None,
            cpv=self.cpv or None,
            stage=self.stage or None,
            trl_min=int(self.trl_min) if self.trl_min else None,
            trl_max=int(self.trl_max) if self.trl_max else None,
        )


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value in the address that stands for nothing: addresses are edited by hand. It narrows nothing.
    `what` it would have to be."""

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet as a link: where it leads, and whether it is chosen; then it leads back."""

    facet: str
    value: FacetValue
    address: str
    chosen: bool


def understood(question: str, given: Mapping[str, str]) -> tuple[Asked, list[Unknown]]:
    """What an address says, and what it says in vain. `given`: its filters; `trl`, one level alone, was the
    only one of readiness once, and such links are kept."""
    read = {name: _READERS[name](value.strip()) for name, value in given.items()}
    unknown = [
        Unknown(_NOT_KNOWN[name], value) for name, value in given.items() if value.strip() and not read[name]
    ]
    alone = read.pop("trl", "")
    for bound in ("trl_min", "trl_max"):
        read[bound] = read.get(bound) or alone
    return Asked(question, **read), unknown


def _one_of(known: Collection[str]) -> Callable[[str], str]:
    return lambda written: written if written in known else ""


def _cpv(written: str) -> str:
    """The beginning of a code, without the check digit; empty for one that no code begins with."""
    digits = written.strip().partition("-")[0]
    known = re.fullmatch(CPV_PREFIX, digits) and any(code.startswith(digits) for code in cpv_labels())
    return digits if known else ""


_READERS: Mapping[str, Callable[[str], str]] = {
    "kind": _one_of([one.value for one in SearchKind]),
    "country": lambda written: find_country(written) or "",
    "cpv": _cpv,
    "stage": _one_of([one.value for one in PhaseStage]),
    "trl": _one_of(_LEVELS),
    "trl_min": _one_of(_LEVELS),
    "trl_max": _one_of(_LEVELS),
}
"""What is meant by what is written, empty where that is nothing."""


def choices(facets: Facets, asked: Asked) -> list[tuple[str, list[Choice]]]:
    """Per facet that has something to choose its title and its values."""
    found = []
    for name, title in _TITLES.items():
        values: Sequence[FacetValue] = getattr(facets, name)
        if name == "trl":
            values = _at_least(values)
            present = "" if asked.trl_max else asked.trl_min
        else:
            present = getattr(asked, name)
        offered = [
            Choice(
                name,
                one,
                asked.choosing(name, "" if one.value == present else one.value),
                one.value == present,
            )
            for one in values
        ]
        if offered:
            found.append((title, offered))
    return found


def _at_least(levels: Sequence[FacetValue]) -> list[FacetValue]:
    """Who needs a TRL takes a higher one too: each level with those above it. Nine are never cut short."""
    found: list[FacetValue] = []
    count = 0
    for one in sorted(levels, key=lambda level: level.value, reverse=True):
        count += one.count
        found.append(FacetValue(value=one.value, label=_levels(one.value, ""), count=count))
    return found[::-1]


def chosen(facets: Facets, asked: Asked) -> list[tuple[str, str]]:
    """What narrows the answer, each with the address without it."""
    found = []
    for name, title in _TITLES.items():
        value = _levels(asked.trl_min, asked.trl_max) if name == "trl" else getattr(asked, name)
        if value:
            labels = {one.value: one.label for one in getattr(facets, name)}
            label = country_name(value) if name == "country" else labels.get(value, value)
            found.append((f"{title}: {label}", asked.choosing(name)))
    return found


def _levels(low: str, high: str) -> str:
    """From the one to the other, empty where neither is set."""
    if low and (low == high or (low == max(_LEVELS) and not high)):
        return f"TRL {low}"
    if low and high:
        return f"TRL {low} to {high}"
    if low:
        return f"TRL {low} or more"
    return f"TRL {high} or less" if high else ""
