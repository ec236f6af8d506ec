"""A served process with a market in it, and the command that talks to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.end_to_end.market import Market, open_market
from tests.end_to_end.process import ADMIN_KEY, MODELS, Liaison
from tests.end_to_end.town import UNLIMITED


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liaison]:
    """A process that the tests of a module share, without limits of rates."""
    name = request.module.__name__.rpartition("test_")[2]
    process = Liaison(tmp_path_factory.mktemp(name) / "data", dict(UNLIMITED))
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


@pytest.fixture(scope="module")
def market(served: Liaison) -> Market:
    async def opened() -> Market:
        async with served.client() as admin:
            return await open_market(admin)

    return asyncio.run(opened())


@pytest.fixture(scope="module")
def admin(served: Liaison) -> Command:
    return Command({"LIAISON_URL": served.url, "LIAISON_KEY": ADMIN_KEY})


@pytest.fixture(scope="module")
def buyer(served: Liaison, market: Market) -> Command:
    return Command({"LIAISON_URL": served.url, "LIAISON_KEY": market.buyer})


@pytest.fixture(scope="module")
def ess(served: Liaison) -> Command:
    """Another buyer."""
    content = {"handle": "ess", "name": "ESS", "kind": "bso", "country": "SE"}

    async def registered() -> str:
        async with served.client() as admin:
            assert (await admin.post("/v1/organisations", json=content)).status_code == 201
            issued = await admin.post("/v1/keys?organisation=ess", json={"label": "test"})
            key: str = issued.json()["secret"]
            return key

    return Command({"LIAISON_URL": served.url, "LIAISON_KEY": asyncio.run(registered())})


@pytest.fixture(scope="module")
def cluster(served: Liaison, market: Market) -> Command:
    return Command({"LIAISON_URL": served.url, "LIAISON_KEY": market.cluster})


@pytest.fixture
def alone(tmp_path: Path) -> Command:
    """The command where no server is needed, with data of its own."""
    settings = {"LIAISON_DATA_DIR": str(tmp_path / "data"), "LIAISON_MODELS_DIR": str(MODELS)}
    return Command(settings, tmp_path)
