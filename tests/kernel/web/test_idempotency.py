"""The same request again has its effect once, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from services.kernel.database import Database
from services.kernel.journal.model import JournalEntry
from services.kernel.web.idempotency import KEY_LIFETIME, purge_expired
from services.kernel.web.model import IdempotencyKey
from tests.conftest import MovableClock
from tests.kernel.web.application import application, bearer, client_of

BODY = {"title": "A sensor"}


def keyed(key: str, who: str = "lia_writer") -> dict[str, str]:
    return bearer(who, **{"Idempotency-Key": key})


async def effects(database: Database) -> int:
    async with database.read() as tx:
        return (await tx.execute(select(func.count()).select_from(JournalEntry))).scalar_one()


async def test_a_repeated_request_gets_the_same_answer(client: httpx.AsyncClient, database: Database) -> None:
    first = await client.post("/things", json=BODY, headers=keyed("k1"))
    again = await client.post("/things", json=BODY, headers=keyed('"k1"'))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    for name in ("etag", "location", "content-type", "content-length"):
        assert first.headers[name] == again.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await effects(database) == 1


async def test_without_a_key_each_request_counts(client: httpx.AsyncClient, database: Database) -> None:
    for _ in range(2):
        assert (await client.post("/things", json=BODY, headers=bearer("lia_writer"))).status_code == 201
    assert await effects(database) == 2


async def test_another_request_under_the_same_key_is_refused(
    client: httpx.AsyncClient, database: Database
) -> None:
    await client.post("/things", json=BODY, headers=keyed("k1"))
    for url, body in (("/things", {"title": "B"}), ("/things?fail=false", BODY), ("/secrets", None)):
        response = await client.post(url, json=body, headers=keyed("k1"))
        assert response.status_code == 422
        assert response.json()["type"].endswith("/idempotency-key-reused")
    assert await effects(database) == 1


async def test_keys_are_an_organisations_own(client: httpx.AsyncClient, database: Database) -> None:
    for who in ("lia_writer", "lia_other"):
        response = await client.post("/things", json=BODY, headers=keyed("k1", who))
        assert "idempotency-replayed" not in response.headers
    assert await effects(database) == 2


async def test_a_request_that_fails_frees_its_key(client: httpx.AsyncClient, database: Database) -> None:
    failed = await client.post("/things?fail=true", json=BODY, headers=keyed("k1"))
    assert failed.status_code == 409
    assert (await client.post("/things", json=BODY, headers=keyed("k1"))).status_code == 201
    assert await effects(database) == 1


async def test_the_same_request_while_the_first_runs_is_409(app: FastAPI, client: httpx.AsyncClient) -> None:
    app.state.gate.clear()
    first = asyncio.create_task(client.post("/things", json=BODY, headers=keyed("k1")))
    async with asyncio.timeout(10):
        while not app.state.web.in_flight:  # noqa: ASYNC110 - the request sets no event
            await asyncio.sleep(0)
    second = await client.post("/things", json=BODY, headers=keyed("k1"))
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    app.state.gate.set()
    assert (await first).status_code == 201
    assert not app.state.web.in_flight


async def test_duplicates_in_several_processes_have_one_effect(
    database: Database, clock: MovableClock
) -> None:
    """Two applications on one database: neither knows what the other has in flight."""
    second = Database(str(database.url.render_as_string(hide_password=False)))
    async with client_of(application(database, clock)) as one, client_of(application(second, clock)) as other:
        for round_ in range(5):
            answers = await asyncio.gather(
                *(each.post("/things", json=BODY, headers=keyed(f"k{round_}")) for each in (one, other))
            )
            assert [answer.status_code for answer in answers] == [201, 201]
            assert len({answer.content for answer in answers}) == 1
            assert sum("idempotency-replayed" in answer.headers for answer in answers) == 1
    await second.close()
    assert await effects(database) == 5


async def test_a_key_lives_for_a_day(
    client: httpx.AsyncClient, database: Database, clock: MovableClock
) -> None:
    await client.post("/things", json=BODY, headers=keyed("k1"))
    clock.advance((KEY_LIFETIME - timedelta(seconds=1)).total_seconds())
    assert "idempotency-replayed" in (await client.post("/things", json=BODY, headers=keyed("k1"))).headers
    assert await purge_expired(database, clock.now()) == 0
    clock.advance(1)
    response = await client.post("/things", json={"title": "Another"}, headers=keyed("k1"))
    assert response.status_code == 201
    assert "idempotency-replayed" not in response.headers
    clock.advance(KEY_LIFETIME.total_seconds())
    assert await purge_expired(database, clock.now()) == 1
    assert await effects(database) == 2


async def test_an_answer_with_a_secret_is_stored_sealed(
    client: httpx.AsyncClient, database: Database
) -> None:
    first = await client.post("/secrets", headers=keyed("k1"))
    again = await client.post("/secrets", headers=keyed("k1"))
    assert first.json() == again.json() == {"number": 424242}
    assert first.headers["content-length"] == again.headers["content-length"]
    async with database.read() as tx:
        stored = (await tx.execute(select(IdempotencyKey.body))).scalar_one()
    assert stored is not None
    assert b"424242" not in stored


async def test_uploads_are_compared_by_their_bytes(simple: httpx.AsyncClient) -> None:
    boundary = "multipart/form-data; boundary=b"

    async def upload(text: str) -> httpx.Response:
        part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{text}\r\n--b--\r\n'
        headers = {**keyed("k1"), "Content-Type": boundary}
        return await simple.post("/uploads", content=part.encode(), headers=headers)

    assert (await upload("abc")).json() == {"number": 3}
    assert "idempotency-replayed" in (await upload("abc")).headers
    assert (await upload("abd")).status_code == 422


@pytest.mark.parametrize("key", ["", " ", "é", "a\tb", "x" * 256])
async def test_a_key_that_is_none(simple: httpx.AsyncClient, key: str) -> None:
    headers = {**bearer("lia_writer"), "Idempotency-Key": key.encode("latin-1")}
    response = await simple.post("/things", json=BODY, headers=headers)  # type: ignore[arg-type]
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"].lower() == "idempotency-key"
