"""A plain hybrid search: what a vector store with dense and sparse vectors gives, and nothing made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from services.indexing.collections import ENTITY, TEXT, VERSION, WORDS
from services.kernel.embedding.port import Vectors
from services.kernel.vectors.port import Hit, Query, Sparse
from services.matching.nearest import DENSE_NEAREST, WORDS_NEAREST

FUSION = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)."""


def queries(dense: Vectors, words: Sequence[Sparse]) -> list[Query]:
    """For every text those nearest by its embedding, and then for those that have words, by words."""
    near = [Query(TEXT, vector, DENSE_NEAREST, fields=(ENTITY, VERSION)) for vector in dense]
    spoken = [one for one in words if one.indices.size]
    return near + [Query(WORDS, one, WORDS_NEAREST, fields=(ENTITY, VERSION)) for one in spoken]


def fused(answers: Sequence[Sequence[Hit]]) -> list[str]:
    """Companies, best first, by reciprocal ranks of their texts."""
    total: dict[str, float] = defaultdict(float)
    for hits in answers:
        for rank, hit in enumerate(hits, start=1):
            total[str(hit.payload[ENTITY])] += 1.0 / (FUSION + rank)
    return sorted(total, key=lambda company: (-total[company], company))
