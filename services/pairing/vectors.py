"""Vectors of needs and of their requirements, remembered: an amendment compares a need with many anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.challenge import Challenge
from services.kernel.embedding.multilingual import Multilingual, MultilingualEncoder
from services.pairing.comparison import Compared, Side, compare
from services.pairing.neighbours import with_neighbours
from services.pairing.similarity import Needs, encoded, similarities, stacked

REMEMBERED = 8_192
"""Texts whose vectors are kept: some 12 MB. A requirement takes about 10 ms to encode."""


@dataclass(frozen=True, slots=True)
class _Text:
    title: str
    need: str
    language: str | None


class NeedVectors:
    """Thread-safe."""

    def __init__(self, encoder: Callable[[], MultilingualEncoder]) -> None:
        """`encoder` is asked for when the first text comes: most gateways compare nothing."""
        self._encoder = encoder
        self._encoded = lru_cache(maxsize=REMEMBERED)(lambda text: encoded(encoder(), text))

    def of(self, need: Challenge) -> Multilingual:
        return self._encoded(_Text(need.title, need.need, need.language))

    def similarities(self, one: Challenge, others: Sequence[Challenge]) -> list[float]:
        """Of one need with each of the others, in [-1, 1]; the same from both sides bit for bit."""
        ours, theirs = self._stacked([self.of(one)]), self._stacked([self.of(other) for other in others])
        return [float(one) for one in similarities(ours, theirs)[0]]

    def alike(self, one: Challenge, others: Sequence[Challenge]) -> list[tuple[float, Challenge]]:
        """The others with their similarities, those first that are also like what the most alike of them are
        like (`with_neighbours`). The order depends on who the others are, a similarity on the two alone."""
        made = self._stacked([self.of(need) for need in (one, *others)])
        table = similarities(made, made)
        ranks = with_neighbours(table)[0, 1:]
        found = zip(ranks.tolist(), table[0, 1:].tolist(), others, strict=True)
        return [
            (similarity, other) for _, similarity, other in sorted(found, key=lambda it: (-it[0], it[2].id))
        ]

    def compared(self, first: Side, second: Side) -> Compared:
        """The comparison of two needs that stand in the order of their ids."""
        (similarity,) = self.similarities(first.challenge, [second.challenge])
        table = similarities(self._requirements(first.challenge), self._requirements(second.challenge))
        made = compare(first, second, similarity=similarity, requirements=table)
        return Compared(first.need, second.need, made)

    def _requirements(self, need: Challenge) -> Needs:
        texts = [_Text("", one.text, need.language) for one in need.requirements]
        return self._stacked([self._encoded(text) for text in texts])

    def _stacked(self, vectors: Sequence[Multilingual]) -> Needs:
        return stacked(vectors, self._encoder().dimensions)
