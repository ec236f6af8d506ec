"""Operators look at dead letters, have them handled again, or give them up on record."""

from __future__ import annotations

import httpx

from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.stream import dead_letters
from services.kernel.stream.failure import Failure
from tests.gateway.serving import an_event, append
from tests.kernel.web.application import bearer

ADMIN = bearer("lia_admin")


async def put_aside(database: Database, count: int) -> list[str]:
    await append(database, *(an_event(number) for number in range(count)))
    async with database.write() as tx:
        events = await journal.read(tx, after=0, limit=count)
        failure = Failure(reason="ValueError: no such unit", trace="matching.py:12", tries=5)
        return [
            await dead_letters.add(
                tx, f"service-{number % 2}", event, failure, now=SystemClock().now(), message=None
            )
            for number, event in enumerate(events)
        ]


async def test_list_and_show(both: httpx.AsyncClient, database: Database) -> None:
    letters = sorted(await put_aside(database, 5))
    first = (await both.get("/v1/dead-letters?limit=3", headers=ADMIN)).json()
    second = (await both.get(f"/v1/dead-letters?cursor={first['next']}", headers=ADMIN)).json()
    assert [letter["id"] for letter in first["items"] + second["items"]] == letters
    some = (await both.get("/v1/dead-letters?service=service-1", headers=ADMIN)).json()["items"]
    assert {letter["service"] for letter in some} == {"service-1"}
    shown = (await both.get(f"/v1/dead-letters/{letters[0]}", headers=ADMIN)).json()
    assert (shown["reason"], shown["tries"], shown["state"]) == ("ValueError: no such unit", 5, "open")
    missing = await both.get(f"/v1/dead-letters/ded_{'0' * 26}", headers=ADMIN)
    assert missing.status_code == 404


async def test_redrive_and_discard(both: httpx.AsyncClient, database: Database) -> None:
    one, other = await put_aside(database, 2)
    asked = await both.post(f"/v1/dead-letters/{one}/redrive", headers=ADMIN)
    assert (asked.status_code, asked.json()["state"]) == (202, "open")
    assert asked.json()["redrive_requested_at"]
    given_up = await both.post(
        f"/v1/dead-letters/{other}/discard", json={"reason": "A test of ours"}, headers=ADMIN
    )
    assert (given_up.status_code, given_up.json()["state"]) == (200, "discarded")
    assert given_up.json()["resolution"] == "A test of ours"
    again = await both.post(f"/v1/dead-letters/{other}/redrive", headers=ADMIN)
    assert again.status_code == 409
    listed = (await both.get("/v1/dead-letters?state=discarded", headers=ADMIN)).json()["items"]
    assert [letter["id"] for letter in listed] == [other]
    everything = (await both.get("/v1/dead-letters?state=any", headers=ADMIN)).json()["items"]
    assert len(everything) == 2


async def test_all_of_a_service_are_redriven(both: httpx.AsyncClient, database: Database) -> None:
    letters = await put_aside(database, 5)
    given_up = {"reason": "A test of ours"}
    await both.post(f"/v1/dead-letters/{letters[2]}/discard", json=given_up, headers=ADMIN)
    asked = await both.post("/v1/dead-letters/redrive?service=service-0", headers=ADMIN)
    assert (asked.status_code, asked.json()) == (202, {"asked": 2})
    async with database.read() as tx:
        assert await dead_letters.requested(tx) == {"service-0": sorted([letters[0], letters[4]])}
    assert (await both.post("/v1/dead-letters/redrive", headers=ADMIN)).status_code == 422
    none = await both.post("/v1/dead-letters/redrive?service=nobody", headers=ADMIN)
    assert none.json() == {"asked": 0}


async def test_for_operators_only(plain: httpx.AsyncClient, sqlite: Database) -> None:
    (letter,) = await put_aside(sqlite, 1)
    for key, status in (("lia_manager", 403), ("lia_writer", 403), ("lia_unknown", 401)):
        assert (await plain.get("/v1/dead-letters", headers=bearer(key))).status_code == status
        answer = await plain.post(f"/v1/dead-letters/{letter}/redrive", headers=bearer(key))
        assert answer.status_code == status
