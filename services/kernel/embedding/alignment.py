"""Which English terms the words of another language stand for, learnt from texts in both.

IBM model 1 (Brown, Della Pietra, Della Pietra and Mercer, "The mathematics of statistical machine
translation", 1993): word order is not looked at, and every word of one text may be the cause of every word
of the other. Labels are short, so that this suffices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.kernel.embedding.lexicon import PROBABILITY_SCALE

ROUNDS = 6
"""Of expectation-maximisation; the tables hardly move after five."""
TERMS_PER_WORD = 6
PROBABILITY_MIN = 0.02
"""Less likely terms of a word are chance."""


def presence(documents: Sequence[Sequence[str]]) -> tuple[sparse.csr_array, list[str]]:
    """Which word is in which document: ones, shape (documents, words); and the words, by first use."""
    place: dict[str, int] = {}
    rows = [list(dict.fromkeys(place.setdefault(word, len(place)) for word in words)) for words in documents]
    indices = np.concatenate([np.array(row, np.int64) for row in rows])
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    ones = np.ones(indices.size)
    return sparse.csr_array((ones, indices, starts), shape=(len(rows), len(place))), list(place)


def align(foreign: sparse.csr_array, english: sparse.csr_array) -> sparse.csr_array:
    """The probability of every English term given a foreign word, shape (words, terms), from the presences of
    both in the same documents. Every document also has an empty word, which takes what belongs to none."""
    documents, words = foreign.shape
    terms = english.shape[1]
    empty = np.array([words])
    word, term, document = [], [], []
    for at in range(documents):
        ours = np.append(foreign.indices[foreign.indptr[at] : foreign.indptr[at + 1]], empty)
        theirs = english.indices[english.indptr[at] : english.indptr[at + 1]]
        word.append(np.repeat(ours, theirs.size))
        term.append(np.tile(theirs, ours.size))
        document.append(np.full(ours.size * theirs.size, at))
    joined = np.concatenate(term).astype(np.int64)
    _, slot = np.unique(np.concatenate(document).astype(np.int64) * terms + joined, return_inverse=True)
    pairs, pair = np.unique(np.concatenate(word).astype(np.int64) * terms + joined, return_inverse=True)
    of_word, of_term = pairs // terms, pairs % terms
    probability = np.ones(pairs.size)
    for _ in range(ROUNDS):
        share = probability[pair]
        share /= np.bincount(slot, share)[slot]
        counted = np.bincount(pair, share, pairs.size)
        probability = counted / np.bincount(of_word, counted)[of_word]
    kept = of_word < words
    entries = (probability[kept], (of_word[kept], of_term[kept]))
    return sparse.csr_array(entries, shape=(words, terms))


def pruned(table: sparse.csr_array) -> sparse.csr_array:
    """The likeliest terms of each word, in 255ths."""
    data: list[NDArray[np.uint8]] = []
    indices: list[NDArray[np.int64]] = []
    starts = [0]
    for row in range(table.shape[0]):
        span = slice(table.indptr[row], table.indptr[row + 1])
        values = table.data[span]
        best = np.argsort(-values, kind="stable")[:TERMS_PER_WORD]
        best = best[values[best] >= PROBABILITY_MIN]
        data.append(np.rint(values[best] * PROBABILITY_SCALE).astype(np.uint8))
        indices.append(table.indices[span][best].astype(np.int64))
        starts.append(starts[-1] + best.size)
    entries = (np.concatenate(data), np.concatenate(indices), np.array(starts))
    return sparse.csr_array(entries, shape=table.shape)
