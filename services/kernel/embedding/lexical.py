"""Texts as sparse vectors of their words, independent of any collection.

Weights are (1 + ln tf) x idf, L2-normalised, so that a dot product is a cosine in [0, 1] (Salton and
Buckley 1988, the "ltc" scheme on both sides). The inverse document frequencies are static: they ship with
the product (see `build_idf`), so that a vector never changes because others came. Chosen over BM25 by
measurement: level in ranking companies for a challenge, clearly better in comparing scores between
challenges, symmetric and bounded.

Weights are multiples of 2^-15: a dot product of two such vectors is exact in float64, whatever the order
of summation.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

import numpy as np

from services.kernel.embedding.words import words
from services.kernel.once import once
from services.kernel.vectors.port import Sparse

SCHEME = "words-1"
"""Version of the cutting into terms and of their weights; part of every fingerprint."""
WEIGHT_SCALE = float(1 << 15)
"""Weights are at most 1, so a product of two has at most 31 bits and float64 sums millions exactly."""
IDF_MIN = 1.5
"""Words that more than e^-1.5 = 22 % of a language's texts have say nothing: leaving them out changed no
figure, and the vectors are a quarter shorter."""
IDF_RESOURCE = "data/idf.tsv.gz"
IDF_SCALE = 100.0
"""The file holds hundredths."""


@dataclass(frozen=True, slots=True)
class TermAt:
    """One word of a text: its term, its span [start, end), and the weight of the term in the vector."""

    term: str
    start: int
    end: int
    weight: float


class LexicalEncoder:
    """Thread-safe: nothing changes after construction."""

    def __init__(self, idf: dict[str, float], unknown: float) -> None:
        """`idf` by term; `unknown` is the idf of a term that the corpus never or hardly had."""
        self._idf = idf
        self._unknown = unknown

    @classmethod
    def shipped(cls) -> LexicalEncoder:
        """The encoder with the frequencies that ship with the product; read once per process."""
        return _shipped()

    @cached_property
    def fingerprint(self) -> str:
        """Short hex digest of whatever decides a vector. Vectors of two fingerprints are never compared."""
        digest = hashlib.blake2b(SCHEME.encode(), digest_size=6)
        for term, idf in sorted(self._idf.items()):
            digest.update(f"\n{term}\t{idf!r}".encode())
        digest.update(f"\n\t{self._unknown!r}".encode())
        return digest.hexdigest()

    @property
    def known(self) -> Collection[str]:
        """The terms that the shipped table has."""
        return self._idf.keys()

    def idf(self, term: str) -> float:
        return self._idf.get(term, self._unknown)

    def document(self, text: str) -> Sparse:
        """The vector of a text; empty when the text has no word that says anything."""
        weights = self._weights([word.term for word in words(text)])
        by_index: dict[int, float] = {}
        for term, weight in weights.items():
            index = zlib.crc32(term.encode())
            by_index[index] = max(weight, by_index.get(index, 0.0))  # two terms of one hash: one per 10^9
        indices = np.fromiter(by_index, dtype=np.uint32, count=len(by_index))
        values = np.fromiter(by_index.values(), dtype=np.float32, count=len(by_index))
        order = np.argsort(indices)
        return Sparse(indices=indices[order], values=values[order])

    def query(self, text: str) -> Sparse:
        """The same vector: the scheme is symmetric, so that a pair is equally alike from both sides."""
        return self.document(text)

    def terms(self, text: str) -> list[TermAt]:
        """Every word with the weight of its term in the vector, in the order of the text."""
        found = list(words(text))
        weights = self._weights([word.term for word in found])
        return [TermAt(word.term, word.start, word.end, weights.get(word.term, 0.0)) for word in found]

    def _weights(self, terms: list[str]) -> dict[str, float]:
        raw = {
            term: (1.0 + math.log(count)) * idf
            for term, count in Counter(terms).items()
            if (idf := self.idf(term)) >= IDF_MIN
        }
        norm = math.sqrt(math.fsum(weight * weight for weight in raw.values()))
        rounded = {term: round(weight / norm * WEIGHT_SCALE) / WEIGHT_SCALE for term, weight in raw.items()}
        return {term: weight for term, weight in rounded.items() if weight > 0.0}


@once
def _shipped() -> LexicalEncoder:
    packed = resources.files("services.kernel.embedding").joinpath(IDF_RESOURCE).read_bytes()
    header, *lines = gzip.decompress(packed).decode("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines)
    idf = {term: int(hundredths) / IDF_SCALE for term, hundredths in pairs}
    return LexicalEncoder(idf, unknown=int(header.split("\t")[1]) / IDF_SCALE)
