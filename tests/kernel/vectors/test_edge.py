"""What only the embedded store promises: its folder outlives crashes, and one process at a time has it."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.kernel.vectors.edge import EdgeVectorIndex
from services.kernel.vectors.edge_folder import EdgeFolder
from services.kernel.vectors.errors import OptimisationFailed, VectorStoreInUse, VectorStoreUnavailable
from services.kernel.vectors.port import Equals, Filter, Query
from tests.kernel.vectors.points import points, spec, units

COUNT = 300
BUILT_FILES = 100_000
"""More than can be written before the folder is opened."""
EVENTUALLY_S = 30.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


async def _filled(folder: Path, name: str = "companies-a", count: int = COUNT) -> EdgeVectorIndex:
    index = await EdgeVectorIndex.open(folder)
    await index.ensure(spec(name))
    await index.upsert(name, points(count))
    await index.switch("companies", name)
    return index


@pytest.mark.parametrize("optimised", [False, True])
async def test_everything_is_there_after_closing_and_opening(folder: Path, optimised: bool) -> None:
    index = await _filled(folder)
    if optimised:
        await index.optimise("companies")
    query = [Query("text", units(1, seed=3)[0], 10)]
    before = await index.search("companies", query)
    await index.close()
    index = await EdgeVectorIndex.open(folder)
    assert await index.collections() == ["companies-a"]
    assert await index.resolve("companies") == "companies-a"
    assert await index.search("companies", query) == before
    assert await index.count("companies", Filter((Equals("company", "cmp_2"),))) == 3
    assert (await index.state("companies")).optimised == (1.0 if optimised else 0.0)
    await index.ensure(spec("companies-a"))
    await index.close()


async def test_a_closed_store_says_so(folder: Path) -> None:
    index = await _filled(folder, count=1)
    await index.close()
    await index.close()
    with pytest.raises(VectorStoreUnavailable, match="closed"):
        await index.count("companies")
    with pytest.raises(VectorStoreUnavailable, match="closed"):
        await index.ensure(spec("companies-b"))


async def test_a_second_opener_is_told_who_has_the_folder(folder: Path) -> None:
    index = await _filled(folder, count=1)
    with pytest.raises(VectorStoreInUse, match="is open in process"):
        await EdgeVectorIndex.open(folder)
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from services.kernel.vectors.edge import EdgeVectorIndex\n"
        "asyncio.run(EdgeVectorIndex.open(Path(sys.argv[1])))"
    )
    other = await create_subprocess_exec(sys.executable, "-c", program, str(folder), stderr=PIPE)
    _, said = await other.communicate()
    assert other.returncode == 1
    assert "VectorStoreInUse: The vector folder" in said.decode()
    assert await index.count("companies") == 1
    await index.close()


async def test_what_a_crash_left_over_is_removed(folder: Path) -> None:
    index = await _filled(folder, count=5)
    await index.close()
    home = folder / "collections" / "companies-a"
    record = json.loads((home / "collection.json").read_text())
    shutil.copytree(home / record["generation"], home / "g-unfinished")
    shutil.copytree(home / record["generation"], folder / "collections" / "companies-b" / "g-unfinished")
    (home / "collection.new").write_text("{half")
    (folder / "trash" / "old").mkdir()
    index = await EdgeVectorIndex.open(folder)
    assert await index.collections() == ["companies-a"]
    assert await index.count("companies") == 5
    assert not (home / "g-unfinished").exists()
    assert not (folder / "collections" / "companies-b").exists()
    assert not (folder / "trash" / "old").exists()
    await index.close()


def test_what_a_crash_left_over_is_removed_while_its_builder_still_writes(folder: Path) -> None:
    left_over = folder / "collections" / "companies-b"
    left_over.mkdir(parents=True)
    begun = threading.Event()

    def write() -> None:
        with suppress(FileNotFoundError):
            for number in range(BUILT_FILES):
                (left_over / f"segment-{number}").touch()
                if number == COUNT:
                    begun.set()

    builder = threading.Thread(target=write)
    builder.start()
    assert begun.wait(EVENTUALLY_S)
    opened = EdgeFolder(folder)
    assert opened.collections() == {}
    assert not left_over.exists()
    builder.join()
    opened.close()


def _drop_generation(home: Path, record: dict[str, Any]) -> None:
    shutil.rmtree(home / record["generation"])


def _garble(pattern: str) -> Callable[[Path, dict[str, Any]], None]:
    """Noise over every file of that name in the generation."""

    def spoil(home: Path, record: dict[str, Any]) -> None:
        found = [one for one in (home / record["generation"]).rglob(pattern) if one.is_file()]
        assert found, pattern
        for one in found:
            one.write_bytes(b"\xa5\x5a\x00\xff" * (one.stat().st_size // 4 + 1))

    return spoil


def _write_record(text: str) -> Callable[[Path, dict[str, Any]], None]:
    def spoil(home: Path, _: dict[str, Any]) -> None:
        (home / "collection.json").write_text(text)

    return spoil


def _older_record(home: Path, record: dict[str, Any]) -> None:
    (home / "collection.json").write_text(json.dumps({"name": "companies-a", "version": 7}))


def _wandering_record(home: Path, record: dict[str, Any]) -> None:
    (home / "collection.json").write_text(json.dumps({**record, "generation": "../../.."}))


@pytest.mark.parametrize(
    "spoil",
    [
        _drop_generation,
        _garble("segment.json"),
        _garble("edge_config.json"),
        _garble("version.info"),
        _garble("mutable_id_tracker.mappings"),
        _garble("tracker.dat"),
        _garble("page_0.dat"),
        _garble("first-index"),
        _write_record(""),
        _write_record("{half"),
        _write_record("[]"),
        _write_record('{"spec": {"name": "companies-a", "dense": 7}}'),
        _older_record,
        _wandering_record,
    ],
)
async def test_a_collection_that_cannot_be_read_is_set_aside_and_the_others_serve(
    folder: Path, spoil: Callable[[Path, dict[str, Any]], None], caplog: pytest.LogCaptureFixture
) -> None:
    index = await _filled(folder, count=5)
    await index.ensure(spec("companies-b"))
    await index.upsert("companies-b", points(7))
    await index.close()
    home = folder / "collections" / "companies-a"
    spoil(home, json.loads((home / "collection.json").read_text()))

    index = await EdgeVectorIndex.open(folder)
    assert "companies-a cannot be read" in caplog.text
    assert "written anew from the rows" in caplog.text
    assert await index.collections() == ["companies-b"]
    assert await index.resolve("companies") is None
    assert await index.count("companies-b") == 7
    await index.ensure(spec("companies-a"))
    await index.switch("companies", "companies-a")
    assert await index.search("companies", [Query("text", units(1)[0], 3)]) == [[]]
    await index.upsert("companies", points(5))
    await index.close()
    index = await EdgeVectorIndex.open(folder)
    assert await index.count("companies") == 5
    await index.close()


async def test_aliases_that_cannot_be_read_are_none(folder: Path) -> None:
    index = await _filled(folder, count=5)
    await index.close()
    (folder / "aliases.json").write_text('{"companies": ')
    index = await EdgeVectorIndex.open(folder)
    assert await index.resolve("companies") is None
    assert await index.count("companies-a") == 5
    await index.close()


async def test_writes_stop_before_the_disk_is_full_and_searches_go_on(folder: Path) -> None:
    index = await _filled(folder)
    await index.close()
    index = await EdgeVectorIndex.open(folder, reserve_bytes=1 << 60)
    with pytest.raises(VectorStoreUnavailable, match="disk space"):
        await index.upsert("companies", points(1))
    with pytest.raises(VectorStoreUnavailable, match="disk space"):
        await index.delete("companies", Filter((Equals("company", "cmp_2"),)))
    with pytest.raises(VectorStoreUnavailable, match="disk space"):
        await index.ensure(spec("companies-b"))
    with pytest.raises(OptimisationFailed, match="disk space"):
        await index.optimise("companies")
    [hits] = await index.search("companies", [Query("text", units(1)[0], 3)])
    assert len(hits) == 3
    assert await index.count("companies") == COUNT
    assert await index.collections() == ["companies-a"]
    await index.close()


async def test_further_payload_fields_are_indexed_once_and_remembered(folder: Path) -> None:
    index = await _filled(folder)
    wider = replace(spec("companies-a"), keywords=("company", "country", "stages", "active"))
    await index.ensure(wider)
    await index.optimise("companies")
    await index.close()
    record = json.loads((folder / "collections" / "companies-a" / "collection.json").read_text())
    assert record["spec"]["keywords"] == list(wider.keywords)
    index = await EdgeVectorIndex.open(folder)
    await index.ensure(wider)
    assert await index.count("companies", Filter((Equals("country", "DE"),))) == COUNT // 4
    await index.close()


async def test_a_collection_made_while_another_serves_is_like_any_other(folder: Path) -> None:
    """It is created by a child process, because creating one stops the event loop."""
    index = await _filled(folder)
    await index.ensure(spec("companies-b", dimensions=16))
    await index.upsert("companies-b", points(20, dimensions=16))
    await index.close()
    index = await EdgeVectorIndex.open(folder)
    assert await index.count("companies-b", Filter((Equals("company", "cmp_2"),))) == 3
    await index.drop("companies-b")
    await index.ensure(spec("companies-b"))
    assert await index.count("companies-b") == 0
    await index.close()
