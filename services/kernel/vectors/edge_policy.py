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


def worth_optimising(points: int, stale: int, logged: int) -> bool:
    """`points`: in the collection; `stale`: of them outside the index, or gone from it; `logged`: written."""
    return stale > max(SCAN_IS_FINE, STALE_SHARE * points) or logged > LOGGED_POINTS
