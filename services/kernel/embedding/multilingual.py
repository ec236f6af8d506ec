"""Texts of 23 languages of the Union in one space, learnt from the CPV labels: no model to download.

A text becomes two vectors, each comparable by a dot product with those of any other language:

english   sparse: the English terms of the labels that the words of the text stand for, by `Lexicon`
meaning   dense: one ridge regression for all languages, from words and their letter n-grams, hashed, to
          principal components of the English labels' sentence vectors and of the tree of codes. It needs
          no language to be known.

What they are made from ships with the product (see `build_multilingual`); a vector never changes because
others came. Parts of a text (title, need) weigh the same, however long they are.

Both are fixed point, `english` in multiples of 2^-15 and `meaning` of 2^-14, so that dot products are exact
in float64 in whatever order they are summed.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.kernel.embedding.fixed_point import FixedPoint, quantise
from services.kernel.embedding.letters import buckets, cut, damped
from services.kernel.embedding.lexical import WEIGHT_SCALE
from services.kernel.embedding.lexicon import Lexicon
from services.kernel.embedding.word_memory import Word, WordMemory
from services.kernel.once import once
from services.kernel.vectors.port import Sparse

SCHEME = "multilingual-1"
"""Version of how vectors are made of the artefact; part of the fingerprint."""
RESOURCE = "data/multilingual.npz.xz"
FALLBACK = "en"
"""A text in a language without labels (Irish, or none named) is read as English."""
EVENNESS = 0.7
"""Exponent of the weights of `english`: below 1 it keeps one strong term from outshouting the rest. Needs
alike: nDCG@10 .234 without it, .239 with .7, .211 with .5."""
TERMS_KEPT = 128
"""Strongest terms of a text that are kept; 64 rank needs as well, and translations worse."""
CENTRE_SHARE = 0.7
"""Share of the mean vector that is taken off `meaning`: what every notice says."""
RARITY_SCALE = 100.0
"""The artefact holds hundredths of rarities."""
WEIGHT_STEPS = float(1 << 16)
"""Weights of words in `meaning` are multiples of 2^-16. Word vectors are whole numbers below 2^15, so sums of
thousands of words stay exact in float64, in whatever order a matrix library adds them."""
WORDS_REMEMBERED = 32_768
"""Word vectors kept: some 40 MB when full."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Multilingual:
    """A text, ready to be held by an index. Each vector has length 1, or is empty or zero where no word of
    the text is like any that is known."""

    english: Sparse
    meaning: FixedPoint
    """Shape (dimensions,)."""


