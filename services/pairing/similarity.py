"""How alike two needs are. Pure arithmetic on arrays.

A need has vectors of several *families*: the embedding of its text, its words, and whatever else is made of
the text (a multilingual embedding, say). In each family two needs have a cosine; their similarity is the
mean of the cosines, by the weights of the families:

    similarity(a, b) = sum of w x cosine(a, b) / sum of w,  over the families in which both have a vector

A need without a vector in a family (a row of zeros, or no words) is judged by the others alone: that a model
does not read a language says nothing about the need. Where they have no family in common it is 0.

It is symmetric, bit for bit: vectors are fixed point, so a dot product is exact in whatever order it is
summed, and the families are added in one order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.indexing.collections import TEXT, WORDS
from services.kernel.vectors.port import Sparse

Floats = NDArray[np.float64]
Rows = Floats | Sequence[Sparse]
"""One family's vectors: a matrix with a row for every need, of fixed-point numbers and length 1 or 0; or as
many sparse vectors, of length 1 or empty."""

WEIGHTS: Mapping[str, float] = {TEXT: 1.0, WORDS: 0.5}
"""Of the families, as in matching: the word cosine counts half of the cosine of the embeddings. Powers of two
keep the sum exact."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Needs as vectors, stacked. `families`: by name; every family has a row for every need."""

    count: int
    families: Mapping[str, Rows]

    def __post_init__(self) -> None:
        for name, rows in self.families.items():
            if len(rows) != self.count:
                raise ValueError(f"{self.count} needs, but {len(rows)} vectors of the family {name!r}")


def similarities(needs: Needs, others: Needs, weights: Mapping[str, float] = WEIGHTS) -> Floats:
    """Shape (needs, others), each in [-1, 1]; in [0, 1] where no cosine is negative.

    `weights`: of the families to look at, above 0. Raises ValueError for a family that one side lacks.
    """
    total = np.zeros((needs.count, others.count))
    weighed = np.zeros_like(total)
    for name, weight in weights.items():
        ours, theirs = _family(needs, name), _family(others, name)
        total += weight * _cosines(ours, theirs)
        weighed += weight * np.outer(_present(ours), _present(theirs))
    mean = np.divide(total, weighed, out=np.zeros_like(total), where=weighed > 0.0)
    return np.clip(mean, -1.0, 1.0)  # in fixed point a vector's length differs from 1 by up to 6e-4


def _family(needs: Needs, name: str) -> Rows:
    if name not in needs.families:
        raise ValueError(f"the needs have no vectors of the family {name!r}; they have {[*needs.families]}")
    return needs.families[name]


def _present(rows: Rows) -> NDArray[np.bool_]:
    if isinstance(rows, np.ndarray):
        return np.asarray(rows.any(axis=1), dtype=np.bool_)
    return np.array([one.indices.size > 0 for one in rows], dtype=np.bool_)


def _cosines(ours: Rows, theirs: Rows) -> Floats:
    if isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray):
        return np.asarray(ours @ theirs.T, dtype=np.float64)
    if isinstance(ours, np.ndarray) or isinstance(theirs, np.ndarray):
        raise ValueError("a family is dense on both sides or sparse on both")
    vocabulary = np.unique(np.concatenate([np.empty(0, np.uint32), *(one.indices for one in ours)]))
    return np.asarray((_matrix(ours, vocabulary) @ _matrix(theirs, vocabulary).T).toarray(), dtype=np.float64)


def _matrix(vectors: Sequence[Sparse], vocabulary: NDArray[np.uint32]) -> sparse.csr_array:
    """Their entries at the terms of a sorted vocabulary; others meet nothing on the other side."""
    terms = np.concatenate([np.empty(0, np.uint32), *(one.indices for one in vectors)])
    weights = np.concatenate([np.empty(0), *(one.values for one in vectors)]).astype(np.float64)
    rows = np.repeat(np.arange(len(vectors)), [one.indices.size for one in vectors])
    known = np.isin(terms, vocabulary)
    columns = np.searchsorted(vocabulary, terms[known])
    shape = (len(vectors), vocabulary.size)
    return sparse.csr_array((weights[known], (rows[known], columns)), shape=shape)
