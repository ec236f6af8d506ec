"""Which generation of the index serves at a start, as the settings and the vector store have it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.bootstrap.adapters import VECTORS, open_generations, vector_index
from services.indexing.collections import COMPANIES
from services.indexing.generation import Generations
from services.indexing.upkeep import Upkeep
from services.kernel.database import Database
from services.kernel.settings import EmbeddingBackend, Settings
from tests.conftest import MovableClock
from tests.intake.people import World, a_challenge, a_company, build, principal
from tests.kernel.embedding.conftest import MODELS, save_tiny_model


@asynccontextmanager
async def started(
    settings: Settings, database: Database, world: World
) -> AsyncIterator[tuple[Generations, Upkeep]]:
    """As a process starts."""
    async with vector_index(settings) as index:
        generations, embedders = await open_generations(settings, database, index)
        await generations.open()
        upkeep = Upkeep(generations, database, world.clock, world.intake.reading)
        await upkeep.begin()
        try:
            yield generations, upkeep
        finally:
            for embedder in embedders:
                await embedder.close()


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "tiny", "cls")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=MODELS, embedding_threads=1)


@pytest.fixture
async def world(sqlite: Database, clock: MovableClock) -> World:
    world = await build(sqlite, clock)
    await world.intake.companies.create(principal(world.cluster), a_company())
    await world.intake.challenges.announce(principal(world.cern), a_challenge())
    clock.advance(120)
    return world


async def test_another_model_in_the_settings_is_built_while_the_former_serves(
    settings: Settings, sqlite: Database, world: World, tiny_model: Path
) -> None:
    async with started(settings, sqlite, world) as (generations, upkeep):
        assert generations.building is None
        bundled = generations.serving.fingerprint
        assert await upkeep.repair() == 2
    changed = settings.model_copy(
        update={"embedding_model": str(tiny_model), "embedding_backend": EmbeddingBackend.torch}
    )

    async with started(changed, sqlite, world) as (generations, _):
        assert generations.building is not None
        assert generations.serving.fingerprint == bundled
        assert generations.serving.embedder.model.dimensions == 384
    async with started(changed, sqlite, world) as (generations, upkeep):  # it was killed, and starts again
        assert generations.serving.fingerprint == bundled
        await upkeep.change_model()
        tiny = generations.serving
    async with started(changed, sqlite, world) as (generations, upkeep):
        assert generations.building is None
        assert generations.serving.fingerprint == tiny.fingerprint
        assert await upkeep.repair() == 0
        assert set(await generations.serving.vectors.collections()) == {
            tiny.collection(one) for one in tiny.aliases
        }

    async with started(settings, sqlite, world) as (generations, upkeep):  # and back again
        assert generations.serving.fingerprint == tiny.fingerprint
        assert generations.serving.reference in ("", str(tiny_model))
        await upkeep.change_model()
        assert generations.serving.fingerprint == bundled


async def test_a_former_model_that_is_gone_does_not_stop_the_start(
    settings: Settings, sqlite: Database, world: World, tiny_model: Path
) -> None:
    changed = settings.model_copy(
        update={"embedding_model": str(tiny_model), "embedding_backend": EmbeddingBackend.torch}
    )
    async with started(changed, sqlite, world) as (generations, upkeep):
        await upkeep.repair()
    shutil.rmtree(tiny_model)

    async with started(settings, sqlite, world) as (generations, upkeep):
        assert generations.building is None
        assert generations.serving.embedder.model.dimensions == 384
        assert await upkeep.repair() == 2
        assert await generations.serving.vectors.count(COMPANIES) == 1


@pytest.mark.parametrize("version", ["CUTTING", "LANGUAGES_TOLD"])
async def test_collections_of_an_earlier_release_serve_until_the_present_ones_are_built(
    settings: Settings, sqlite: Database, world: World, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(f"services.indexing.generation.{version}", "another")
    async with started(settings, sqlite, world) as (generations, upkeep):
        await upkeep.repair()
        former = generations.serving.fingerprint
    monkeypatch.undo()

    async with started(settings, sqlite, world) as (generations, upkeep):
        assert generations.serving.fingerprint == former
        assert generations.building is not None
        assert await generations.serving.vectors.count(COMPANIES) == 1
        await upkeep.change_model()
        assert generations.serving.fingerprint != former
        assert await generations.serving.vectors.count(COMPANIES) == 1
        assert len(await generations.serving.vectors.collections()) == len(generations.serving.aliases)


@pytest.mark.parametrize("broken", ["collection.json", "segment.json", "aliases.json"])
async def test_a_vector_folder_that_cannot_be_read_is_written_anew_from_the_rows(
    settings: Settings, sqlite: Database, world: World, broken: str
) -> None:
    async with started(settings, sqlite, world) as (generations, upkeep):
        await upkeep.repair()
        present = generations.serving.fingerprint
    for path in (settings.data_dir / VECTORS).rglob(broken):
        path.write_text('{"of": "another release"}', "utf-8")

    async with started(settings, sqlite, world) as (generations, upkeep):
        assert generations.serving.fingerprint == present
        left = 1 if broken == "aliases.json" else 0
        assert await generations.serving.vectors.count(COMPANIES) == left, "queries are answered meanwhile"
        assert (await upkeep.lost() > 0) == (left == 0)
        assert await upkeep.repair() == (0 if left else 2)
        assert await generations.serving.vectors.count(COMPANIES) == 1
        assert await upkeep.lost() == 0