class MultilingualEncoder:
    """Thread-safe: what is made on first use (the lexicon of a language) is made under a lock."""

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        """`artefact`: as `build_multilingual` makes it. Raises KeyError when it lacks something."""
        self.artefact = artefact
        self._rarity: Floats = artefact["rarity"] / RARITY_SCALE
        self._bucket_rarity: Floats = artefact["bucket_rarity"] / RARITY_SCALE
        self._rows: NDArray[np.int8] = artefact["rows"]
        self._centre: Floats = artefact["centre"].astype(np.float64)
        self._lexicons: dict[str, Lexicon] = {}
        self._making = Lock()
        self._memory = WordMemory(self._word_of, most=WORDS_REMEMBERED, width=self._rows.shape[1])

    @classmethod
    def shipped(cls) -> MultilingualEncoder:
        """The encoder of what ships with the product; read once per process, in about a second."""
        return _shipped()

    @cached_property
    def languages(self) -> Sequence[str]:
        return tuple(str(self.artefact["languages"]).split())

    @cached_property
    def label_words(self) -> Mapping[str, Sequence[str]]:
        """By language the folded words of its labels, sorted."""
        return {one: sorted(str(self.artefact[f"words_{one}"]).split("\n")) for one in self.languages}

    @cached_property
    def terms(self) -> Sequence[str]:
        """The stems that the indices of `english` stand for."""
        return str(self.artefact["terms"]).split("\n")

    @property
    def dimensions(self) -> int:
        """Of `meaning`."""
        return int(self._rows.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Short hex digest of whatever decides a vector. Vectors of two fingerprints are never compared."""
        digest = hashlib.blake2b(SCHEME.encode(), digest_size=6)
        for name, value in sorted(self.artefact.items()):
            array = np.asarray(value)
            digest.update(f"\n{name}\t{array.dtype}\t{array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def encode(self, parts: Iterable[str], language: str | None) -> Multilingual:
        """The vectors of a text. `language`: ISO 639-1."""
        counted = [words for words in (damped(cut(part)) for part in parts) if words]
        return Multilingual(self._english(counted, self._lexicon(language)), self._meaning(counted))

    def meaning(self, parts: Iterable[str]) -> FixedPoint:
        """The dense vector of `encode` alone, for a fraction of the work: nothing is translated."""
        return self._meaning([words for words in (damped(cut(part)) for part in parts) if words])

    def _english(self, parts: Sequence[Sequence[tuple[str, float]]], lexicon: Lexicon) -> Sparse:
        total = np.zeros(self._rarity.size)
        for part in parts:
            found = lexicon.find([word for word, _ in part])
            weights = np.array([weight for _, weight in part])
            row = np.bincount(found.places, found.values * found.spread(weights), total.size) * self._rarity
            total += row / max(_length(row), 1e-12)
        kept = np.flatnonzero(total)
        even = total[kept] ** EVENNESS
        if kept.size > TERMS_KEPT:
            strongest = np.sort(np.argsort(-even, kind="stable")[:TERMS_KEPT])
            kept, even = kept[strongest], even[strongest]
        weights = np.rint(even / max(_length(even), 1e-12) * WEIGHT_SCALE)
        said = weights > 0.0
        return Sparse(
            indices=kept[said].astype(np.uint32), values=(weights[said] / WEIGHT_SCALE).astype(np.float32)
        )

    def _meaning(self, parts: Sequence[Sequence[tuple[str, float]]]) -> FixedPoint:
        total = np.zeros(self.dimensions)
        for part in parts:
            found = self._memory.find([word for word, _ in part])
            weights = np.array([weight for _, weight in part])
            # The row of a part over all buckets has length 1 before the regression. The regression is linear,
            # so that it is enough to have looked up every word once.
            hashed, place = np.unique(found.places, return_inverse=True)
            counts = np.bincount(place, found.spread(weights))
            steps = np.rint(
                weights / max(_length(counts * self._bucket_rarity[hashed]), 1e-12) * WEIGHT_STEPS
            )
            total += steps @ found.rows.astype(np.float64)
        if not total.any():
            return np.zeros(self.dimensions, np.int16)
        centred = total / _length(total) - CENTRE_SHARE * self._centre
        return quantise((centred / max(_length(centred), 1e-12)).astype(np.float32))

    def _word_of(self, word: str) -> Word:
        """The buckets of a folded word, and the sum of their rows."""
        places = buckets(word)
        return Word(places, np.ones(places.size), self._rows[places].sum(axis=0, dtype=np.int32))

    def _lexicon(self, language: str | None) -> Lexicon:
        name = FALLBACK if language is None or language not in self.languages else language
        with self._making:
            if name not in self._lexicons:
                self._lexicons[name] = _lexicon(self.artefact, name)
            return self._lexicons[name]


def _lexicon(artefact: Mapping[str, Any], language: str) -> Lexicon:
    """Takes some 0.2 s: a language is read when the first text comes that is in it."""
    words = str(artefact[f"words_{language}"]).split("\n")
    sizes = artefact[f"sizes_{language}"].astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    entries = (artefact[f"shares_{language}"], artefact[f"terms_{language}"].astype(np.int64), starts)
    return Lexicon(words, sparse.csr_array(entries, shape=(len(words), artefact["rarity"].size)))


def _length(vector: Floats) -> float:
    return math.sqrt(float(np.square(vector).sum()))


def headed(text: str) -> tuple[str, ...]:
    """The parts of a text as they are encoded: its first line, where there are more, is its title. (Needs
    alike are found better by it, nDCG@10 .248 against .223; among other languages .178 against .158.)"""
    return tuple(part for part in text.split("\n", 1) if part.strip()) or (text,)


def shipped_digest() -> str:
    """Short hex digest of what ships with the product, without unpacking it."""
    return hashlib.blake2b(SCHEME.encode() + _shipped_bytes(), digest_size=6).hexdigest()


def packed(artefact: Mapping[str, Any]) -> bytes:
    """The file of an artefact; the same bytes for the same content."""
    written = io.BytesIO()
    np.savez(written, allow_pickle=False, **artefact)
    return lzma.compress(written.getvalue(), preset=9)


def unpacked(data: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(lzma.decompress(data)), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


@once
def _shipped() -> MultilingualEncoder:
    return MultilingualEncoder(unpacked(_shipped_bytes()))


def _shipped_bytes() -> bytes:
    return resources.files("services.kernel.embedding").joinpath(RESOURCE).read_bytes()
