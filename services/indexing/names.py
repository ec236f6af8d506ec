"""Names as their letters, found in spite of a slip: of companies, of challenges their titles and buyers.

A name is the set of its words' trigrams, the ends of words marked. What is asked for is compared by the share
of its own trigrams that a name has (containment): "cryosens" is wholly in "Cryosense SAS", however long that
is. One letter changed in a word of eight leaves five of its eight trigrams.
"""

from __future__ import annotations

import zlib

import numpy as np

from services.kernel.embedding.letters import cut, grams
from services.kernel.vectors.port import Sparse

SIZE = 3
"""Letters of an n-gram: of four, a slip in the middle of a word would leave too few."""
SCHEME = "names-1"
"""Version of how a name becomes its letters."""


def trigrams(text: str) -> frozenset[str]:
    """Of all words of a text; single letters and other scripts than those of the Union are none."""
    return frozenset(one for word in cut(text) for one in grams(word) if len(one) == SIZE)


def of_name(name: str) -> Sparse:
    """For the index. Empty where the name has no word that is read."""
    return _vector(trigrams(name), 1.0)


def of_query(text: str) -> Sparse:
    """Its dot product with `of_name` is the share of the text's trigrams that the name has."""
    found = trigrams(text)
    return _vector(found, 1.0 / max(1, len(found)))


def share(text: str, name: str) -> float:
    """The same of two texts."""
    wanted = trigrams(text)
    return len(wanted & trigrams(name)) / len(wanted) if wanted else 0.0


def _vector(found: frozenset[str], weight: float) -> Sparse:
    indices = np.unique(np.array([zlib.crc32(one.encode()) for one in found], dtype=np.uint32))
    return Sparse(indices, np.full(indices.size, weight, dtype=np.float32))
