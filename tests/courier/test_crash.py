"""A courier killed again and again while it delivers: nothing is lost, and each id has one content."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.courier import model
from services.courier.service import Endpoints
from services.kernel.database import Database
from services.kernel.security import SecretBox
from tests.courier.desk import GUARD, Desk, verified
from tests.courier.receivers import http, receiver
from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
ROUNDS = 5
MESSAGES_A_ROUND = 120
ENDPOINTS = 3
STOP_WITHIN_S = 10.0


@asynccontextmanager
async def courier_process(url: str, key: str) -> AsyncIterator[asyncio.subprocess.Process]:
    command = (sys.executable, "-m", "tests.courier.courier_process", url, key)
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


@pytest.mark.slow
async def test_killed_again_and_again_it_loses_nothing(database_url: str, database: Database) -> None:
    key = SecretBox.new_key()
    desk = Desk(database)
    desk.endpoints = Endpoints(database, desk.clock, guard=GUARD, box=SecretBox([key]))
    chance = random.Random(20_261_121)
    messages: list[str] = []

    refused: set[str] = set()

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = to.requests[-1][0]["webhook-id"]
        await asyncio.sleep(chance.random() * 0.02)
        # Some are refused, once, so that retries are under way too when the courier dies.
        if chance.random() < 0.1 and message not in refused:
            refused.add(message)
            writer.write(http("500 Oops"))
        else:
            writer.write(http("200 OK", b"ok"))
        await writer.drain()

    async with receiver(answer) as to:
        endpoints = [await desk.endpoint(to.url) for _ in range(ENDPOINTS)]
        for _ in range(ROUNDS):
            for endpoint in endpoints:
                messages += await desk.post(endpoint.id, MESSAGES_A_ROUND // ENDPOINTS)
            seen = len(to.requests)
            async with courier_process(database_url, key) as child:
                wanted = seen + chance.randrange(5, MESSAGES_A_ROUND)
                await eventually(lambda wanted=wanted: len(to.requests) >= wanted)  # type: ignore[misc]
                child.kill()
        async with courier_process(database_url, key) as child:
            await desk.reach(model.DELIVERED, *messages, within_s=90)
            child.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(child.wait(), STOP_WITHIN_S) == 0
        requests = list(to.requests)

    received: set[str] = set()
    for endpoint in endpoints:
        own = {row.id for row in await desk.rows() if row.endpoint_id == endpoint.id}
        received |= set(verified(endpoint.secret, [one for one in requests if one[0]["webhook-id"] in own]))
    assert received == set(messages), "nothing lost, nothing invented"
    assert [row.lease_holder for row in [await desk.endpoint_row(e.id) for e in endpoints]] == [
        None
    ] * ENDPOINTS
    for row in await desk.rows():
        attempts = await desk.attempts(row.id)
        assert [attempt.number for attempt in attempts] == list(range(1, row.attempts + 1))
        assert attempts[-1].status == 200
