"""Which words carry the likeness of a requirement and a capability, and which words are missing.

A citation says no more than the score knows. Words that both texts have are what the word part of the
score consists of, and without the cited ones that part is lower: this is checked before they are cited.
Where next to nothing is shared, likeness is one of meaning alone, which no single word carries: then none is
cited. (Tried on the demo data: without the most specific words of such a text, or those of a common beginning
with the requirement's, the answer was as good or better in 18 % and 12 % of the cases. To mark them would be
to make something up.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

from schemas.match import CarryingWord
from services.intake.cues import MANDATORY, PHRASING, WISHED
from services.kernel.embedding.lexical import LexicalEncoder, TermAt

SHARED_MAX = 6
"""Terms cited: what a person takes in at a glance."""
CARRIES_MIN = 0.03
"""What the word part of the likeness falls by, at least, without the words that are cited. Below it the
model's own opinion of a text with a few words less outweighs it: of 697 answers of the demo data 9 were none
the worse without words that carried up to .006, none of those that carried more."""
MISSING_MAX = 3
MISSING_SHARE = 0.5
"""A missing word weighs at least half as much as the heaviest of the requirement: others are no gap."""
NO_GAP = (MANDATORY, WISHED, PHRASING)
"""A company lacks no "must" and no "provide": how a need is phrased says nothing of what it is about. These
are the words that requirements are cut by, in the languages of the Union as far as they go; general lists of
stop words take "ring", "shell", "thin" and "test" away too."""
BEGINNING_MIN = 4
"""Letters that related words begin with in common, and at least half of the longer of the two."""
DECIMALS = 3
SIDES_REMEMBERED = 4_096
"""Texts taken apart and kept, some 5 kB each: one requirement meets hundreds of capabilities."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two texts: its terms, the heaviest first, and where each stands."""

    text: str
    weights: dict[str, float]
    places: dict[str, list[Span]]


def carrying_words(requirement: str, capability: str, encoder: LexicalEncoder) -> tuple[CarryingWord, ...]:
    """The words that make the two texts alike, those that weigh most first.

    The weight of a word is its share in the text (of the requirement, if it stands there): the shares of
    all words of a text sum to 1. A word that stands in one text more often than in the other is cited
    without a counterpart there. None where the shared words carry less than CARRIES_MIN.
    """
    needed, offered = _side(requirement, encoder), _side(capability, encoder)
    if word_cosine(requirement, capability, encoder) < CARRIES_MIN:
        return ()
    cited = _enough_to_matter(_by_contribution(needed, offered), needed, offered, encoder)
    return tuple(word for term in cited for word in _pairs(term, term, needed, offered))


class Vocabulary:
    """The terms of a company's texts, for `missing_words`."""

    def __init__(self, texts: Iterable[str], encoder: LexicalEncoder) -> None:
        self._terms = {term for text in texts for term in _side(text, encoder).weights}
        self._families: dict[str, list[str]] = defaultdict(list)
        for term in self._terms:
            self._families[term[:BEGINNING_MIN]].append(term)

    def knows(self, term: str) -> bool:
        """It, or a word related to it, is in the texts."""
        family = self._families.get(term[:BEGINNING_MIN], ())
        return term in self._terms or any(_akin(term, one) for one in family)


def missing_words(requirement: str, known: Vocabulary, encoder: LexicalEncoder) -> tuple[str, ...]:
    """The most specific words of a requirement that the company's texts do not have, nor a related word, as
    they are written; the heaviest first, MISSING_MAX at the most."""
    taken: list[Span] = []
    for term, place in _what_it_is_about(requirement, encoder):
        if not known.knows(term) and not _touches(place, taken):
            taken.append(place)
    return tuple(requirement[start:end] for start, end in taken[:MISSING_MAX])


@lru_cache(maxsize=SIDES_REMEMBERED)
def _what_it_is_about(requirement: str, encoder: LexicalEncoder) -> tuple[tuple[str, Span], ...]:
    """Terms whose lack would be a gap, each with its first place; the heaviest first."""
    side = _side(requirement, encoder)
    phrasing = [found.span() for words in NO_GAP for found in words.finditer(requirement)]
    places = {
        term: place
        for term in side.weights
        if (place := next((one for one in side.places[term] if not _touches(one, phrasing)), None))
    }
    least = MISSING_SHARE * max((side.weights[term] for term in places), default=0.0)
    return tuple((term, place) for term, place in places.items() if side.weights[term] >= least)


def _touches(place: Span, others: Iterable[Span]) -> bool:
    return any(start < place[1] and place[0] < end for start, end in others)


def without(text: str, spans: Collection[Span]) -> str:
    """The text with these spans blanked."""
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def word_cosine(requirement: str, capability: str, encoder: LexicalEncoder) -> float:
    """The word part of the similarity of two texts, in [0, 1]."""
    needed, offered = _side(requirement, encoder), _side(capability, encoder)
    return sum(weight * offered.weights.get(term, 0.0) for term, weight in needed.weights.items())


@lru_cache(maxsize=SIDES_REMEMBERED)
def _side(text: str, encoder: LexicalEncoder) -> _Side:
    found = sorted(encoder.terms(text), key=_heaviest_first)
    places: dict[str, list[Span]] = defaultdict(list)
    for word in found:
        if word.weight > 0.0:
            places[word.term].append((word.start, word.end))
    return _Side(text, {word.term: word.weight for word in found if word.weight > 0.0}, dict(places))


def _heaviest_first(word: TermAt) -> tuple[float, int]:
    return -word.weight, word.start


def _by_contribution(needed: _Side, offered: _Side) -> list[str]:
    shared = [term for term in needed.weights if term in offered.weights]
    return sorted(shared, key=lambda term: (-needed.weights[term] * offered.weights[term], term))


def _enough_to_matter(
    shared: Sequence[str], needed: _Side, offered: _Side, encoder: LexicalEncoder
) -> list[str]:
    """The first terms without which the word part is lower, from either side, and by CARRIES_MIN from the
    company's. Without a few words the others weigh more, so it can happen that more must be cited; without
    all of them it is nothing."""
    before = word_cosine(needed.text, offered.text, encoder)
    for count in range(min(SHARED_MAX, len(shared)), len(shared)):
        asked, said = (
            without(side.text, [place for term in shared[:count] for place in side.places[term]])
            for side in (needed, offered)
        )
        if (
            word_cosine(asked, offered.text, encoder) < before
            and word_cosine(needed.text, said, encoder) <= before - CARRIES_MIN
        ):
            return list(shared[:count])
    return list(shared)


def _pairs(term: str, other: str, needed: _Side, offered: _Side) -> list[CarryingWord]:
    """Every place of a term beside its counterpart in the other text."""
    places = list(zip_longest(needed.places[term], offered.places[other]))
    weight = round(needed.weights[term] ** 2 / len(needed.places[term]), DECIMALS)
    return [
        CarryingWord(
            word=needed.text[slice(*here)] if here else offered.text[slice(*there)],
            weight=weight if here else 0.0,
            in_requirement=here,
            in_capability=there,
        )
        for here, there in places
    ]


def _akin(one: str, other: str) -> bool:
    """Two terms of one family, judged by how they begin. Numbers and codes have no relatives."""
    if one[:BEGINNING_MIN] != other[:BEGINNING_MIN] or not (one.isalpha() and other.isalpha()):
        return False
    common = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    length = min(len(one), len(other)) if common is None else common
    return length >= BEGINNING_MIN and 2 * length >= max(len(one), len(other))
