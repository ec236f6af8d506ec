"""A served process, a receiver, a market."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.market import Market, open_market
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver, receiving
from tests.end_to_end.town import UNLIMITED


@pytest.fixture
def liaison(tmp_path: Path) -> Iterator[Liaison]:
    """A ready process; whatever a test leaves running is killed."""
    process = Liaison(tmp_path / "data")
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liaison]:
    """A process that the tests of a module share, without limits of rates, and with the module's SETTINGS."""
    name = request.module.__name__.rpartition("test_")[2]
    settings = UNLIMITED | getattr(request.module, "SETTINGS", {})
    process = Liaison(tmp_path_factory.mktemp(name) / "data", settings)
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()
    assert "unexpected_error" not in process.log()


@pytest.fixture
async def market(liaison: Liaison) -> Market:
    async with liaison.client() as admin:
        return await open_market(admin)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
