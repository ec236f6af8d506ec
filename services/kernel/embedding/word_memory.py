"""What is known of words, side by side in growing arrays, so that a text looks up all its words at once.

A word has *entries* (places and values, any number of each) and, where the memory was made with a width, one
row of whole numbers. A text of a hundred words costs a tenth of a millisecond this way; one array per word,
joined for every text, cost ten times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

FIRST_ROOM = 1_024
"""Rows and entries to begin with; doubled when they are full."""

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Row = NDArray[np.int32]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Word:
    """Of one word: `places` and `values` of the same length, and its row."""

    places: Places
    values: Floats
    row: Row = field(default_factory=lambda: np.empty(0, np.int32))


@dataclass(frozen=True, slots=True)
class Found:
    """Of several words, in their order: their entries, how many entries each has, and their rows."""

    places: Places
    values: Floats
    sizes: Places
    rows: NDArray[np.int32]

    def spread(self, weights: Floats) -> Floats:
        """The weight of every entry's word."""
        return np.repeat(weights, self.sizes)


class WordMemory:
    """Thread-safe."""

    def __init__(self, look_up: Callable[[str], Word], *, most: int, width: int = 0) -> None:
        """`look_up` is asked for words that are not known yet. Of `most` words nothing is forgotten; the next
        one begins a new memory."""
        self._look_up = look_up
        self._most = most
        self._width = width
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._known: dict[str, int] = {}
        self._bounds: Places = np.zeros(FIRST_ROOM, np.int64)
        self._places: Places = np.empty(FIRST_ROOM, np.int64)
        self._values: Floats = np.empty(FIRST_ROOM)
        self._rows: NDArray[np.int32] = np.empty((FIRST_ROOM, self._width), np.int32)

    def find(self, words: Sequence[str]) -> Found:
        """Of each word of a text, in order."""
        with self._lock:
            new = [word for word in words if word not in self._known]
            if len(self._known) + len(new) > self._most:
                self._forget()
                new = list(dict.fromkeys(words))
            for word in new:
                if word not in self._known:
                    self._learn(word)
            at = np.fromiter((self._known[word] for word in words), np.int64, len(words))
            starts = self._bounds[at]
            sizes = self._bounds[at + 1] - starts
            before = np.cumsum(sizes) - sizes
            entries = np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))
            return Found(self._places[entries], self._values[entries], sizes, self._rows[at])

    def _learn(self, word: str) -> None:
        found = self._look_up(word)
        number = len(self._known)
        start = int(self._bounds[number])
        end = start + found.places.size
        self._bounds = _with_room(self._bounds, number + 2)
        self._places, self._values = _with_room(self._places, end), _with_room(self._values, end)
        self._rows = _with_room(self._rows, number + 1)
        self._bounds[number + 1] = end
        self._places[start:end], self._values[start:end] = found.places, found.values
        self._rows[number] = found.row
        self._known[word] = number


def _with_room(array: NDArray[Scalar], needed: int) -> NDArray[Scalar]:
    """The same array, or a copy at least twice as long."""
    if needed <= len(array):
        return array
    grown = np.zeros((max(needed, 2 * len(array)), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
