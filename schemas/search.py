"""Search for people: what is found, and why it is there."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import ChallengeId, CompanyId, Contract, Share, Trl
from schemas.codes import CountryCode, LanguageCode
from schemas.company import ProfileStanding
from schemas.links import Links


class SearchKind(StrEnum):
    """What is found. A company is found by its name, or by what it does; a capability (or reference) is one
    text of a company."""

    challenge = "challenge"
    company = "company"
    capability = "capability"


class FoundField(StrEnum):
    """Where in a challenge or a profile the text stands."""

    company_name = "company_name"
    challenge_title = "challenge_title"
    buyer = "buyer"
    need = "need"
    requirement = "requirement"
    capability = "capability"
    reference = "reference"


class FoundBy(StrEnum):
    """What the text has in common with what was asked: `words`; `spelling`, words that are written nearly so;
    `translation`, words of another language that stand for the same; `meaning`, as the models see it, which
    no single word carries."""

    words = "words"
    spelling = "spelling"
    translation = "translation"
    meaning = "meaning"


class FoundWord(Contract):
    """A word of the text for which it was found: its span [start, end), and the word of the question that it
    stands for."""

    word: str
    at: tuple[int, int]
    stands_for: str


class FoundText(Contract):
    """A text for which something was found; of a long one the passage around its first word. `id`: of the
    requirement, capability or reference, as its owner calls it."""

    field: FoundField
    id: str | None = None
    text: str
    language: LanguageCode | None = None
    by: FoundBy
    words: tuple[FoundWord, ...] = ()


class FoundItem(Contract):
    """Something that was found. `name`: the title of a challenge, else the company's name. `relevance` orders
    this answer; it says nothing beyond it, and is no score of a match."""

    kind: SearchKind
    challenge: ChallengeId | None = None
    company: CompanyId | None = None
    name: str
    buyer_name: str | None = None
    deadline: date | None = None
    country: CountryCode | None = None
    profile: Annotated[
        ProfileStanding | None,
        Field(description="Of a company or capability: whether the profile was looked after lately"),
    ] = None
    trl: Trl | None = None
    relevance: Share
    found_in: Annotated[
        tuple[FoundText, ...], Field(description="The texts that come nearest, the best first")
    ]
    links: Links


class FacetValue(Contract):
    """What to narrow the answer to, in words, and how many of those found it would leave: with a country also
    the challenges that are open to all."""

    value: str
    label: str
    count: Annotated[int, Field(ge=0)]


class Facets(Contract):
    """Counted among what was found, each with the other filters in force. `cpv`: divisions of the vocabulary,
    its first two digits. A capability counts with its own stages and TRL, a company with all its stages and
    its highest TRL."""

    kind: tuple[FacetValue, ...]
    country: tuple[FacetValue, ...]
    cpv: tuple[FacetValue, ...]
    stage: tuple[FacetValue, ...]
    trl: tuple[FacetValue, ...]


class ReadAs(Contract):
    """A word of the question that no text has, and the one that was looked for besides."""

    word: str
    read_as: str


class SearchAnswer(Contract):
    """A page of what was found. `total`: of all pages; the nearest few hundred texts are looked at.
    `language`: that the question was read in. `without`: for an answer that is empty because of its filters,
    how many each of them keeps away alone."""

    items: tuple[FoundItem, ...]
    next: Annotated[str | None, Field(description="Send it as `cursor` to go on; null: that was all")] = None
    total: Annotated[int, Field(ge=0)]
    language: LanguageCode
    spelling: tuple[ReadAs, ...] = ()
    facets: Facets
    without: tuple[FacetValue, ...] = ()
