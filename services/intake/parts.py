"""Which texts of a challenge or a company get a vector of their own.

One vector per requirement and one per capability or reference, never one mean vector: a mean of many
competences is near to nothing in particular. A challenge also has its *whole* (title and need), because
a need says things that no single requirement repeats.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count
from math import ceil

from schemas.challenge import Challenge
from schemas.company import Capability, Company, Reference
from services.intake.segmentation import segments
from services.kernel.embedding.languages import DETECTOR

WHOLE = "whole"
"""Part id of a challenge's title and need together. A client's requirement of this name gets no clash:
requirement parts carry the prefix below."""
REQUIREMENT_PREFIX = "r:"

PASSAGE_MAX = 1_100
"""Characters of a capability or reference that one vector stands for: what the bundled model's window of 256
tokens holds of English; of what is beyond it, a model reads nothing. On abstracts of 1,100 to 2,000
characters, which say at their beginning what they are about, cutting changes nothing (weighted Kendall loss
on the expertise collection .205 to .210 with and without); a profile that lists its competences in one long
text is found by the last of them, too."""

CUTTING = "p1"
"""Version of which texts become parts: with another one the index is built anew."""


@dataclass(frozen=True, slots=True)
class Part:
    """One text to embed. `id` is unique within its entity. `passage_of`: the capability or reference that
    the text is a further passage of; `language`: what is stated of it, ISO 639-1."""

    id: str
    text: str
    passage_of: str | None = None
    language: str = "en"

    @property
    def stated_as(self) -> str:
        """The id that its owner knows it by."""
        return self.passage_of or self.id


def stated_as(part: str, stated: Collection[str]) -> str:
    """The id that the owner of a part knows it by, told from the part's own id alone; `stated`: the ids of
    the company's capabilities and references."""
    return part if part in stated else part.rpartition("#")[0]


def language_of(part: Part) -> str:
    """As it is stated, or as the letters clearly speak for another one."""
    return DETECTOR.detect(part.text, part.language) or part.language


def challenge_parts(challenge: Challenge) -> list[Part]:
    """The whole first, then the requirements in their order."""
    language = challenge.language
    whole = Part(WHOLE, f"{challenge.title}\n{challenge.need}", language=language)
    return [
        whole,
        *(Part(REQUIREMENT_PREFIX + one.id, one.text, language=language) for one in challenge.requirements),
    ]


def company_parts(company: Company) -> list[Part]:
    """Capabilities, then references, in their order; a long one as several passages. A text that is there
    twice counts once: repeating oneself must not raise a score."""
    stated: list[Capability | Reference] = [*company.capabilities, *company.references]
    taken = {one.id for one in stated}
    first: dict[str, Part] = {}
    for one in stated:
        for part in _passages(one, taken):
            first.setdefault(" ".join(part.text.casefold().split()), part)
    return list(first.values())


def _passages(stated: Capability | Reference, taken: Collection[str]) -> Iterator[Part]:
    """The first is called as its owner calls it, the others `c1#2`, `c1#3`, …, with numbers left out where
    the owner has used such a name."""
    numbers = count(2)
    for place, text in enumerate(passages(stated.text, stated.language)):
        if place == 0:
            yield Part(stated.id, text, language=stated.language)
        else:
            name = next(name for number in numbers if (name := f"{stated.id}#{number}") not in taken)
            yield Part(name, text, stated.id, stated.language)


def passages(text: str, language: str | None = None) -> list[str]:
    """The text as it is, or cut between sentences into pieces of about one length, none above PASSAGE_MAX
    characters; each is an exact quotation."""
    if len(text) <= PASSAGE_MAX:
        return [text]
    target = len(text) / ceil(len(text) / PASSAGE_MAX)
    found: list[tuple[int, int]] = []
    for segment in segments(text, language):
        start, end = found[-1] if found else (0, 0)
        if found and end - start < target and segment.end - start <= PASSAGE_MAX:
            found[-1] = (start, segment.end)
        else:
            found.append((segment.start, segment.end))
    return [text[start:end] for start, end in found] or [text[:PASSAGE_MAX]]
