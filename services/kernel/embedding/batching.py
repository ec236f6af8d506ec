"""Gathers concurrent calls into batches and runs these on threads, the lanes of an encoder."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.kernel.embedding.encoder import Encoder, Tokens
from services.kernel.embedding.fair_queue import Encode, FairQueue, Request, Tokenise, Wanted
from services.kernel.embedding.port import EmbeddingModel, Vectors


@dataclass(eq=False, slots=True)
class _Call:
    """One `embed` that waits for the rows of its distinct texts. Changed under the lock of the embedder."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]
    rows: Vectors
    places: dict[str, int]
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.missing = len(self.places)

    def settle(self, error: BaseException | None) -> None:
        """From any thread. A caller that has gone away, or whose loop is closed, is not told."""

        def tell() -> None:
            if self.future.done():
                return
            if error is None:
                self.future.set_result(None)
            else:
                self.future.set_exception(error)

        try:
            self.loop.call_soon_threadsafe(tell)
        except RuntimeError:
            return


class BatchingEmbedder:
    """An Embedder: texts of all callers share batches, each text is encoded once however many want it.

    Callers may be on any event loop. `close` finishes what waits; `embed` afterwards is a RuntimeError.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._queue = FairQueue(encoder.tokens_per_batch)
        self._calls: dict[int, _Call] = {}
        self._changed = threading.Condition()
        self._idle = 0
        self._closing = False
        self._lanes = [
            threading.Thread(target=self._work, name=f"embedding-{number}", daemon=True)
            for number in range(encoder.lanes)
        ]
        for lane in self._lanes:
            lane.start()

    @property
    def model(self) -> EmbeddingModel:
        return self._encoder.model

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in order. Raises ValueError for a text that is empty or blank."""
        refuse_blank(texts)
        if not texts:
            return np.empty((0, self.model.dimensions), np.float32)
        distinct = list(dict.fromkeys(texts))
        loop = asyncio.get_running_loop()
        call = _Call(
            loop,
            loop.create_future(),
            np.empty((len(distinct), self.model.dimensions), np.float32),
            {text: place for place, text in enumerate(distinct)},
        )
        with self._changed:
            if self._closing:
                raise RuntimeError("the embedder is closed")
            request = self._queue.add(distinct)
            self._calls[request.number] = call
            self._changed.notify_all()
        try:
            await call.future
        finally:
            with self._changed:
                self._forget(request)
        if len(distinct) == len(texts):
            return call.rows
        return call.rows[[call.places[text] for text in texts]]

    async def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for lane in self._lanes:
            await asyncio.to_thread(lane.join)

    def _forget(self, request: Request) -> None:
        if self._calls.pop(request.number, None) is not None:
            self._queue.remove(request)
            self._changed.notify_all()

    def _work(self) -> None:
        """A lane: takes jobs until the embedder is closed and nothing waits."""
        while (job := self._next()) is not None:
            if isinstance(job, Tokenise):
                self._tokenise(job)
            else:
                self._encode(job.batch)

    def _next(self) -> Tokenise | Encode | None:
        with self._changed:
            self._idle += 1
            try:
                while (job := self._queue.take(self._idle)) is None:
                    if self._closing and not self._queue:
                        return None
                    self._changed.wait()
            finally:
                self._idle -= 1
            return job

    def _tokenise(self, job: Tokenise) -> None:
        tokens: list[Tokens | None]
        window = job.window
        try:
            tokens = [*self._encoder.tokenise([wanted.text for wanted in window])]
        except Exception:  # noqa: BLE001 - whatever it is, it belongs to one of the callers
            tokens = [self._tokenise_alone(wanted) for wanted in window]
        with self._changed:
            self._queue.tokenised(job, tokens)
            self._changed.notify_all()

    def _tokenise_alone(self, wanted: Wanted) -> Tokens | None:
        try:
            return self._encoder.tokenise([wanted.text])[0]
        except Exception as error:  # noqa: BLE001 - goes to whoever asked for this text
            with self._changed:
                self._fail(self._queue.done(wanted), error)
            return None

    def _encode(self, batch: Sequence[Wanted]) -> None:
        try:
            rows = self._encoder.encode([wanted.tokens for wanted in batch if wanted.tokens])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the callers
            if len(batch) > 1:
                for wanted in batch:  # which of them it was, only each alone can tell
                    self._encode([wanted])
                return
            with self._changed:
                self._fail(self._queue.done(batch[0]), error)
            return
        with self._changed:
            for wanted, row in zip(batch, rows, strict=True):
                self._deliver(wanted, row)
            self._changed.notify_all()

    def _deliver(self, wanted: Wanted, row: NDArray[np.float32]) -> None:
        for request in self._queue.done(wanted):
            call = self._calls.get(request.number)
            if call is None:
                continue
            call.rows[call.places[wanted.text]] = row
            call.missing -= 1
            if call.missing == 0:
                self._forget(request)
                call.settle(None)

    def _fail(self, requests: Sequence[Request], error: BaseException) -> None:
        for request in requests:
            call = self._calls.get(request.number)
            if call is not None:
                self._forget(request)
                call.settle(error)
        self._changed.notify_all()


def refuse_blank(texts: Sequence[str]) -> None:
    """Raises ValueError: a vector of nothing would be near to something."""
    for place, text in enumerate(texts):
        if not text.strip():
            raise ValueError(f"text {place + 1} of {len(texts)} is empty: there is nothing to embed")
