"""When an embedded collection is worth optimising."""

from __future__ import annotations

SCAN_IS_FINE = 20_000
"""Points outside the ANN index that are simply scanned: 1.5 ms a query at 384 dimensions."""

STALE_SHARE = 0.2
"""In a large collection an index is built anew when this share of its points is outside of it, or gone:
building takes time in proportion to all points, scanning in proportion to those."""

LOGGED_POINTS = 50_000
"""Points written since the collection was opened or built. They are in the engine's log, which only a new
generation (or closing) shortens: about 200 MB on disk and 3 s to apply again after a crash."""

DEAD_IS_FINE = 250
"""States of points, written over or removed, that still take up room: with 384 and 256 dimensions,
words and letters about 17 kB each, half of it on the heap. A collection of a hundred points is built anew
with 0.7 s of one core at the lowest but useful priority; to embed 250 changed texts takes three times as
much."""

DEAD_SHARE = 0.5
"""In a larger collection so many dead states may there be for each point that lives: profiles are written
again and again, and memory stays below one and a half times what they need."""


def worth_optimising(points: int, stale: int, dead: int, logged: int) -> bool:
    """`points`: in the collection; `stale`: of them outside the index, or gone from it; `dead`: states of
    points that nobody finds any more; `logged`: written since the log was begun."""
    return (
        stale > max(SCAN_IS_FINE, STALE_SHARE * points)
        or dead > max(DEAD_IS_FINE, DEAD_SHARE * points)
        or logged > LOGGED_POINTS
    )
