"""`kill -9` of the process that has the embedded store open, at any moment."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import numpy as np
import pytest

from services.kernel.vectors.edge import EdgeVectorIndex
from tests.eventually import eventually
from tests.kernel.vectors.points import identity, points

BATCH = 50
NAME = "companies-a"

WRITER = f"""
import asyncio, sys
from pathlib import Path
from services.kernel.vectors.edge import EdgeVectorIndex
from services.kernel.vectors.port import Equals, Filter
from tests.kernel.vectors.points import points, spec

async def main(folder, optimise):
    index = await EdgeVectorIndex.open(Path(folder))
    await index.ensure(spec("{NAME}"))
    everything = points(2_000 if optimise else 10_000)
    written = 0
    if optimise:
        await index.upsert("{NAME}", everything)
        task = asyncio.create_task(index.optimise("{NAME}"))
        everything = everything[:{BATCH}] * 1000
        written = 2_000
        print("written", written, flush=True)
    for start in range(0, len(everything), {BATCH}):
        await index.upsert("{NAME}", everything[start : start + {BATCH}])
        if not optimise:
            written += {BATCH}
            print("written", written, flush=True)
        elif task.done():
            await task
            task = asyncio.create_task(index.optimise("{NAME}"))
            print("optimised", flush=True)
        await asyncio.sleep(0)

asyncio.run(main(sys.argv[1], sys.argv[2] == "optimise"))
"""


async def _writer(folder: Path, mode: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(folder), mode, stdout=PIPE, cwd=Path(__file__).parents[3]
    )


@pytest.mark.parametrize("acknowledged", [1, 7, 30])
async def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path, acknowledged: int) -> None:
    child = await _writer(tmp_path / "vectors", "write")
    assert child.stdout is not None
    said = [await child.stdout.readline() for _ in range(acknowledged)]
    child.send_signal(signal.SIGKILL)
    said += (await child.stdout.read()).splitlines()
    await child.wait()
    written = int([line for line in said if line.startswith(b"written")][-1].split()[1])
    index = await EdgeVectorIndex.open(tmp_path / "vectors")
    found = {point.id: point for point in await index.retrieve(NAME, [identity(n) for n in range(written)])}
    assert len(found) == written >= acknowledged * BATCH
    for point in points(written):
        assert np.array_equal(found[point.id].dense["text"], point.dense["text"])
        assert found[point.id].payload == point.payload
    await index.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_kill_9_during_an_optimisation_leaves_the_old_or_the_new(tmp_path: Path, seed: int) -> None:
    """At a random moment within the first optimisations, each of which takes about a second."""
    child = await _writer(tmp_path / "vectors", "optimise")
    assert child.stdout is not None
    await child.stdout.readline()
    reading = asyncio.create_task(child.stdout.read())
    await asyncio.wait({reading}, timeout=random.Random(seed).uniform(0, 3))
    child.send_signal(signal.SIGKILL)
    await reading
    await child.wait()
    index = await EdgeVectorIndex.open(tmp_path / "vectors")
    assert await index.count(NAME) == 2_000
    found = {point.id: point for point in await index.retrieve(NAME, [identity(n) for n in range(2_000)])}
    assert all(np.array_equal(found[p.id].dense["text"], p.dense["text"]) for p in points(2_000))
    home = tmp_path / "vectors" / "collections" / NAME

    def alone() -> bool:
        return len([entry for entry in home.iterdir() if entry.is_dir()]) == 1

    assert await eventually(alone)
    await index.optimise(NAME)
    assert (await index.state(NAME)).optimised == 1.0
    await index.close()
