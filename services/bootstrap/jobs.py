"""The jobs of a process: what runs beside each other, and ends the process when any of it ends by a bug."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

DRAIN_S = 8.0
"""For all that drains together: a courier takes 6 s at most, a batch in hand 5 s. Whatever has not ended then
is cancelled, rolled back, and done by the successor, so that the process is gone within 10 s."""

log = structlog.get_logger("liaison.process")

Stop = Callable[[], Awaitable[None] | None]
"""Asks a job to end; returns at once, or when it has ended."""


class Jobs:
    """`failed` is set when a job ends by an error that it should have dealt with, or ends at all where it
    should run: a process that does only part of its work must not look alive."""

    def __init__(self) -> None:
        self.failed = asyncio.Event()
        self._cancelled: list[asyncio.Task[None]] = []
        self._drained: list[tuple[asyncio.Task[None], Stop]] = []
        self._closing: asyncio.Task[None] | None = None
        self.is_closing = False
        """Set when the end has begun."""

    def start(self, name: str, job: Coroutine[Any, Any, None]) -> None:
        """Run it until the process ends; then it is cancelled."""
        self._cancelled.append(self._task(name, job, ends=False))

    def once(self, name: str, job: Coroutine[Any, Any, None]) -> None:
        """The same for a job that is done some time."""
        self._cancelled.append(self._task(name, job, ends=True))

    def drain(self, name: str, job: Coroutine[Any, Any, None], stop: Stop) -> None:
        """Run it until the process ends; then `stop` is called, and its end is waited for."""
        self._drained.append((self._task(name, job, ends=False), stop))

    def begin_closing(self) -> None:
        """Let the end begin; `close` waits for it."""
        if self._closing is None:
            self.is_closing = True
            self._closing = asyncio.create_task(self._close(), name="closing")

    async def close(self) -> None:
        """Ask those that drain to end, all at once; when they have ended, cancel the others, on which they
        stand."""
        self.begin_closing()
        if self._closing is not None:
            await self._closing

    async def _close(self) -> None:
        asking = [asyncio.create_task(_ask(stop)) for _, stop in self._drained]
        draining = [task for task, _ in self._drained]
        late: set[asyncio.Task[None]] = set()
        if draining:
            _, late = await asyncio.wait([*draining, *asking], timeout=DRAIN_S)
        for task in late & set(draining):
            log.warning("a job does not end in time and is cut off", job=task.get_name())
        for task in (*late, *self._cancelled):
            task.cancel()
        await asyncio.gather(*draining, *asking, *self._cancelled, return_exceptions=True)

    def _task(self, name: str, job: Coroutine[Any, Any, None], *, ends: bool) -> asyncio.Task[None]:
        task = asyncio.create_task(job, name=name)

        def watch(task: asyncio.Task[None]) -> None:
            if task.cancelled():
                return
            error = task.exception()
            if error is not None:
                log.critical("a job has failed; the process stops", job=name, exc_info=error)
                self.failed.set()
            elif not ends and not self.is_closing:
                log.critical("a job has ended that should run; the process stops", job=name)
                self.failed.set()

        task.add_done_callback(watch)
        return task


async def _ask(stop: Stop) -> None:
    answer = stop()
    if inspect.isawaitable(answer):
        await answer
