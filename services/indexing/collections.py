"""The collections of the vector index, and the point that each text becomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from schemas.challenge import OPEN_STATES, Challenge
from schemas.company import Capability, Company, Reference
from services.indexing.names import of_name
from services.intake.parts import Part, language_of
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Vectors
from services.kernel.vectors.port import CollectionSpec, Equals, Filter, Payload, PayloadValue, Point

COMPANIES = "companies"
"""Alias: one point per capability or reference."""
CHALLENGES = "challenges"
"""Alias: one point per requirement, and one for the whole of a challenge."""
ALIASES = (COMPANIES, CHALLENGES)
NAMES = "names"
"""Alias: one point per company or challenge, by the letters of its name, or of its title and
buyer. For people who search."""

TEXT = "text"
"""Dense vector space: the embedding of the text."""
WORDS = "words"
"""Sparse vector space: its terms."""
MEANING = "meaning"
"""Dense vector space: what it means across languages."""
UNREAD = "unread"
"""Dense vector space of COMPANIES: the same, of those texts alone that the embedding model cannot read. To
look for these by a filter on MEANING takes five times as long."""
LETTERS = "letters"
"""Sparse vector space of NAMES: its letters."""

ENTITY = "entity"
VERSION = "version"
PART = "part"
LANGUAGE = "language"
"""Of a text, as it was found out."""
LANGUAGES_TOLD = "l2"
"""Version of how that is done and of what is made of it, for the fingerprint."""
KIND = "kind"
"""Of a name: the alias of the collection that its texts are in."""

_NAMESPACE = UUID("6f1d7d0e-5b0b-4f2f-9a35-2f0a4e1f8c11")
"""Fixed for good: point ids are derived from it, so that writing a point again overwrites it."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """One entity ready for the index: its texts and what they can be filtered by."""

    entity: str
    version: int
    parts: tuple[Part, ...]
    payload: Payload
    name: str


def collection_name(alias: str, fingerprint: str) -> str:
    """The collection behind an alias carries its generation's fingerprint: two models never share one."""
    return f"{alias}-{fingerprint}"


def specification(
    alias: str, fingerprint: str, dimensions: int, meaning: int | None = None
) -> CollectionSpec:
    """`dimensions`: of the embedding model; `meaning`: of MEANING and UNREAD, None without them."""
    if alias == NAMES:
        return CollectionSpec(
            name=collection_name(alias, fingerprint), dense={}, sparse=(LETTERS,), keywords=(ENTITY, KIND)
        )
    keywords = {
        COMPANIES: (ENTITY, LANGUAGE, "country", "cpv", "stages", "state"),
        CHALLENGES: (ENTITY, "countries", "cpv", "stages", "state", "buyer"),
    }[alias]
    across = (MEANING, UNREAD) if alias == COMPANIES else (MEANING,)
    return CollectionSpec(
        name=collection_name(alias, fingerprint),
        dense={TEXT: dimensions} | ({} if meaning is None else dict.fromkeys(across, meaning)),
        sparse=(WORDS,),
        keywords=keywords,
        numbers=("trl", VERSION),
    )


def point_id(entity: str, part: str) -> UUID:
    return uuid5(_NAMESPACE, f"{entity}/{part}")


def points(
    indexed: Indexed,
    vectors: Vectors,
    lexical: LexicalEncoder,
    meanings: Vectors | None = None,
    unread: Callable[[str], bool] | None = None,
) -> list[Point]:
    """One point per part; `vectors` and `meanings` have one row per part, in their order. `unread`: whether
    the embedding model cannot read a language, where the collection has UNREAD."""
    made = []
    for place, (part, vector) in enumerate(zip(indexed.parts, vectors, strict=True)):
        dense, language = {TEXT: vector}, language_of(part)
        if meanings is not None:
            dense[MEANING] = meanings[place]
            if unread is not None and unread(language) and meanings[place].any():
                dense[UNREAD] = meanings[place]
        made.append(
            Point(
                id=point_id(indexed.entity, part.id),
                dense=dense,
                sparse={WORDS: lexical.document(part.text)},
                payload=_payload(indexed) | {PART: part.id, LANGUAGE: language},
            )
        )
    return made


def name_point(alias: str, indexed: Indexed) -> Point | None:
    """`alias`: of the collection that its texts are in. None for a name without letters that are read."""
    letters = of_name(indexed.name)
    if not letters.indices.size:
        return None
    return Point(
        id=point_id(indexed.entity, NAMES),
        dense={},
        sparse={LETTERS: letters},
        payload=_payload(indexed) | {KIND: alias},
    )


def _payload(indexed: Indexed) -> dict[str, PayloadValue]:
    return {**indexed.payload, ENTITY: indexed.entity, VERSION: indexed.version}


def outdated(entity: str, version: int) -> Filter:
    """Points of the entity that another version left behind."""
    return Filter(must=(Equals(ENTITY, entity),), must_not=(Equals(VERSION, version),))


def every_point(entity: str) -> Filter:
    return Filter(must=(Equals(ENTITY, entity),))


def of_company(company: Company, parts: Sequence[Part]) -> Indexed:
    stated: list[Capability | Reference] = [*company.capabilities, *company.references]
    payload: dict[str, str | int | list[str]] = {
        "country": company.country,
        "cpv": list(company.cpv),
        "stages": sorted({stage.value for part in stated for stage in part.stages}),
        "state": company.state.value,
    }
    levels = [part.trl for part in stated if part.trl is not None]
    if levels:
        payload["trl"] = max(levels)
    return Indexed(company.id, company.matched_version, tuple(parts), payload, company.name)


def of_challenge(challenge: Challenge, parts: Sequence[Part]) -> Indexed:
    payload: dict[str, str | int | list[str]] = {
        "countries": list(challenge.eligible_countries),
        "cpv": list(challenge.cpv),
        "stages": sorted({phase.stage.value for phase in challenge.phases}),
        "state": challenge.state.value,
        "buyer": challenge.buyer,
    }
    if challenge.trl_start is not None:
        payload["trl"] = challenge.trl_start
    return Indexed(
        challenge.id, challenge.version, tuple(parts), payload, f"{challenge.title} {challenge.buyer_name}"
    )


def belongs_in_index(challenge: Challenge) -> bool:
    return challenge.state in OPEN_STATES
