"""A company: what it can do, and what it has done."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import CompanyId, Contract, Day, OrganisationId, Trl, Version, Whole
from schemas.challenge import LifecycleStage
from schemas.codes import CountryCode, CpvCode, LanguageCode, NutsCode
from schemas.links import Links
from schemas.text import CapabilityText, FreeId, Label, Name, Note

CAPABILITIES_MAX = 500
"""Capabilities and references of one company; the busiest organisation in CORDIS FP7 has 314."""
LABELS_MAX = 50
YEAR_MIN, YEAR_MAX = 1950, 2100


class SizeClass(StrEnum):
    """Commission Recommendation 2003/361/EC; micro, small and medium together are SMEs."""

    micro = "micro"
    small = "small"
    medium = "medium"
    large = "large"
    research = "research-organisation"


class CompanyState(StrEnum):
    """The life of a profile. `draft`: its owner's alone, until it is published; `stale`: nobody has changed
    or confirmed it for a year. A stale profile is matched as an active one is, with the same score."""

    draft = "draft"
    active = "active"
    stale = "stale"
    withdrawn = "withdrawn"


MATCHED_STATES = frozenset({CompanyState.active, CompanyState.stale})
"""In the index, matched, shown and counted; stale is active with a question mark."""


class Capability(Contract):
    """Something the company can do, in its own words; each gets a vector of its own."""

    id: FreeId
    text: CapabilityText
    language: LanguageCode = "en"
    trl: Trl | None = None
    stages: tuple[LifecycleStage, ...] = ()
    evidence: Note | None = None
    certifications: Annotated[tuple[Label, ...], Field(max_length=LABELS_MAX)] = ()


class Reference(Contract):
    """Something the company has done for somebody; it gets a vector of its own, as a capability does."""

    id: FreeId
    text: CapabilityText
    language: LanguageCode = "en"
    client: Name | None = None
    year: Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX), Whole] | None = None
    trl: Trl | None = None
    stages: tuple[LifecycleStage, ...] = ()


class CompanyContent(Contract):
    """A profile as its owner writes it."""

    name: Name
    legal_id: Annotated[Label | None, Field(description="National register or VAT number; unique")] = None
    country: CountryCode
    nuts: NutsCode | None = None
    size_class: SizeClass | None = None
    languages: Annotated[tuple[LanguageCode, ...], Field(max_length=LABELS_MAX)] = ()
    cpv: Annotated[tuple[CpvCode, ...], Field(max_length=LABELS_MAX)] = ()
    website: Annotated[str | None, Field(pattern=r"^https?://[^\s]+$", max_length=2_000)] = None
    related_undertakings: Annotated[
        tuple[Name, ...], Field(max_length=LABELS_MAX, description="Ids or legal ids of linked companies")
    ] = ()
    capabilities: Annotated[tuple[Capability, ...], Field(max_length=CAPABILITIES_MAX)] = ()
    references: Annotated[tuple[Reference, ...], Field(max_length=CAPABILITIES_MAX)] = ()
    ip_position: Note | None = None
    last_confirmed: Annotated[
        Day | None,
        Field(
            description="Day on which somebody last said that the profile holds. It never goes back: where a "
            "later day is known, that one stays"
        ),
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [part.id for part in self.capabilities] + [part.id for part in self.references]
        repeated = sorted(name for name, uses in Counter(ids).items() if uses > 1)
        if repeated:
            raise ValueError(f"capabilities and references: the id {repeated[0]!r} is used more than once")
        if len(ids) > CAPABILITIES_MAX:
            raise ValueError(f"at most {CAPABILITIES_MAX} capabilities and references together")
        return self


class Company(CompanyContent):
    """A profile as it is kept. `owner` is the organisation that may change it. `changed_at`: when what it
    says last changed; to confirm it, or to let it go stale, makes a version and is no change of that."""

    id: CompanyId
    version: Version
    content_version: Annotated[
        Version | None,
        Field(
            description="Version in which what it says last changed, which matches name; null: this very one"
        ),
    ] = None
    state: CompanyState
    owner: OrganisationId
    changed_at: AwareDatetime

    @property
    def matched_version(self) -> int:
        """The version that index and matches are of."""
        return self.content_version or self.version


class ProfileStanding(Contract):
    """How far a profile has been looked after, for whoever thinks of calling the company. It is in no score:
    a stale profile is matched as any other is."""

    state: CompanyState
    last_confirmed: Annotated[Day, Field(description="Day on which it was last changed or confirmed")]


class CompanyView(Company):
    """A profile as the API answers it."""

    links: Links


class ImportProblem(Contract):
    """A row that did not come in, and why. `line` is its number as an editor or Excel shows it."""

    line: Annotated[int, Field(ge=0)]
    reason: str
    name: str | None = None


class ImportReport(Contract):
    """What became of a file. `combined`: further rows of a company that the file had before, whose texts were
    added to it. `problems` lists the first of `problem_count`."""

    format: Literal["csv", "xlsx", "jsonl"]
    encoding: str
    rows: Annotated[int, Field(ge=0)]
    created: Annotated[int, Field(ge=0)]
    updated: Annotated[int, Field(ge=0)]
    unchanged: Annotated[int, Field(ge=0)]
    combined: Annotated[int, Field(ge=0)]
    problem_count: Annotated[int, Field(ge=0)]
    problems: tuple[ImportProblem, ...]
    ignored_columns: Annotated[
        tuple[str, ...], Field(description="Headings that mean nothing here; nothing of theirs is kept")
    ]
