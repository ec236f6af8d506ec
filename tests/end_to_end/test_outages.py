"""A database that is locked, and a disk that is full: 503 with Retry-After, nothing half-written, nothing
lost, and everything goes on when it is over."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sqlite3
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from services.kernel.database import SQLITE_BUSY_MS, WRITER_WAIT_S
from tests.end_to_end.market import PRESSURE, Market, open_market
from tests.end_to_end.process import Liaison
from tests.end_to_end.town import UNLIMITED, is_problem, stored
from tests.eventually import eventually

pytestmark = pytest.mark.slow

PATIENCE_S = SQLITE_BUSY_MS / 1_000 + WRITER_WAIT_S + 3.0
"""Waiting one's turn, then for the file, and something for a busy machine."""
AT_ONCE = 12
TMPFS = "400m"
"""The vector store wants 256 MB free to begin with."""

Outage = Callable[[Liaison], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liaison]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("disk")
        if _mounted(folder):
            stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        process = Liaison(folder / "data", UNLIMITED)
        stack.callback(lambda: process.kill() if process.process is not None else None)
        process.start()
        yield process
        assert process.stop() == 0
        assert "unexpected_error" not in process.log()
        with closing(sqlite3.connect(process.data_dir / "liaison.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.fixture(scope="module")
def market(served: Liaison) -> Market:
    async def opened() -> Market:
        async with served.client() as admin:
            return await open_market(admin)

    return asyncio.run(opened())


def _mounted(folder: Path) -> bool:
    """A small disk of its own, where this user may have one."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS}", "liaison-test", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def locked(liaison: Liaison) -> Iterator[None]:
    """Another process holds the database's write lock."""
    with closing(sqlite3.connect(liaison.data_dir / "liaison.db", isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout=10000")
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def takes_nothing(liaison: Liaison) -> Iterator[None]:
    """No file of the process takes a single byte more, its log included."""
    assert liaison.process is not None
    pid = liaison.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full(liaison: Liaison) -> Iterator[None]:
    """The disk is full to the last byte."""
    disk = liaison.data_dir.parent
    if not disk.is_mount():
        pytest.skip("this user may not mount a small disk; RLIMIT_FSIZE stands for it in the test beside")
    _forget_written_log(liaison)
    filler = disk / "filler"
    for size in (1_000_000, 1_024):
        with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
            while file.write(bytes(size)) == size:
                pass
    try:
        yield
    finally:
        filler.unlink()


def _forget_written_log(liaison: Liaison) -> None:
    """Shorten the write-ahead log, which would have room for a few transactions more."""
    with closing(sqlite3.connect(liaison.data_dir / "liaison.db", isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout=10000")
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy


@pytest.mark.parametrize("outage", [locked, takes_nothing, full])
async def test_it_refuses_in_time_keeps_reading_and_goes_on_when_it_is_over(
    served: Liaison, market: Market, outage: Outage
) -> None:
    async with served.client(market.buyer) as buyer, served.client() as admin:
        await eventually(lambda: _rests(admin))
        with outage(served):
            before = stored(served)
            begun = time.monotonic()
            requests = asyncio.gather(*_announcements(buyer, outage.__name__))
            read = await buyer.get("/v1/challenges")
            assert read.status_code == 200
            assert read.elapsed.total_seconds() < 2.0
            answers = await requests
            assert time.monotonic() - begun < PATIENCE_S
            for answer in answers:
                assert answer.status_code == 503, answer.text
                assert 1 <= int(answer.headers["retry-after"]) <= 60
                assert "nothing was written" in is_problem(answer)["detail"]
            assert (await admin.get("/health/live")).status_code == 200
            assert stored(served) == before
        again = await asyncio.gather(*_announcements(buyer, outage.__name__))
        assert {answer.status_code for answer in again} == {201}, again[0].text
        assert len({answer.json()["id"] for answer in again}) == AT_ONCE
        counts = stored(served)
        assert counts["challenges"] == before["challenges"] + AT_ONCE
        await eventually(lambda: _all_matched(buyer, [answer.json()["id"] for answer in again]))


def _announcements(buyer: httpx.AsyncClient, name: str) -> Iterator[Awaitable[httpx.Response]]:
    for number in range(AT_ONCE):
        content = {**PRESSURE, "title": f"{PRESSURE['title']} {number}"}
        headers = {"Idempotency-Key": f"{name}-{number}"}
        yield buyer.post("/v1/challenges", json=content, headers=headers)


async def _rests(admin: httpx.AsyncClient) -> bool:
    """Nothing is being handled. The system kills whoever writes to a mapped file in the moment in which
    somebody else fills the disk, and the index is made of such files; here is asked what is refused."""
    status = (await admin.get("/v1/status")).json()
    return not status["unsequenced"] and not any(status["lag"].values())


async def _all_matched(buyer: httpx.AsyncClient, challenges: list[str]) -> bool:
    """Handlers, the vector index and the courier go on too."""
    for challenge in challenges:
        if not (await buyer.get(f"/v1/challenges/{challenge}/matches")).json()["items"]:
            return False
    return True
