from __future__ import annotations

from sqlalchemy import text

from services.courier import housekeeping, model
from services.courier.schedule import LIFETIME_S
from services.kernel.database import Database
from tests.conftest import MovableClock
from tests.courier.desk import OWNER, Desk, always

URL = "https://receiver.example.org/"
DAY_S = 86_400


async def test_messages_for_an_endpoint_that_is_off_expire(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    off, on = await desk.endpoint(URL), await desk.endpoint(URL)
    async with database.write() as tx:
        await tx.execute(text("UPDATE endpoints SET state = 'off' WHERE id = :id"), {"id": off.id})
    await desk.post(off.id, housekeeping.CHUNK + 5)
    waiting = await desk.post(on.id, 3)
    clock.advance(LIFETIME_S - 1)
    assert await housekeeping.sweep(database, now=clock.now()) == (0, 0)
    clock.advance(1)
    assert await housekeeping.sweep(database, now=clock.now()) == (housekeeping.CHUNK + 5, 0)
    assert {row.state for row in await desk.rows(*waiting)} == {model.PENDING}


async def test_the_log_is_cleared_after_its_days(database: Database) -> None:
    desk = Desk(database)
    endpoint = await desk.endpoint(URL)
    done = await desk.post(endpoint.id, 5)
    async with desk.delivering(always(200)):
        await desk.reach(model.DELIVERED, *done)
    (pending,) = await desk.post(endpoint.id)
    later = MovableClock(desk.clock.now())
    later.advance(29 * DAY_S)
    assert await housekeeping.sweep(database, now=later.now()) == (0, 0)
    later.advance(2 * DAY_S)
    assert await housekeeping.sweep(database, now=later.now()) == (0, 5)
    assert [row.id for row in await desk.rows()] == [pending]
    async with database.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM delivery_attempts"))).scalar() == 0
        assert (await tx.execute(text("SELECT count(*) FROM delivery_bodies"))).scalar() == 1
    assert (await desk.log.get(OWNER, pending)).state == model.PENDING
