"""What only the server adapter does: say what is wrong with the connection, and follow other processes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from aiohttp import web
from qdrant_client import AsyncQdrantClient

from services.kernel.vectors.errors import UnknownCollection, VectorStoreUnavailable
from services.kernel.vectors.port import Query
from services.kernel.vectors.server import Layout, ServerVectorIndex
from services.kernel.vectors.server_errors import server_errors
from tests.kernel.vectors.points import points, spec, units
from tests.ports import free_port

SERVER_URL = os.environ.get("LIAISON_TEST_QDRANT_URL")


@pytest.mark.skipif(SERVER_URL is not None, reason="the contract suite runs against the server")
def test_the_contract_suite_should_also_run_against_a_real_server() -> None:
    pytest.skip("no Qdrant server: set LIAISON_TEST_QDRANT_URL to run the contract suite against one")


@pytest.mark.parametrize("prefer_grpc", [False, True])
async def test_a_server_that_is_down_is_unavailable(prefer_grpc: bool) -> None:
    port = free_port()
    index = ServerVectorIndex.connect(
        f"http://127.0.0.1:{port}", prefer_grpc=prefer_grpc, grpc_port=port, timeout_seconds=1
    )
    with pytest.raises(VectorStoreUnavailable, match="Qdrant server"):
        await index.count("companies")
    with pytest.raises(VectorStoreUnavailable, match="Qdrant server"):
        await index.ensure(spec("companies"))
    with pytest.raises(VectorStoreUnavailable, match="Qdrant server"):
        await index.search("companies", [Query("text", units(1)[0], 5)])
    await index.close()


async def test_a_collection_lies_on_the_servers_as_the_settings_say() -> None:
    asked: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "PUT":
            asked.append(await request.json())
            return web.json_response({"result": True, "status": "ok", "time": 0.0})
        empty: dict[str, list[str]] = {"collections": [], "aliases": []}
        return web.json_response({"result": empty, "status": "ok", "time": 0.0})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    for layout in (Layout(shards=6, replicas=2, quantised=True), Layout()):
        index = ServerVectorIndex.connect(f"http://127.0.0.1:{port}", layout=layout)
        with suppress(
            ValueError, VectorStoreUnavailable, UnknownCollection
        ):  # it is not there to be looked at
            await index.ensure(spec("companies"))
        await index.close()
    await runner.cleanup()
    large, plain = asked
    assert (large["shard_number"], large["replication_factor"]) == (6, 2)
    assert large["vectors"]["text"]["quantization_config"]["scalar"] == {"type": "int8", "always_ram": True}
    assert large["vectors"]["text"]["on_disk"] is True
    assert plain.get("shard_number") is None
    assert "quantization_config" not in plain["vectors"]["text"]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def answering() -> AsyncIterator[Callable[[int, dict[str, str]], Awaitable[ServerVectorIndex]]]:
    """A server that answers every request with one status, as Qdrant words it."""
    open_: list[tuple[web.AppRunner, ServerVectorIndex]] = []

    async def start(status: int, headers: dict[str, str]) -> ServerVectorIndex:
        async def answer(_: web.Request) -> web.StreamResponse:
            body = {"status": {"error": f"said with {status}"}, "time": 0.0}
            return web.json_response(body, status=status, headers=headers)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        index = ServerVectorIndex.connect(f"http://{host}:{port}")
        open_.append((runner, index))
        return index

    yield start
    for runner, index in open_:
        await index.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "headers", "error", "says"),
    [
        (404, {}, UnknownCollection, "companies"),
        (400, {}, ValueError, "said with 400"),
        (422, {}, ValueError, "said with 422"),
        (429, {"Retry-After": "7"}, VectorStoreUnavailable, "7 s"),
        (429, {}, VectorStoreUnavailable, "429"),
        (401, {}, VectorStoreUnavailable, "401"),
        (500, {}, VectorStoreUnavailable, "said with 500"),
        (503, {}, VectorStoreUnavailable, "said with 503"),
    ],
)
async def test_statuses_become_typed_errors(
    answering: Callable[[int, dict[str, str]], Awaitable[ServerVectorIndex]],
    status: int,
    headers: dict[str, str],
    error: type[Exception],
    says: str,
) -> None:
    index = await answering(status, headers)
    with pytest.raises(error, match=says):
        await index.count("companies")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.NOT_FOUND, UnknownCollection),
        (grpc.StatusCode.INVALID_ARGUMENT, ValueError),
        (grpc.StatusCode.UNAVAILABLE, VectorStoreUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, VectorStoreUnavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, VectorStoreUnavailable),
        (grpc.StatusCode.INTERNAL, VectorStoreUnavailable),
    ],
)
def test_grpc_codes_become_typed_errors(code: grpc.StatusCode, error: type[Exception]) -> None:
    failure = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="companies")
    with pytest.raises(error, match="companies"), server_errors("companies"):
        raise failure


async def test_an_alias_that_another_process_re_points_is_followed() -> None:
    """The shape that was remembered for the alias no longer holds."""
    client = AsyncQdrantClient(":memory:")
    mine, other = ServerVectorIndex(client, indexes=False), ServerVectorIndex(client, indexes=False)
    await mine.ensure(spec("companies-a"))
    await mine.switch("companies", "companies-a")
    await mine.upsert("companies", points(3))
    await other.ensure(spec("companies-b", dimensions=16))
    await other.switch("companies", "companies-b")
    await mine.upsert("companies", points(3, dimensions=16))
    [hits] = await mine.search("companies", [Query("text", units(1, dimensions=16)[0], 5)])
    assert len(hits) == 3
    with pytest.raises(ValueError, match="16 dimensions"):
        await mine.search("companies", [Query("text", units(1)[0], 5)])
    await mine.close()


async def test_a_local_folder_keeps_its_points(tmp_path: Path) -> None:
    index = ServerVectorIndex.local(tmp_path / "qdrant")
    await index.ensure(spec("companies-a"))
    await index.upsert("companies-a", points(3))
    await index.close()
    index = ServerVectorIndex.local(tmp_path / "qdrant")
    assert await index.count("companies-a") == 3
    await index.close()
