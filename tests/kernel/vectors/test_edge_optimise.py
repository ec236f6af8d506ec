"""Optimising the embedded store while it serves: nothing is lost, every failure is survived."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from services.kernel.vectors import edge_optimiser, edge_policy
from services.kernel.vectors.edge import EdgeVectorIndex
from services.kernel.vectors.edge_build import Build
from services.kernel.vectors.edge_folder import bytes_on_disk
from services.kernel.vectors.edge_values import Row
from services.kernel.vectors.errors import OptimisationFailed, UnknownCollection
from services.kernel.vectors.port import Equals, Filter, Point, Query
from tests.eventually import eventually
from tests.kernel.vectors.points import identity, points, spec, units, words

COUNT = 2_000
NAME = "companies-a"


@pytest.fixture
async def full(edge: EdgeVectorIndex) -> EdgeVectorIndex:
    await edge.ensure(spec(NAME))
    await edge.upsert(NAME, points(COUNT))
    return edge


def _exact(state: dict[int, Point], query: np.ndarray, count: int) -> list[int]:
    scores = {number: float(point.dense["text"] @ query) for number, point in state.items()}
    return sorted(scores, key=lambda number: (-scores[number], number))[:count]


async def test_writes_during_an_optimisation_are_there_after_it_and_searches_right_meanwhile(
    full: EdgeVectorIndex,
) -> None:
    expected = dict(enumerate(points(COUNT)))
    fresh = iter(units(5_000, seed=77))
    queries = units(5_000, seed=78)
    optimising = asyncio.create_task(full.optimise(NAME))
    turn = 0
    while not optimising.done():
        number = turn * 7 % COUNT
        new = replace(
            points(1)[0], id=identity(number), dense={"text": next(fresh)}, sparse={"words": words(turn)}
        )
        added = replace(new, id=identity(COUNT + turn), dense={"text": next(fresh)})
        await full.upsert(NAME, [new, added])
        expected[number], expected[COUNT + turn] = new, added
        company = f"cmp_{turn * 5 % 600}"
        await full.delete(NAME, Filter((Equals("company", company),)))
        expected = {n: p for n, p in expected.items() if p.payload["company"] != company}
        [hits] = await full.search(NAME, [Query("text", queries[turn], 10, fields=())])
        found = [hit.id.int - 1 for hit in hits]
        assert found == _exact(expected, queries[turn], 10)
        turn += 1
        await asyncio.sleep(0.001)
    await optimising
    assert turn > 3
    stored = {p.id.int - 1: p for p in await full.retrieve(NAME, [identity(n) for n in range(COUNT + turn)])}
    assert set(stored) == set(expected)
    assert await full.count(NAME) == len(expected)
    for number, point in expected.items():
        assert np.array_equal(stored[number].dense["text"], point.dense["text"])
        assert np.array_equal(stored[number].sparse["words"].indices, point.sparse["words"].indices)
        assert stored[number].payload == point.payload
    state = await full.state(NAME)
    assert state.optimised == pytest.approx(1 - int(state.details["outside_the_index"]) / len(expected))
    assert 0.5 < state.optimised < 1.0


async def test_an_optimised_collection_keeps_its_filters(full: EdgeVectorIndex) -> None:
    where = Filter((Equals("country", "DE"),))
    query = [Query("text", units(1, seed=5)[0], 20, where), Query("words", words(5), 20, where)]
    before = await full.search(NAME, query)
    await full.optimise(NAME)
    for old, new in zip(before, await full.search(NAME, query), strict=True):
        assert [hit.id for hit in new] == [hit.id for hit in old]
        # An index sums in another order than a scan: the last bit of a score is open.
        assert [hit.score for hit in new] == pytest.approx([hit.score for hit in old])
    await full.delete(NAME, where)
    assert await full.count(NAME) == COUNT * 3 // 4
    assert await full.search(NAME, query) == [[], []]


async def test_optimising_twice_at_once_and_once_more_is_fine(full: EdgeVectorIndex) -> None:
    await asyncio.gather(full.optimise(NAME), full.optimise(NAME))
    assert (await full.state(NAME)).optimised == 1.0
    await full.optimise(NAME)
    assert await full.count(NAME) == COUNT


async def test_maintenance_optimises_what_has_outgrown_a_scan(
    full: EdgeVectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await full.maintain()
    assert (await full.state(NAME)).optimised == 0.0
    monkeypatch.setattr(edge_policy, "SCAN_IS_FINE", COUNT // 4)
    await full.maintain()
    assert (await full.state(NAME)).optimised == 1.0
    await full.upsert(NAME, points(COUNT // 4))
    await full.maintain()
    assert (await full.state(NAME)).optimised == 0.75
    await full.upsert(NAME, points(COUNT // 4 + 1))
    await full.maintain()
    assert (await full.state(NAME)).optimised == 1.0


async def test_profiles_that_are_written_again_and_again_do_not_fill_the_store(
    full: EdgeVectorIndex, tmp_path: Path
) -> None:
    """Nothing in it is stale: all that it grows by is what the engine forgot and keeps."""
    half = points(COUNT // 2)
    await full.upsert(NAME, half)
    await full.maintain()
    assert (await full.state(NAME)).details["dead_states"] == COUNT // 2
    before = _generations(tmp_path)

    await full.close()
    reopened = await EdgeVectorIndex.open(tmp_path / "vectors")
    assert (await reopened.state(NAME)).details["dead_states"] == COUNT // 2, "remembered"
    await reopened.upsert(NAME, half[:1])
    grown = bytes_on_disk(tmp_path / "vectors")
    await reopened.maintain()
    state = await reopened.state(NAME)
    assert state.details["dead_states"] == 0
    assert state.points == COUNT
    assert _generations(tmp_path) != before
    assert bytes_on_disk(tmp_path / "vectors") < grown
    await reopened.close()


async def test_what_is_stale_is_remembered_over_a_crash(full: EdgeVectorIndex, tmp_path: Path) -> None:
    await full.optimise(NAME)
    await full.upsert(NAME, points(100))
    await full.delete(NAME, Filter((Equals("company", "cmp_600"),)))
    await full.maintain()
    await full.close()
    reopened = await EdgeVectorIndex.open(tmp_path / "vectors")
    state = await reopened.state(NAME)
    assert state.details["outside_the_index"] == 100
    assert state.details["removed_from_the_index"] == 3
    await reopened.close()


def _generations(tmp_path: Path) -> list[str]:
    home = tmp_path / "vectors" / "collections" / NAME
    return [entry.name for entry in home.iterdir() if entry.is_dir()]


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every child of the optimiser is killed as soon as it runs."""
    run = asyncio.create_subprocess_exec

    async def doomed(*arguments: str, **options: object) -> asyncio.subprocess.Process:
        child = await run(*arguments, **options)  # type: ignore[arg-type]
        os.kill(child.pid, signal.SIGKILL)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", doomed)
    return iter(())


