"""Words of a text as their letters: what is compared where no dictionary has the word.

For texts in the languages of the Union, in Latin, Greek or Cyrillic letters. Other scripts are not read: a
word of which nothing is known must not look like one that is.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.kernel.embedding.words import fold

BUCKETS = 1 << 17
"""Numbers for n-grams. The labels have some 400,000 different ones; that three share one costs little."""
SIZES = (3, 4, 5)
"""Letters of an n-gram, the marks of a word's two ends included."""
WORD_MAX = 48
"""Letters of a word that are read: the longest word of the labels has fewer."""
CHARACTERS_READ = 12_000
"""Of one part of a text: it says by then what it is about, and work on a text is bounded."""
WORDS_REMEMBERED = 65_536
"""Entries of the memory of folded words."""

_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏͰ-ϿЀ-ӿḀ-ỿἀ-῿]{2,}")


def cut(text: str) -> list[str]:
    """The words of a text, without case and accents; numbers, single letters and other scripts are none."""
    composed = unicodedata.normalize("NFC", text[:CHARACTERS_READ])
    return [_folded(word) for word in _WORD.findall(composed)]


def damped(words: Iterable[str]) -> list[tuple[str, float]]:
    """Words in order, each with 1 + ln(count)."""
    return [(word, 1.0 + math.log(count)) for word, count in sorted(Counter(words).items())]


def grams(word: str) -> list[str]:
    """The letter n-grams of a folded word, its ends marked."""
    marked = f"<{word}>"
    return [marked[at : at + size] for size in SIZES for at in range(len(marked) - size + 1)]


def buckets(word: str) -> NDArray[np.int64]:
    """The numbers of a folded word and of its n-grams: ascending, each once, below BUCKETS."""
    names = [*grams(word), f"={word}"]
    return np.unique(
        np.fromiter((zlib.crc32(name.encode()) % BUCKETS for name in names), np.int64, len(names))
    )


@lru_cache(maxsize=WORDS_REMEMBERED)
def _folded(word: str) -> str:
    return fold(word)[:WORD_MAX]
