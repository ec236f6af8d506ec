"""The same request with the same Idempotency-Key: one effect and one answer, whatever happens in between."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing

import httpx
import pytest

from tests.end_to_end.market import PRESSURE, Market, open_market
from tests.end_to_end.process import Liaison

pytestmark = pytest.mark.slow

AT_ONCE = 24
ROUNDS = 5
"""Deaths until one has come between a commit and its answer; nearly always the first does."""
SOON_S = 20.0


@pytest.fixture(scope="module")
def opened(served: Liaison) -> Market:
    async def everybody() -> Market:
        async with served.client() as admin:
            return await open_market(admin)

    return asyncio.run(everybody())


async def test_of_equal_requests_at_once_one_has_its_effect(served: Liaison, opened: Market) -> None:
    async with served.client(opened.buyer) as buyer:
        answers = await asyncio.gather(*(_announce(buyer, "at-once") for _ in range(AT_ONCE)))
        fresh = [
            one for one in answers if one.status_code == 201 and "idempotency-replayed" not in one.headers
        ]
        assert len(fresh) == 1
        assert {answer.status_code for answer in answers} <= {201, 409}
        for answer in answers:
            if answer.status_code == 201:
                assert answer.content == fresh[0].content
                assert answer.headers["location"] == fresh[0].headers["location"]
            else:
                assert answer.json()["type"].endswith("/idempotency-key-in-flight")
                assert answer.headers["retry-after"] == "1"
        other = await buyer.post(
            "/v1/challenges", json={**PRESSURE, "title": "Other"}, headers={"Idempotency-Key": "at-once"}
        )
        assert other.status_code == 422
        assert other.json()["type"].endswith("/idempotency-key-reused")
        assert len((await buyer.get("/v1/challenges?text=(at-once)")).json()["items"]) == 1


async def test_a_secret_that_is_shown_once_is_shown_again_to_its_own_key_alone(
    served: Liaison, opened: Market
) -> None:
    once = {"Idempotency-Key": "receiver"}
    content = {"url": "https://receiver.example/hook"}
    async with served.client(opened.cluster) as cluster, served.client(opened.buyer) as buyer:
        first = await cluster.post("/v1/endpoints", json=content, headers=once)
        again = await cluster.post("/v1/endpoints", json=content, headers=once)
        theirs = await buyer.post("/v1/endpoints", json=content, headers=once)
    assert again.json() == first.json()
    assert theirs.json()["secret"] != first.json()["secret"]
    secret = first.json()["secret"].encode()
    files = [path for path in served.data_dir.rglob("liaison.db*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()], "the secret lies in the open"


async def test_an_answer_that_was_lost_in_a_crash_is_given_after_it(served: Liaison, opened: Market) -> None:
    for number in range(ROUNDS):
        unanswered = await _die_upon_the_first_commit(served, opened, number)
        if unanswered:
            return
    raise AssertionError("no death came between a commit and its answer")


async def _die_upon_the_first_commit(served: Liaison, opened: Market, number: int) -> set[str]:
    """Announce with many keys, kill -9 as soon as one is committed, start again, send all again. Returns the
    keys that were committed without an answer."""
    keys = [f"round-{number}-{one}" for one in range(AT_ONCE)]
    before = _count(served, "SELECT count(*) FROM challenges")
    async with served.client(opened.buyer) as buyer:
        death = asyncio.create_task(asyncio.to_thread(_kill_when_committed, served, f"round-{number}-%"))
        answers = await asyncio.gather(*(_announce(buyer, key) for key in keys), return_exceptions=True)
        await death
    first = {
        key: answer.json()["id"]
        for key, answer in zip(keys, answers, strict=True)
        if isinstance(answer, httpx.Response)
    }
    committed = _committed(served, f"round-{number}-%")
    assert set(first) <= committed, "an answer was given for what was not stored"

    served.start()
    async with served.client(opened.buyer) as buyer:
        again = dict(zip(keys, await asyncio.gather(*(_announce(buyer, key) for key in keys)), strict=True))
    assert {answer.status_code for answer in again.values()} == {201}
    assert {key for key, answer in again.items() if "idempotency-replayed" in answer.headers} == committed
    for key, challenge in first.items():
        assert again[key].json()["id"] == challenge
    assert _count(served, "SELECT count(*) FROM challenges") == before + AT_ONCE
    return committed - set(first)


def _announce(buyer: httpx.AsyncClient, key: str) -> asyncio.Future[httpx.Response]:
    content = {**PRESSURE, "title": f"{PRESSURE['title']} ({key})"}
    return asyncio.ensure_future(buyer.post("/v1/challenges", json=content, headers={"Idempotency-Key": key}))


def _kill_when_committed(served: Liaison, keys: str) -> None:
    until = time.monotonic() + SOON_S
    with closing(sqlite3.connect(served.data_dir / "liaison.db", isolation_level=None)) as database:
        while time.monotonic() < until:
            if database.execute(_ANSWERED, (keys,)).fetchone():
                break
    served.kill()


_ANSWERED = "SELECT key FROM idempotency_keys WHERE key LIKE ? AND status IS NOT NULL"


def _committed(served: Liaison, keys: str) -> set[str]:
    with closing(sqlite3.connect(served.data_dir / "liaison.db")) as database:
        return {row[0] for row in database.execute(_ANSWERED, (keys,))}


def _count(served: Liaison, query: str) -> int:
    with closing(sqlite3.connect(served.data_dir / "liaison.db")) as database:
        found: int = database.execute(query).fetchone()[0]
        return found
