"""What an answer is narrowed to, and whether something passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from schemas.codes import cpv_labels
from schemas.search import SearchKind
from services.indexing.collections import CHALLENGES, COMPANIES
from services.kernel.vectors.port import AnyOf, Between, Condition, Equals, Payload

BY_DEFAULT = frozenset({SearchKind.challenge, SearchKind.company})
"""Without a kind: capabilities are in it as what their company is found by."""


class Facet(StrEnum):
    kind = "kind"
    country = "country"
    cpv = "cpv"
    stage = "stage"
    trl = "trl"


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be narrowed by. `countries`: a company's own, or those that a challenge is open to, none for
    all; `trl`: the highest that a company states, or where a challenge starts. Of a capability `stages` and
    `trl` are its own, where that matters (`Wanted.looks_at_claims`), else its company's."""

    countries: tuple[str, ...]
    is_open_to_all: bool
    cpv: tuple[str, ...]
    stages: tuple[str, ...]
    trl: int | None

    @classmethod
    def of(cls, alias: str, payload: Payload) -> Facts:
        """Of a point of the index; `alias`: of the collection of its texts."""
        listed = _texts(payload.get("countries"))
        countries = (str(payload["country"]),) if alias == COMPANIES else listed
        trl = payload.get("trl")
        return cls(
            countries=countries,
            is_open_to_all=alias == CHALLENGES and not listed,
            cpv=_texts(payload.get("cpv")),
            stages=_texts(payload.get("stages")),
            trl=trl if isinstance(trl, int) else None,
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """None leaves that open. `cpv`: the beginning of a code."""

    kind: SearchKind | None = None
    country: str | None = None
    cpv: str | None = None
    stage: str | None = None
    trl_min: int | None = None
    trl_max: int | None = None

    @property
    def kinds(self) -> frozenset[SearchKind]:
        return BY_DEFAULT if self.kind is None else frozenset({self.kind})

    @property
    def set(self) -> tuple[Facet, ...]:
        """Those that narrow."""
        given: Mapping[Facet, object] = {
            Facet.kind: self.kind,
            Facet.country: self.country,
            Facet.cpv: self.cpv,
            Facet.stage: self.stage,
            Facet.trl: self.trl_min if self.trl_min is not None else self.trl_max,
        }
        return tuple(facet for facet, value in given.items() if value is not None)

    @property
    def looks_at_claims(self) -> bool:
        """Whether stages and TRL of single capabilities decide what is found or counted."""
        return self.kind is SearchKind.capability or bool({Facet.stage, Facet.trl} & set(self.set))

    def but(self, facet: Facet) -> Wanted:
        """Without this one."""
        if facet is Facet.trl:
            return replace(self, trl_min=None, trl_max=None)
        return replace(self, **{facet.value: None})

    def passes(self, facts: Facts) -> bool:
        """Whether it is let through, whatever its kind."""
        return (
            (self.country is None or facts.is_open_to_all or self.country in facts.countries)
            and (self.cpv is None or any(code.startswith(self.cpv) for code in facts.cpv))
            and (self.stage is None or self.stage in facts.stages)
            and self._passes_trl(facts.trl)
        )

    def _passes_trl(self, trl: int | None) -> bool:
        if self.trl_min is None and self.trl_max is None:
            return True
        return trl is not None and (self.trl_min or 1) <= trl <= (self.trl_max or 9)

    def conditions(self, alias: str) -> tuple[Condition, ...]:
        """The same for the index, as far as it can tell; the rest is left to `passes`. The index knows the
        stages and the highest TRL of a company as a whole: none of its capabilities has one above it."""
        found: list[Condition] = []
        if self.country is not None and alias == COMPANIES:
            found.append(Equals("country", self.country))
        if self.cpv is not None:
            found.append(AnyOf("cpv", _codes(self.cpv)))
        if self.stage is not None:
            found.append(Equals("stages", self.stage))
        if self.trl_min is not None or self.trl_max is not None:
            of_one = self.kind is SearchKind.capability
            found.append(Between("trl", self.trl_min or 1, None if of_one else self.trl_max))
        return tuple(found)


@lru_cache(maxsize=256)
def _codes(beginning: str) -> tuple[str, ...]:
    """Every code that begins so; itself where none does."""
    return tuple(code for code in cpv_labels() if code.startswith(beginning)) or (beginning,)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()
