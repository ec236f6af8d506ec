"""The courier's questions are answered from indexes, whatever waits for endpoints that hang."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from services.courier import backlog
from services.courier.enqueue import NewMessage, enqueue
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.migrations import runner
from tests.conftest import MovableClock, create_postgresql_database
from tests.courier.desk import Desk

URL = "https://receiver.example.org/"


async def test_each_endpoint_gets_its_share(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoints = [(await desk.endpoint(URL)).id for _ in range(3)]
    await desk.post(endpoints[0], 100)
    clock.advance(1)
    few = await desk.post(endpoints[1], 2)
    now = clock.now()
    found = await database.in_one_go(lambda tx: backlog.due(tx, endpoints, known=(), each=10, now=now))
    assert [sum(due.endpoint == endpoint for due in found) for endpoint in endpoints] == [10, 2, 0]
    first = [due.id for due in found if due.endpoint == endpoints[0]]
    more = await database.in_one_go(lambda tx: backlog.due(tx, endpoints[:1], known=first, each=10, now=now))
    assert not {due.id for due in more} & set(first)
    assert len(more) == 10
    assert {due.id for due in found if due.endpoint == endpoints[1]} == set(few)
    assert {due.body for due in found if due.id in few} == {b'{"number": 0}', b'{"number": 1}'}


async def test_what_is_not_due_is_not_given(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoint = (await desk.endpoint(URL)).id
    await desk.post(endpoint, 3)
    early = clock.now() - timedelta(seconds=1)
    assert (
        await database.in_one_go(lambda tx: backlog.due(tx, [endpoint], known=(), each=10, now=early)) == []
    )
    (one,) = await database.in_one_go(backlog.waiting)
    assert (one.endpoint, one.due_at, one.ready_at) == (endpoint, clock.now(), clock.now())


async def test_handing_over_twice_delivers_once(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoint = (await desk.endpoint(URL)).id
    event = new_id("evt")
    messages = [NewMessage(endpoint, None, event, "test.v1", b"%d" % n) for n in range(2)]
    for _ in range(2):
        async with database.write() as tx:
            await enqueue(tx, messages, now=clock.now())
    (row,) = await desk.rows()
    now = clock.now()
    (due,) = await database.in_one_go(lambda tx: backlog.due(tx, [endpoint], known=(), each=10, now=now))
    async with database.read() as tx:
        bodies = (await tx.execute(text("SELECT count(*) FROM delivery_bodies"))).scalar()
    assert (row.id, due.body) == (messages[0].id, b"0")
    assert bodies == 1


async def test_no_deliveries_without_their_transaction(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoint = (await desk.endpoint(URL)).id

    async def fail() -> None:
        async with database.write() as tx:
            await enqueue(tx, [NewMessage(endpoint, None, new_id("evt"), "test.v1", b"")], now=clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await desk.rows() == []


async def test_a_lease_has_one_holder(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoints = {(await desk.endpoint(URL)).id for _ in range(4)}
    now = clock.now()

    async def lease(holder: str, gone: tuple[str, ...] = (), at: Any = now) -> set[str]:
        return await database.in_one_go(
            lambda tx: backlog.lease(tx, endpoints, holder=holder, gone=gone, now=at), write=True
        )

    assert await lease("a") == endpoints
    assert await lease("b") == set()
    assert await lease("a") == endpoints
    assert await lease("b", gone=("a",)) == endpoints
    assert await lease("c", at=now + timedelta(seconds=11)) == endpoints

    def hand_back(tx: Connection) -> None:
        assert backlog.still_held(tx, endpoints, holder="b") == set()
        assert backlog.still_held(tx, endpoints, holder="c") == endpoints
        one = min(endpoints)
        backlog.release(tx, holder="c", endpoints=[one])
        assert backlog.renew(tx, holder="c", now=now) == endpoints - {one}
        backlog.release(tx, holder="c")
        assert backlog.renew(tx, holder="c", now=now) == set()

    await database.in_one_go(hand_back, write=True)


async def test_two_couriers_that_take_at_once_share_and_neither_waits(
    postgresql: str, clock: MovableClock
) -> None:
    """The second one's transaction runs while the first one's is open, and takes what is left."""
    database = Database(await create_postgresql_database(postgresql))
    await runner.upgrade(database)
    desk = Desk(database, clock)
    endpoints = sorted([(await desk.endpoint(URL)).id for _ in range(4)])
    now = clock.now()
    async with database.engine.begin() as first, database.engine.begin() as second:
        taken = await first.run_sync(
            lambda tx: backlog.lease(tx, endpoints[:2], holder="a", gone=(), now=now)
        )
        async with asyncio.timeout(5):
            left = await second.run_sync(
                lambda tx: backlog.lease(tx, endpoints, holder="b", gone=(), now=now)
            )
    await database.close()
    assert (sorted(taken), sorted(left)) == (endpoints[:2], endpoints[2:])


async def test_every_question_is_answered_by_an_index(sqlite: Database, clock: MovableClock) -> None:
    plans = {}
    questions = {
        "waiting": backlog._WAITING,
        "due": backlog._DUE["sqlite"],
    }
    async with sqlite.read() as tx:
        for name, question in questions.items():
            asked = await tx.execute(
                text(f"EXPLAIN QUERY PLAN {question}"),
                {"endpoints": "[]", "known": "[]", "each": 10, "now": "2026-01-01"} if name == "due" else {},
            )
            plans[name] = [row[3] for row in asked]
    for name, plan in plans.items():
        scans = [step for step in plan if step.startswith("SCAN") and "VIRTUAL" not in step]
        assert [scan for scan in scans if scan not in {"SCAN w", "SCAN waiting"}] == [], (name, plan)
        assert any("ix_deliveries_pending" in step for step in plan), (name, plan)
