"""Words of one language and the English terms they stand for, as parallel labels teach it.

The table of a language is IBM model 1 (Brown et al. 1993) over the CPV labels; see `build_multilingual`. A
word that no label has, a compound or an inflected form, stands for the label words most like it in letters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.kernel.embedding.letters import grams
from services.kernel.embedding.word_memory import Found, Word, WordMemory

NEAREST = 5
"""Label words that a word may stand for."""
ALIKE_MIN = 0.35
"""Cosine of letters below which two words have nothing to do with one another."""
OWN = 2.0
"""Weight of a label word for itself, on top of its cosine with itself: four times one that looks like it."""
PROBABILITY_SCALE = 255
"""Tables hold probabilities as whole numbers of 255ths."""
WORDS_REMEMBERED = 32_768
"""Translated words kept per language: some 10 MB when full. A word anew costs a tenth of a millisecond."""

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class Lexicon:
    """Thread-safe: nothing changes after construction but the memory of words, which has its own lock."""

    def __init__(self, words: Sequence[str], table: sparse.csr_array) -> None:
        """`words`: folded, each once. `table`: shape (words, terms), in 255ths the probability of a term
        given the word."""
        self._place = {word: place for place, word in enumerate(words)}
        self._starts, self._terms = table.indptr.astype(np.int64), table.indices.astype(np.int64)
        self._probability = table.data.astype(np.float64) / PROBABILITY_SCALE
        self._index_letters(words)
        self._memory = WordMemory(lambda word: Word(*self.translate(word)), most=WORDS_REMEMBERED)

    def _index_letters(self, words: Sequence[str]) -> None:
        """For every n-gram the words that have it, by place, and its weight in each."""
        self._gram: dict[str, int] = {}
        rows = [
            sorted({self._gram.setdefault(one, len(self._gram)) for one in grams(word)}) for word in words
        ]
        owner = np.repeat(np.arange(len(words)), [len(row) for row in rows])
        gram = np.concatenate([np.array(row, np.int64) for row in rows])
        holders = np.bincount(gram, minlength=len(self._gram))
        self._rarity = np.log((len(words) + 1) / (holders + 0.5))
        self._rarest = float(self._rarity.max())
        length = np.sqrt(np.bincount(owner, np.square(self._rarity[gram]), len(words)))
        order = np.argsort(gram, kind="stable")
        self._holder = owner[order]
        self._weight = (self._rarity[gram] / length[owner])[order]
        self._holders = np.concatenate([[0], np.cumsum(holders)])

    def find(self, words: Sequence[str]) -> Found:
        """Of several folded words what `translate` gives for each; what was asked for once is remembered."""
        return self._memory.find(words)

    def translate(self, word: str) -> tuple[Places, Floats]:
        """English terms (places in the columns of the table) of a folded word, and their weights, which sum
        to 1 at most; less, the less the word is like any that is known."""
        places, shares = self._alike(word)
        if not places.size:
            return np.empty(0, np.int64), np.empty(0)
        shares = shares * (min(float(shares.max()), 1.0) / float(shares.sum()))
        spans = [slice(self._starts[place], self._starts[place + 1]) for place in places]
        terms = np.concatenate([self._terms[span] for span in spans])
        weights = np.concatenate(
            [share * self._probability[span] for share, span in zip(shares, spans, strict=True)]
        )
        found, back = np.unique(terms, return_inverse=True)
        likely = np.zeros(found.size)
        np.add.at(likely, back, weights)
        return found, likely

    def _alike(self, word: str) -> tuple[Places, Floats]:
        """The label words that a word stands for, and their shares: squared cosines of letters. An n-gram
        that no label word has counts as the rarest one, so that a strange word is like nothing."""
        names = set(grams(word))
        known = sorted(self._gram[name] for name in names if name in self._gram)
        unknown = (len(names) - len(known)) * self._rarest**2
        length = math.sqrt(math.fsum(float(self._rarity[gram]) ** 2 for gram in known) + unknown)
        cosines = np.zeros(len(self._place))
        if known:
            spans = [slice(self._holders[gram], self._holders[gram + 1]) for gram in known]
            holders = np.concatenate([self._holder[span] for span in spans])
            weights = np.concatenate(
                [self._rarity[gram] * self._weight[span] for gram, span in zip(known, spans, strict=True)]
            )
            cosines = np.bincount(holders, weights, len(self._place)) / length
        places = np.flatnonzero(cosines >= ALIKE_MIN)
        places = places[np.argsort(-cosines[places], kind="stable")[:NEAREST]]
        shares: Floats = np.square(cosines[places])
        own = self._place.get(word)
        if own is not None:
            shares[places == own] += OWN
        return places, shares
