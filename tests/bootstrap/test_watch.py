"""Who hangs ends: a service without progress, an event loop that does not turn. Who only waits does not."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from services.bootstrap.jobs import Jobs
from services.bootstrap.watch import LOOKS, LoopWatch, Stalled, watch_progress
from services.kernel.clock import SystemClock
from services.kernel.problems import TransientError
from services.kernel.stream.port import Stream
from tests.conftest import MovableClock
from tests.eventually import eventually

AFTER_S = 200.0


class Told:
    """A stream that is in the state that a test tells."""

    def __init__(self) -> None:
        self.state: dict[str, tuple[int, int]] | Exception = {}
        self.asked = 0

    async def unfinished(self) -> dict[str, tuple[int, int]]:
        self.asked += 1
        if isinstance(self.state, Exception):
            raise self.state
        return self.state


async def look(clock: MovableClock, stream: Told, times: int = 1) -> None:
    """Let the watch look so many times."""
    for _ in range(times):
        asked = stream.asked
        await asyncio.sleep(0)
        clock.advance(AFTER_S / LOOKS)
        await eventually(lambda before=asked: stream.asked > before)  # type: ignore[misc]
        await asyncio.sleep(0)


@pytest.fixture
def stream() -> Told:
    return Told()


@pytest.fixture
async def watch(clock: MovableClock, stream: Told) -> Any:
    watching = asyncio.create_task(watch_progress(cast("Stream", stream), clock, after_s=AFTER_S))
    yield watching
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_work_that_waits_while_nothing_comes_of_it_is_a_stall(
    clock: MovableClock, stream: Told, watch: asyncio.Task[None]
) -> None:
    stream.state = {"matching": (3, 17)}
    await look(clock, stream, LOOKS)
    assert not watch.done()
    await look(clock, stream)
    with pytest.raises(Stalled, match="matching has had 3 events waiting"):
        await asyncio.wait_for(watch, 5)


async def test_slow_progress_an_outage_and_nothing_to_do_are_none(
    clock: MovableClock, stream: Told, watch: asyncio.Task[None]
) -> None:
    for pulse in range(4):
        stream.state = {"matching": (3, pulse)}
        await look(clock, stream, LOOKS - 1)
    stream.state = TransientError("the database is out of reach")
    await look(clock, stream, LOOKS)
    stream.state = {"matching": (0, 4)}
    await look(clock, stream, 2 * LOOKS)
    assert not watch.done()


async def test_a_loop_that_does_not_turn_is_noticed_and_one_that_turns_is_left_alone() -> None:
    ended = threading.Event()
    watch = LoopWatch(ticks=3, tick_s=0.02, end=ended.set)
    running = asyncio.create_task(watch.run(SystemClock()))
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert not ended.is_set()
    assert ended.wait(5), "while this waits, the loop does not turn"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_job_that_fails_or_ends_too_early_ends_the_process() -> None:
    async def fails() -> None:
        raise ValueError("a bug")

    async def ends() -> None:
        return

    async def runs() -> None:
        await asyncio.Event().wait()

    for job, is_failure in ((fails, True), (ends, True), (runs, False)):
        jobs = Jobs()
        jobs.start("job", job())
        jobs.once("warm", ends())
        if is_failure:
            await asyncio.wait_for(jobs.failed.wait(), 5)
        await jobs.close()
        assert jobs.failed.is_set() == is_failure


async def test_jobs_that_drain_end_before_those_on_which_they_stand() -> None:
    order: list[str] = []
    stop = asyncio.Event()

    async def stands_on() -> None:
        await stop.wait()
        order.append("drained")

    async def ground() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append("cancelled")

    jobs = Jobs()
    jobs.start("ground", ground())
    jobs.drain("work", stands_on(), stop.set)
    await asyncio.sleep(0)
    await jobs.close()
    assert order == ["drained", "cancelled"]
    assert not jobs.failed.is_set()
