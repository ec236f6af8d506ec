"""A need, cut where the spans of its requirements begin and end, so that each can be shown in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the need and the places of the requirements that were cut from it; `begins` are those
    whose span begins here."""

    text: str
    requirements: tuple[int, ...]
    begins: tuple[int, ...] = ()


def stretches(need: str, sources: Sequence[tuple[int, int] | None]) -> list[Stretch]:
    """The need in its order, nothing added or left out. `sources`: per requirement its span [start, end).

    Spans may overlap; those outside the need are ignored.
    """
    spans = {
        place: span
        for place, span in enumerate(sources)
        if span is not None and 0 <= span[0] < span[1] <= len(need)
    }
    cuts = sorted({0, len(need), *(edge for span in spans.values() for edge in span)})
    return [
        Stretch(
            need[start:end],
            tuple(place for place, span in spans.items() if span[0] <= start and end <= span[1]),
            tuple(place for place, span in spans.items() if span[0] == start),
        )
        for start, end in pairwise(cuts)
    ]
