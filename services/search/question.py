"""What somebody asks, read: its words, the words that may have been meant, its language, its vectors."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from services.kernel.embedding.letters import cut
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.multilingual import FALLBACK, MultilingualEncoder
from services.kernel.vectors.port import Sparse
from services.search.spelling import Spelling

MEANT_WEIGHT = 0.5
"""Of a word that may have been meant, beside the word as it is written: what is written counts first."""


CHECKED_MAX = 12
"""Words that are looked up for slips: a strange one costs some milliseconds, and what comes after a dozen is
a sentence whose meaning counts."""
STEM_MIN = 4
ENDING_MAX = 2
"""Letters of an ending in which two forms of a word differ."""
BEGINS = 0.5
"""What a word counts of which the labels have another form alone."""


@dataclass(frozen=True, slots=True)
class Question:
    """`meant`: by the word as it is written, the term that was probably meant. `words`: the vector of both.
    `language`: ISO 639-1, given or guessed."""

    text: str
    meant: Mapping[str, str]
    words: Sparse
    language: str

    @property
    def spoken(self) -> str:
        """The text with what may have been meant behind it, for a model of meaning."""
        return " ".join((self.text, *self.meant.values()))


def read(
    text: str,
    language: str | None,
    lexical: LexicalEncoder,
    spelling: Spelling,
    multilingual: MultilingualEncoder,
) -> Question:
    """`language`: None to have it guessed."""
    said = [one for one in lexical.terms(text) if one.weight > 0.0]
    meant = {
        text[one.start : one.end]: near
        for one in said[:CHECKED_MAX]
        if (near := spelling.meant(one.term)) is not None
    }
    words = lexical.query(text)
    if meant:
        words = _sum(words, lexical.query(" ".join(meant.values())), MEANT_WEIGHT)
    return Question(text, meant, words, language or guess(text, multilingual))


def guess(text: str, multilingual: MultilingualEncoder) -> str:
    """The language whose CPV labels have most of the words, or else words that begin so; English where none
    has more."""
    asked = cut(text)
    shares = {
        language: sum(_known(word, known) for word in asked)
        for language, known in multilingual.label_words.items()
    }
    return max(shares, key=lambda one: (shares[one], one == FALLBACK, one))


def _known(word: str, known: Sequence[str]) -> float:
    """1 for a word that is there; for one that others begin like, but for an ending, up to BEGINS, the more
    the more letters they share."""
    place = bisect_left(known, word)
    neighbours = known[max(0, place - 1) : place + 1]
    if word in neighbours:
        return 1.0
    likeness = 0.0
    for other in neighbours:
        common = _common(word, other)
        if common >= max(STEM_MIN, len(word) - ENDING_MAX):
            likeness = max(likeness, common / max(len(word), len(other)))
    return BEGINS * likeness


def _common(one: str, other: str) -> int:
    """Letters that two words begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _sum(one: Sparse, other: Sparse, weight: float) -> Sparse:
    indices = np.union1d(one.indices, other.indices)
    values = np.zeros(indices.size, dtype=np.float32)
    values[np.searchsorted(indices, one.indices)] += one.values
    values[np.searchsorted(indices, other.indices)] += np.float32(weight) * other.values
    return Sparse(indices.astype(np.uint32), values)
