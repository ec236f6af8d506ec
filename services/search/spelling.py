"""Words that are written nearly as a known word is: what somebody may have meant.

Known are the terms of the shipped word table, some 36,000 in the languages of the Union. A term that it lacks
may be rare or misspelt; both are looked for, the word itself and what is nearest to it in letters, and the
texts decide which of the two there is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from functools import lru_cache

LENGTH_MIN = 4
"""Of three letters every word is near to many."""
SLIPS_FROM = ((LENGTH_MIN, 1), (8, 2))
"""How many slips a term may hold, from which length on: one in a short word, two in a long one."""
COMPARED_MAX = 40
"""Known terms, those with most letter pairs in common, that are compared letter by letter."""
REMEMBERED = 4_096


class Spelling:
    """Thread-safe: nothing changes after construction but the memory of words, which has its own lock."""

    def __init__(self, terms: Collection[str]) -> None:
        """`terms`: folded, without their endings, as `words.term_of` makes them."""
        self._known = frozenset(terms)
        self._holders: defaultdict[str, list[str]] = defaultdict(list)
        for term in sorted(one for one in self._known if len(one) >= LENGTH_MIN - 1 and one.isalpha()):
            for pair in _pairs(term):
                self._holders[pair].append(term)
        self.meant = lru_cache(maxsize=REMEMBERED)(self._meant)
        """The known term that a term was probably meant to be; None for a known one, and for one that is like
        none."""

    def _meant(self, term: str) -> str | None:
        if term in self._known or len(term) < LENGTH_MIN or not term.isalpha():
            return None
        allowed = max(slips for length, slips in SLIPS_FROM if len(term) >= length)
        common = Counter(
            other
            for pair in _pairs(term)
            for other in self._holders.get(pair, ())
            if abs(len(other) - len(term)) <= allowed
        )
        best = sorted(common.items(), key=lambda one: (-one[1], one[0]))[:COMPARED_MAX]
        near = [(slips(term, other), -count, other) for other, count in best]
        return min((one for one in near if one[0] <= allowed), default=(0, 0, None))[2]


def slips(one: str, other: str) -> int:
    """How many letters must be put in, taken out, changed, or swapped with their neighbour to make one word
    of the other (optimal string alignment distance)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        present = [row]
        for column, counterpart in enumerate(other, start=1):
            least = min(last[column] + 1, present[-1] + 1, last[column - 1] + (letter != counterpart))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == counterpart:
                least = min(least, before[column - 2] + 1)
            present.append(least)
        before, last = last, present
    return last[-1]


def _pairs(term: str) -> set[str]:
    marked = f"<{term}>"
    return {marked[place : place + 2] for place in range(len(marked) - 1)}
