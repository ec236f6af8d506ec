"""While 30,000 vectors are optimised, nothing else in the process waits."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from services.kernel.vectors.edge import EdgeVectorIndex
from services.kernel.vectors.port import Equals, Filter, Point, Query, Sparse
from tests.kernel.vectors.points import identity, payload, spec

COUNT = 30_000
DIMENSIONS = 384
NAME = "companies-a"
LIMIT_SECONDS = 0.2
BEAT_SECONDS = 0.002
PAUSE_SECONDS = 0.05
"""Between searches: they and the optimisation share two cores, and the test is to end."""
CHANGES_EVERY = 10

CONTROL = f"""
import sys, time
worst, last = 0.0, time.monotonic()
print("ready", flush=True)
import threading
threading.Thread(target=sys.stdin.read, daemon=True).start()
while threading.active_count() > 1:
    time.sleep({BEAT_SECONDS})
    now = time.monotonic()
    worst, last = max(worst, now - last - {BEAT_SECONDS}), now
print(worst)
"""
"""The same heart in a process that does nothing else: what it waits, the machine makes everyone wait."""


class Heart:
    """A coroutine that wants to run every 2 ms, and remembers the longest it had to wait."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def beat(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last - BEAT_SECONDS), now


Rows = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def _unit_rows(count: int, seed: int) -> Rows:
    """Texts lie in clusters; vectors without any structure would make every graph search a lottery."""
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((600, DIMENSIONS)).astype(np.float32)
    rows: Rows = centres[draw.integers(0, len(centres), count)]
    rows += draw.standard_normal((count, DIMENSIONS)).astype(np.float32) * np.float32(0.7)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _points(rows: Rows, start: int) -> Iterator[Point]:
    draw = np.random.default_rng(start)
    ones = np.ones(40, np.float32)
    for number, row in enumerate(rows, start):
        indices = np.unique(draw.integers(0, 30_000, 40)).astype(np.uint32)
        words = Sparse(indices, ones[: len(indices)])
        yield Point(identity(number), {"text": row}, {"words": words}, payload(number))


@contextmanager
def _beating(heart: Heart) -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(heart.beat())
    try:
        yield
    finally:
        task.cancel()


ATTEMPTS = 3
"""A machine that is shared adds waits and takes none away: one attempt within the limit shows what is
ours."""


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_nothing_waits_longer_than_200_ms_while_30_000_vectors_are_optimised(
    tmp_path: Path, undisturbed: Callable[[], AbstractContextManager[None]]
) -> None:
    rows = _unit_rows(COUNT, seed=2)
    waits: list[str] = []
    filled = tmp_path / "filled"
    index = await EdgeVectorIndex.open(filled)
    await index.ensure(spec(NAME, DIMENSIONS))
    for start in range(0, COUNT, 3_000):
        await index.upsert(NAME, list(_points(rows[start : start + 3_000], start)))
    await index.close()
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        await asyncio.to_thread(shutil.copytree, filled, folder)
        index = await EdgeVectorIndex.open(folder)
        with undisturbed():
            longest, noise = await _longest_wait(index, rows)
        await index.close()
        if longest < LIMIT_SECONDS + noise:
            return
        waits.append(f"{longest * 1e3:.0f} ms (an idle process: {noise * 1e3:.0f} ms)")
    pytest.fail(f"longest waits: {', '.join(waits)}")


async def _longest_wait(index: EdgeVectorIndex, rows: Rows) -> tuple[float, float]:
    """Seconds that something else waited while a collection was optimised, searched, changed and found
    right; and that an idle process beside it waited."""
    control = await asyncio.create_subprocess_exec(sys.executable, "-c", CONTROL, stdin=PIPE, stdout=PIPE)
    assert control.stdout is not None
    await control.stdout.readline()
    heart = Heart()
    added: dict[UUID, Point] = {}
    gone: set[UUID] = set()
    right, turn = 0, 0
    queries = _unit_rows(500, seed=3)
    more = _points(_unit_rows(5_000, seed=4), COUNT)
    with _beating(heart):
        optimising = asyncio.create_task(index.maintain())
        while not optimising.done():
            query = queries[turn % len(queries)]
            [hits] = await index.search(NAME, [Query("text", query, 5, fields=())])
            best = np.argsort(-(rows @ query))[:5] if turn % CHANGES_EVERY == 0 else ()
            right += sum(identity(int(n)) in {hit.id for hit in hits} | gone for n in best)
            if turn % CHANGES_EVERY == 0:
                point = next(more)
                await index.upsert(NAME, [point])
                added[point.id] = point
                company = f"cmp_{turn}"
                gone |= {identity(n) for n in range(3 * turn, 3 * turn + 3)}
                await index.delete(NAME, Filter((Equals("company", company),)))
            turn += 1
            await asyncio.sleep(PAUSE_SECONDS)
        await optimising
        [hits] = await index.search(NAME, [Query("text", queries[0], 5)])
    noise, _ = await control.communicate(b"")
    state = await index.state(NAME)
    print(
        f"longest wait {heart.longest * 1e3:.0f} ms (an idle process: {float(noise) * 1e3:.0f} ms); {state}"
    )
    # The last searches may have met the new index, which is approximate; the scan before it is exact.
    assert right >= 0.99 * 5 * len(added)
    assert state.points == COUNT + len(added) - len(gone)
    assert 0.98 < state.optimised < 1.0
    kept = await index.retrieve(NAME, list(added))
    assert {point.id for point in kept} == set(added)
    assert all(np.array_equal(p.dense["text"], added[p.id].dense["text"]) for p in kept)
    assert await index.retrieve(NAME, list(gone)) == []
    return heart.longest, float(noise)
