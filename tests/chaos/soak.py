"""A steady rate for a long time: does any process grow, does anything fall behind?"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psutil
from scipy.stats import theilslopes

from tests.chaos.town import Town

SAMPLE_S = 5.0
BREATH = 1 / 5
"""Share of the time in which each process has been at its least once: memory that is used and then given back
(an embedded index that is built anew when much in it is dead) is no leak. What it keeps is what is judged,
the least it had in so long a time; a leak raises that as fast as the rest."""
WARM_UP = 1 / 3
"""Share of the time that does not count: caches fill, connections and threads are made."""
FLAT_MB_PER_MINUTE = 0.25
"""More is a leak, whatever its interval says: 3 % of a process of 500 MiB in an hour. Less may be what is
kept of the challenges that are announced meanwhile. The interval is told and decides nothing: samples that
follow each other are not independent, so that it is too narrow; and a wide one excuses nobody."""
BEHIND = 50
"""Events that more may wait at the end than in the middle: a few seconds of the load's own batches."""
MIB = 1 << 20

T = TypeVar("T")


@dataclass(slots=True)
class Samples:
    """`memory`: (minutes, MiB of its own) by process; `lag`: (minutes, events that wait for anybody)."""

    memory: defaultdict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    lag: list[tuple[float, int]] = field(default_factory=list)

    def findings(self) -> tuple[list[str], list[str]]:
        """Notes, and what is wrong."""
        notes, wrong = [], []
        for name, points in self.memory.items():
            line = slope(kept(_after_warm_up(points), BREATH * points[-1][0]))
            notes.append(
                f"{name}: {points[-1][1]:.0f} MiB, at most {max(value for _, value in points):.0f}, "
                f"keeps {line.middle:+.2f} MiB a minute "
                f"({line.low:+.2f} to {line.high:+.2f})"
            )
            if line.middle > FLAT_MB_PER_MINUTE:
                wrong.append(f"{name} grows by {line.middle:.2f} MiB a minute")
        counted = [events for _, events in _after_warm_up(self.lag)]
        half = len(counted) // 2
        early, late = statistics.median(counted[:half]), statistics.median(counted[half:])
        notes.append(f"events that wait: {early:g}, later {late:g}, at most {max(counted)}")
        if late > early + BEHIND:
            wrong.append(f"the lag grows: from {early:g} to {late:g} events")
        return notes, wrong


@dataclass(frozen=True, slots=True)
class Slope:
    """Per minute, with its 95 % interval."""

    middle: float
    low: float
    high: float


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """The median of the slopes of all pairs (Theil and Sen): a single jump does not move it."""
    minutes, values = zip(*points, strict=True)
    found = theilslopes(values, minutes, 0.95)
    return Slope(float(found.slope), float(found.low_slope), float(found.high_slope))


def kept(points: Sequence[tuple[float, float]], minutes: float) -> list[tuple[float, float]]:
    """At each time from `minutes` after the first on: the least in the `minutes` before it."""
    first = points[0][0]
    return [
        (now, min(value for then, value in points if now - minutes <= then <= now))
        for now, _ in points
        if now - first >= minutes
    ]


def _after_warm_up(points: Sequence[T]) -> Sequence[T]:
    return points[int(len(points) * WARM_UP) :]


async def watch(town: Town, minutes: float) -> Samples:
    """Look at everybody until the time is over."""
    samples, began = Samples(), time.monotonic()
    while (now := (time.monotonic() - began) / 60) < minutes:
        for name, process in _named(town).items():
            samples.memory[name].append((now, _own(process) / MIB))
        lag = (await town.ask("GET", "/v1/status")).json()["lag"]
        samples.lag.append((now, sum(lag.values())))
        await asyncio.sleep(SAMPLE_S)  # the pace of looking
    return samples


def _own(process: psutil.Process) -> int:
    """Bytes in memory that are no pages of files: what a process keeps. Those of files, through which an
    embedded index is read, are the system's cache, as large as what is mapped, and given up in need."""
    memory = process.memory_info()
    return int(memory.rss - memory.shared)


def _named(town: Town) -> dict[str, psutil.Process]:
    found = {}
    for number, one in enumerate(town.processes):
        assert one.process is not None
        found[f"{' '.join(one.command)} {number}"] = psutil.Process(one.process.pid)
    return found
