"""One screen: is anything waiting, for how long and why; dead letters; endpoints that are off."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.stream import consumers
from tests.cli.command import Command
from tests.end_to_end.market import PRESSURE, Market, subscribe
from tests.end_to_end.process import Liaison
from tests.eventually import eventually

pytestmark = pytest.mark.slow

FOLLOW = {"kind": "bso", "buyer": "cern"}


@pytest.fixture
async def trouble() -> AsyncIterator[str]:
    """A receiver that hangs at /hang and is gone at /gone."""
    over = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    async def gone(_: web.Request) -> web.Response:
        return web.Response(status=410)

    application = web.Application()
    application.router.add_post("/hang", hang)
    application.router.add_post("/gone", gone)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    over.set()
    await runner.cleanup()


async def poison(served: Liaison) -> None:
    """An event that no service can handle, in the journal of the running process."""
    database = Database(f"sqlite:///{served.data_dir / 'liaison.db'}")
    event = journal.NewEvent(
        type="liaison.challenge.announced.v1", subject="challenge/chl_x", key="chl_x", data={"challenge": 7}
    )
    async with database.write() as tx:
        await journal.append(tx, [event], now=SystemClock().now())
    await database.close()


async def redriven(admin: Command, letter: dict[str, Any]) -> None:
    """One, then all of its service: each time it is tried again, and stays with more tries."""
    one = ("dead-letters", "redrive", letter["id"])
    many = ("dead-letters", "redrive", "--service", letter["service"])
    tries = letter["tries"]
    for arguments, key, value in ((one, "id", letter["id"]), (many, "asked", 1)):
        said = await asyncio.to_thread(admin, *arguments, "--json")
        assert (said.code, said.json()[key]) == (0, value), said.told

        async def tried(before: int = tries) -> int:
            now = (await asyncio.to_thread(admin, "dead-letters", "show", letter["id"], "--json")).json()
            return int(now["tries"]) if now["tries"] > before else 0

        tries = await eventually(tried, within_s=60)
    told = await asyncio.to_thread(admin, *many)
    assert f"1 of {letter['service']} are handled again" in told.told
    assert "--service" in (await asyncio.to_thread(admin, *many, letter["id"])).refused(2)


async def resumed(served: Liaison, admin: Command) -> None:
    """A service that was halted goes on when an operator says so."""
    database = Database(f"sqlite:///{served.data_dir / 'liaison.db'}")
    async with database.write() as tx:
        await consumers.halt(tx, "matching", "a test of ours", now=SystemClock().now())
    await database.close()
    assert "HALTED matching" in (await asyncio.to_thread(admin, "status")).told
    said = await asyncio.to_thread(admin, "resume", "matching", "--json")
    assert (said.code, said.json()) == (0, {"resumed": "matching"}), said.told
    assert "HALTED" not in (await asyncio.to_thread(admin, "status")).told


async def test_a_hanging_receiver_a_dead_letter_and_an_endpoint_that_is_off_are_told(
    served: Liaison, market: Market, admin: Command, trouble: str
) -> None:
    quiet = admin("status")
    assert quiet.code == 0, quiet.told
    assert re.search(r"webhooks due +0", quiet.told)
    assert re.search(r"dead letters +0", quiet.told)
    assert "\x1b" not in quiet.out

    async with served.client(market.cluster) as cluster, served.client(market.buyer) as buyer:
        await subscribe(cluster, f"{trouble}/hang", FOLLOW)
        await subscribe(cluster, f"{trouble}/gone", FOLLOW)
        answer = await buyer.post("/v1/challenges", json=PRESSURE)
        assert answer.status_code == 201
    await poison(served)

    async def told() -> dict[str, Any] | None:
        said = await asyncio.to_thread(admin, "status", "--json")
        now: dict[str, Any] = said.json()
        there = now["dead_letters"] and now["webhooks"]["endpoints_off"] and now["webhooks"]["due"]
        return now if there else None

    now = await eventually(told, within_s=60)
    by_state = {one["state"]: one for one in now["webhooks"]["endpoints"]}
    assert by_state["active"]["pending"] >= 1
    assert by_state["active"]["oldest"] == now["webhooks"]["oldest"]
    assert "410" in by_state["off"]["reason"]
    assert set(now["index"]) >= {"lacking", "lost", "failed"}

    screen = await asyncio.to_thread(admin, "status")
    assert screen.code == 0
    assert re.search(r"webhooks due +[1-9]", screen.told)
    assert re.search(r"oldest undelivered +\d+ (s|min)", screen.told)
    assert re.search(r"endpoints off +1", screen.told)
    assert re.search(r"profiles without vectors +0", screen.told)
    assert re.search(r"dead letters +[1-9]\d* `liaison dead-letters list`", screen.told)
    assert by_state["off"]["id"] in screen.out
    assert len(screen.out.splitlines()) <= 40, "one screen"

    letters = (await asyncio.to_thread(admin, "dead-letters", "list", "--json")).json()
    shown = (await asyncio.to_thread(admin, "dead-letters", "show", letters[0]["id"], "--json")).json()
    assert shown["type"] == "liaison.challenge.announced.v1"
    await redriven(admin, shown)
    await resumed(served, admin)
    in_words = await asyncio.to_thread(admin, "dead-letters", "show", letters[0]["id"])
    assert shown["reason"][:40] in in_words.told
    given_up = await asyncio.to_thread(
        admin, "dead-letters", "discard", letters[0]["id"], "--reason", "made by a test", "--json"
    )
    assert given_up.code == 0, given_up.told
    assert given_up.json()["state"] == "discarded"
