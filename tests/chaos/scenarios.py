"""Everything that `make chaos` runs, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.faults import FAULTS, Scale
from tests.chaos.run import Outcome, run
from tests.postgresql_server import DatabaseServer

Run = Callable[[Scale, Path, int], Coroutine[Any, Any, Outcome]]
"""How large, the unpacked Kafka, and the seed."""


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    about: str
    run: Run


async def noisy_neighbour(scale: Scale, kafka_home: Path, seed: int) -> Outcome:
    """Without a town: one courier, its database, and two endpoints."""
    from tests.chaos import neighbours  # which says aloud that webhooks may go to this machine

    del kafka_home, seed
    outcome = Outcome(_NEIGHBOUR, _ABOUT)
    server = DatabaseServer()
    try:
        await asyncio.to_thread(server.start)
        scale.progress("pairs of runs, with and without")
        comparison = await neighbours.compare(server.url, pairs=neighbours.PAIRS)
    finally:
        server.close()
    outcome.rounds = len(comparison.alone)
    outcome.webhooks = 2 * outcome.rounds * neighbours.MESSAGES
    outcome.notes.append(str(comparison))
    if comparison.ratio > neighbours.LIMIT:
        outcome.troubles.append(f"it slows the others: {comparison}")
    return outcome


_NEIGHBOUR = "noisy-neighbour"
_ABOUT = "an endpoint never answers, 600 messages wait for it"

SCENARIOS = [
    *(Scenario(one.name, one.about, partial(run, one)) for one in FAULTS),
    Scenario(_NEIGHBOUR, _ABOUT, noisy_neighbour),
]
