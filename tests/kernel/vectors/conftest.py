"""The vector stores under test: embedded, the client's local mode, and a real server where one is given."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from services.kernel.vectors.edge import EdgeVectorIndex
from services.kernel.vectors.port import VectorIndex
from services.kernel.vectors.server import ServerVectorIndex

SERVER_URL = os.environ.get("LIAISON_TEST_QDRANT_URL")


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[EdgeVectorIndex]:
    index = await EdgeVectorIndex.open(tmp_path / "vectors")
    yield index
    await index.close()


ADAPTERS = ["edge", "local", *(["server-http", "server-grpc"] if SERVER_URL else [])]


@pytest.fixture(params=ADAPTERS)
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorIndex]:
    store: VectorIndex
    if request.param == "edge":
        store = await EdgeVectorIndex.open(tmp_path / "vectors")
    elif request.param == "local":
        store = ServerVectorIndex.local()
    else:
        assert SERVER_URL
        store = ServerVectorIndex.connect(SERVER_URL, prefer_grpc=request.param == "server-grpc")
    yield store
    if request.param.startswith("server"):
        for name in await store.collections():
            if name.startswith("test-"):
                await store.drop(name)
    await store.close()


@pytest.fixture
def name() -> str:
    """A collection that no other test uses: a server outlives the tests."""
    return f"test-{uuid4().hex}"
