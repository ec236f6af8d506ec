"""Texts embedded a moment before they are wanted, while what will want them is still being written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from services.kernel.embedding.port import Embedder

AT_ONCE = 4
"""Expectations worked on at the same time. In a flood of announcements there is nothing to gain: the model
is busy anyway."""

log = structlog.get_logger("liaison.embedding")


class Ahead:
    """A hint, and no more: a process without a model ignores it, and a failure is met again, and told of,
    by whoever needs the texts. Behind it stands an embedder that keeps what it has embedded."""

    def __init__(self) -> None:
        self._embedder: Callable[[], Embedder] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def serve(self, embedder: Callable[[], Embedder]) -> None:
        """From now on take hints. `embedder` gives the one that serves at that moment."""
        self._embedder = embedder

    def expect(self, texts: Sequence[str]) -> None:
        """These texts will be wanted in a few milliseconds. Returns at once."""
        if self._embedder is None or len(self._running) >= AT_ONCE:
            return
        task = asyncio.create_task(self._embed(self._embedder(), texts), name="embedding ahead")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Take no more hints, and let go of those in work. Before the embedder is closed."""
        self._embedder = None
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _embed(self, embedder: Embedder, texts: Sequence[str]) -> None:
        try:
            await embedder.embed(texts)
        except Exception as error:  # noqa: BLE001 - whoever wants the texts meets it again
            log.debug("not embedded ahead", error=type(error).__name__)
