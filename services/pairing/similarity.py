"""How alike two needs are. Pure arithmetic on arrays.

A need has vectors of several *families*: here the English terms that its words stand for and its meaning,
both comparable across languages (`MultilingualEncoder`). In each family two needs have a cosine; their
similarity is the mean of the cosines, by the weights of the families:

    similarity(a, b) = sum of w x cosine(a, b) / sum of w,  over the families in which both have a vector

A need without a vector in a family (a row of zeros, or no words) is judged by the others alone: that a model
does not read a language says nothing about the need. Where they have no family in common it is 0.

It is symmetric, bit for bit: vectors are fixed point, so a dot product is exact in whatever order it is
summed, and the families are added in one order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.kernel.embedding.fixed_point import as_float64
from services.kernel.embedding.multilingual import Multilingual, MultilingualEncoder
from services.kernel.vectors.port import Sparse

Floats = NDArray[np.float64]
Rows = Floats | Sequence[Sparse]
"""One family's vectors: a matrix with a row for every need, of fixed-point numbers and length 1 or 0; or as
many sparse vectors, of length 1 or empty."""

ENGLISH = "english"
MEANING = "meaning"
WEIGHTS: Mapping[str, float] = {ENGLISH: 1.0, MEANING: 0.5}
"""Of the families: .25 to 1 for the second are level (nDCG@10 .257 to .260 over needs in 22 languages).
Powers of two keep the sum exact."""


class Text(Protocol):
    """What is read of a need."""

    @property
    def title(self) -> str: ...

    @property
    def need(self) -> str: ...

    @property
    def language(self) -> str | None:
        """ISO 639-1."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Needs as vectors, stacked. `families`: by name; every family has a row for every need."""

    count: int
    families: Mapping[str, Rows]

    def __post_init__(self) -> None:
        for name, rows in self.families.items():
            if len(rows) != self.count:
                raise ValueError(f"{self.count} needs, but {len(rows)} vectors of the family {name!r}")


def encoded(encoder: MultilingualEncoder, text: Text) -> Multilingual:
    return encoder.encode((text.title, text.need), text.language)


def stacked(vectors: Sequence[Multilingual], dimensions: int) -> Needs:
    """`dimensions`: of `meaning`, known also where there are no vectors."""
    meaning = np.array([one.meaning for one in vectors], np.int16).reshape(len(vectors), dimensions)
    return Needs(len(vectors), {ENGLISH: [one.english for one in vectors], MEANING: as_float64(meaning)})


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
