"""How long to wait before the next try."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with equal jitter: half of the delay is fixed, half is random, so that consumers that
    failed together do not come back together and yet none comes back at once.

    (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)
    """

    base_s: float = 0.1
    """First delay: a restart of a pool or a lost connection is over by then."""
    cap_s: float = 15.0
    """Longest delay: after an outage, work resumes within this time."""

    def delay(self, failures: int, random: Random) -> float:
        """Seconds to wait after the `failures`-th failure in a row (from 1): in [full/2, full]."""
        doublings = min(failures - 1, 30)  # beyond any cap; keeps the power finite
        full = min(self.cap_s, self.base_s * 2.0**doublings)
        return float(full / 2 + random.uniform(0, full / 2))
