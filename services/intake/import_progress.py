"""How far an import is, told while it goes on: a line of JSON after each batch, the report as the last."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from starlette.responses import Response, StreamingResponse

from schemas.company import ImportReport
from services.intake.company_import import Progress
from services.kernel.problems import Problem

LINES = "application/x-ndjson"
EXAMPLE = '{"done": 200, "companies": 312}\n{"done": 312, "companies": 312}\n{"report": {"rows": 320, …}}\n'

Work = Callable[[Progress], Awaitable[ImportReport]]


async def in_lines(work: Work) -> Response:
    """The answer of an import whose client wants to see how far it is.

    What goes wrong before the first batch is in leaves as what it is, with a status of its own; what goes
    wrong afterwards is the last line. A client that goes away ends the import behind the batch at hand.
    """
    told: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def progress(done: int, companies: int) -> None:
        told.put_nowait({"done": done, "companies": companies})

    running = asyncio.ensure_future(work(progress))
    running.add_done_callback(lambda _: told.put_nowait(None))
    try:
        first = await told.get()
        if first is None and running.exception() is not None:
            await running
    except BaseException:
        running.cancel()
        raise
    return StreamingResponse(_lines(first, told, running), media_type=LINES)


async def _lines(
    first: dict[str, Any] | None,
    told: asyncio.Queue[dict[str, Any] | None],
    running: asyncio.Future[ImportReport],
) -> AsyncIterator[bytes]:
    try:
        line = first
        while line is not None:
            yield orjson.dumps(line) + b"\n"
            line = await told.get()
        try:
            last = {"report": (await running).model_dump(mode="json")}
        except Problem as problem:
            last = {"problem": problem.body().model_dump(exclude_none=True)}
        yield orjson.dumps(last) + b"\n"
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await running
