"""Profiles and challenges in any number, recombined sentence by sentence from the demo data.

Sentences are real, their company is not: no two texts are alike, lengths and words are those of real ones.
A challenge stays with the subject of one real challenge, and some profiles are those of its specialists, so
that a market has answers as a real one has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from random import Random

from schemas.challenge import ChallengeContent
from schemas.company import Capability, CompanyContent
from services.demo.dataset import DemoData, load

SENTENCE_MIN, SENTENCE_MAX = 40, 260
"""Characters: shorter are headings, longer are lists run together."""
COUNTRIES = ("AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "IT", "NL", "PL", "PT", "SE")
CAPABILITIES = (1, 1, 2, 2, 2, 3, 3, 4)
"""Number of capabilities of a profile, one of these: 2.25 on average, as in the demo data."""
SENTENCES = (1, 2, 2, 3)
"""Sentences of a capability: about 230 characters, the median of the demo data."""
SPECIALISTS = 0.05
"""Share of profiles whose capabilities speak of what one real challenge asks for: among 20,000 companies some
thirty for each, about as many as the demo's challenges find."""
PROSE, ITEMS = 4, 6
"""Sentences and list items of a need: about 1,600 characters, from which some eight requirements are cut."""

_END_OF_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")


@cache
def demo() -> DemoData:
    return load()


@cache
def stated() -> tuple[str, ...]:
    """Sentences from profiles."""
    texts = (one.text for company in demo().companies.values() for one in company.capabilities)
    return _sentences(texts)


@cache
def needed() -> tuple[str, ...]:
    """Sentences from challenges."""
    return _sentences(str(one.fields["need"]) for one in demo().challenges)


@cache
def subjects() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Title and sentences of each challenge that has enough of them to be recombined."""
    found = ((one.fields["title"], _sentences([str(one.fields["need"])])) for one in demo().challenges)
    return tuple((str(title), sentences) for title, sentences in found if len(sentences) >= PROSE + ITEMS)


class Writer:
    """Writes texts; the same seed writes the same ones. Two texts of one writer are alike once in 10^5."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def capability(self, sentences: Sequence[str] | None = None) -> str:
        return " ".join(self._random.sample(sentences or stated(), self._random.choice(SENTENCES)))

    def profile(self, number: int) -> CompanyContent:
        speaks_of: Sequence[str] | None = None
        if self._random.random() < SPECIALISTS:
            _, speaks_of = self._random.choice(subjects())
        capabilities = tuple(
            Capability(id=f"c{place}", text=self.capability(speaks_of))
            for place in range(1, self._random.choice(CAPABILITIES) + 1)
        )
        country = self._random.choice(COUNTRIES)
        return CompanyContent(name=f"Company {number}", country=country, capabilities=capabilities)

    def challenge(self, buyer: str, deadline: date) -> ChallengeContent:
        title, subject = self._random.choice(subjects())
        sentences = self._random.sample(subject, PROSE + ITEMS)
        prose = " ".join(sentences[:PROSE])
        items = "\n".join(f"- {one}" for one in sentences[PROSE:])
        return ChallengeContent(
            title=title,
            need=f"{prose}\nThe solution must provide:\n{items}",
            buyer=buyer,
            deadline=deadline,
            language="en",
        )


def next_year(today: date) -> date:
    return today + timedelta(days=365)


def _sentences(texts: Iterable[str]) -> tuple[str, ...]:
    found = {one.strip(" -–•\t") for text in texts for one in _END_OF_SENTENCE.split(text)}
    return tuple(sorted(one for one in found if SENTENCE_MIN <= len(one) <= SENTENCE_MAX))
