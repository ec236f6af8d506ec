"""Which texts of a challenge or a company get a vector of their own.

One vector per requirement and one per capability or reference, never one mean vector: a mean of many
competences is near to nothing in particular. A challenge also has its *whole* (title and need), because
a need says things that no single requirement repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.challenge import Challenge
from schemas.company import Company

WHOLE = "whole"
"""Part id of a challenge's title and need together. A client's requirement of this name gets no clash:
requirement parts carry the prefix below."""
REQUIREMENT_PREFIX = "r:"


@dataclass(frozen=True, slots=True)
class Part:
    """One text to embed. `id` is unique within its entity."""

    id: str
    text: str


def challenge_parts(challenge: Challenge) -> list[Part]:
    """The whole first, then the requirements in their order."""
    whole = Part(WHOLE, f"{challenge.title}\n{challenge.need}")
    return [whole, *(Part(REQUIREMENT_PREFIX + one.id, one.text) for one in challenge.requirements)]


def company_parts(company: Company) -> list[Part]:
    """Capabilities, then references, in their order. A text that is there twice counts once: repeating
    oneself must not raise a score."""
    first: dict[str, Part] = {}
    for part in _company_parts(company):
        first.setdefault(" ".join(part.text.casefold().split()), part)
    return list(first.values())


def _company_parts(company: Company) -> Iterator[Part]:
    for capability in company.capabilities:
        yield Part(capability.id, capability.text)
    for reference in company.references:
        yield Part(reference.id, reference.text)
