"""The operator's screen while those who should do the work are not there: what is known, and what to do."""

from __future__ import annotations

import pytest

from services.bootstrap.rooms import lag
from services.cli.operations import tell_status
from services.gateway import status_endpoints
from services.indexing import endpoints as indexing
from services.indexing.elsewhere import IndexElsewhere
from services.kernel import journal
from services.kernel.database import Database
from services.kernel.journal.tail import Tail
from services.kernel.settings import Settings, StreamKind
from tests.conftest import MovableClock
from tests.courier.desk import Desk
from tests.gateway.serving import an_event, gateway
from tests.kernel.web.application import bearer, client_of

ADMIN = bearer("lia_admin")
NOBODY_THERE = Settings(stream=StreamKind.kafka, kafka_bootstrap_servers=("127.0.0.1:1",))


@pytest.mark.parametrize("settings", [Settings(), NOBODY_THERE], ids=["journal", "kafka"])
async def test_a_gateway_alone_tells_what_waits_and_whom_to_start(
    database: Database, clock: MovableClock, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """No relay, no worker, no courier, and with Kafka no broker."""
    desk = Desk(database, clock)
    await desk.post((await desk.endpoint("https://receiver.example.org/")).id, 1)
    async with database.write() as tx:
        await journal.append(tx, [an_event(1)], now=clock.now())
    clock.advance(600)
    index = IndexElsewhere(database, clock)
    behind = lag(settings, database)
    routers = (
        status_endpoints.router(database, clock, behind, index.lacking),
        indexing.router(index),
    )
    async with client_of(gateway(database, Tail(database, clock), clock, *routers)) as client:
        now = (await client.get("/v1/status", headers=ADMIN)).json()
        nobody = await client.get("/v1/index", headers=ADMIN)
    tell_status(now, None, nobody.json()["detail"])
    screen = " ".join(capsys.readouterr().out.split())

    assert "Start `liaison worker`" in screen
    assert "start `liaison courier`" in screen
    assert ("start `liaison relay`" in screen) == (not database.is_serial)
    assert (now["unsequenced"], now["lacking"]) == (0 if database.is_serial else 1, None)
    if settings is NOBODY_THERE:
        assert now["lag"] == {}
        assert "Kafka does not answer" in now["lag_unknown"]
        assert "Kafka does not answer" in screen
    else:
        assert now["lag_unknown"] is None
        assert now["lag"]["matching"] == (1 if database.is_serial else 0)