@pytest.mark.usefixtures("killed")
async def test_a_child_that_dies_costs_the_attempt_only(
    full: EdgeVectorIndex, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OptimisationFailed, match="status -9"):
        await full.optimise(NAME)
    assert len(_generations(tmp_path)) == 1
    monkeypatch.setattr(edge_policy, "SCAN_IS_FINE", 1)
    with caplog.at_level(logging.WARNING):
        await full.maintain()
    assert "not optimised" in caplog.text
    assert "status -9" in str((await full.state(NAME)).details["last_failure"])
    await full.upsert(NAME, points(3))
    assert await full.count(NAME) == COUNT
    monkeypatch.undo()
    await full.optimise(NAME)
    state = await full.state(NAME)
    assert state.optimised == 1.0
    assert "last_failure" not in state.details


async def test_a_child_says_why_it_fails(full: EdgeVectorIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_optimiser, "shape_of", lambda _: ("companies-a", {}, (), (), ()))
    with pytest.raises(OptimisationFailed, match="at least one of vectors"):
        await full.optimise(NAME)
    assert await full.count(NAME) == COUNT


async def test_closing_gives_an_optimisation_up(full: EdgeVectorIndex, tmp_path: Path) -> None:
    optimising = asyncio.create_task(full.optimise(NAME))
    await eventually(lambda: len(_generations(tmp_path)) > 1 or optimising.done())
    await full.close()
    with pytest.raises(OptimisationFailed, match="stopped"):
        await optimising
    assert len(_generations(tmp_path)) == 1
    reopened = await EdgeVectorIndex.open(tmp_path / "vectors")
    assert await reopened.count(NAME) == COUNT
    await reopened.close()


async def test_dropping_gives_an_optimisation_up(full: EdgeVectorIndex, tmp_path: Path) -> None:
    optimising = asyncio.create_task(full.optimise(NAME))
    await eventually(lambda: len(_generations(tmp_path)) > 1 or optimising.done())
    await full.drop(NAME)
    with suppress(OptimisationFailed, UnknownCollection):
        await optimising
    assert await full.collections() == []
    assert list((tmp_path / "vectors" / "collections").iterdir()) == []
    await full.ensure(spec(NAME))
    assert await full.count(NAME) == 0


async def test_a_cancelled_optimisation_leaves_nothing_behind(full: EdgeVectorIndex, tmp_path: Path) -> None:
    optimising = asyncio.create_task(full.optimise(NAME))
    await eventually(lambda: len(_generations(tmp_path)) > 1 or optimising.done())
    optimising.cancel()
    with pytest.raises(asyncio.CancelledError):
        await optimising
    assert len(_generations(tmp_path)) == 1
    await full.optimise(NAME)
    assert (await full.state(NAME)).optimised == 1.0


async def test_a_build_that_was_stopped_does_not_start(tmp_path: Path) -> None:
    build = Build(tmp_path / "g-1", spec(NAME), 1)
    build.stop()
    with pytest.raises(OptimisationFailed, match="stopped"):
        await build.run(None)


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(lambda whole: b"", id="nothing"),
        pytest.param(lambda whole: whole[:10], id="inside the shape"),
        pytest.param(lambda whole: whole[:-4], id="no last frame"),
        pytest.param(lambda whole: whole[:-6], id="inside the rows"),
    ],
)
def test_the_child_builds_nothing_from_an_input_that_just_ends(
    tmp_path: Path, cut: Callable[[bytes], bytes]
) -> None:
    rows: list[Row] = [(identity(1).bytes, {"text": [1.0] + [0.0] * 7}, {"trl": 3})]
    whole = (
        edge_optimiser.frame(edge_optimiser.shape_of(spec(NAME)))
        + edge_optimiser.frame(rows)
        + edge_optimiser.END
    )
    with pytest.raises(EOFError):
        edge_optimiser.build(tmp_path / "g-1", 1, BytesIO(cut(whole)))
