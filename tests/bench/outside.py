"""The world outside, in a process of its own: it announces challenges and receives webhooks.

Run as `python -m tests.bench.outside`; commands and answers are lines of JSON on standard input and output.
Both ends of a latency are taken here, by one clock, and nothing of it runs on the product's event loop.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ARRIVAL_S = 60.0
"""Longest wait for a webhook."""
LINE_MAX = 1 << 22
"""A command carries a challenge, an answer a webhook's body."""


class Inbox:
    """What has arrived: how many, and the first since `clear`."""

    def __init__(self) -> None:
        self.count = 0
        self.last_at = time.perf_counter()
        self._first: asyncio.Future[tuple[float, bytes]] | None = None

    def expect(self) -> asyncio.Future[tuple[float, bytes]]:
        """Resolves with the next webhook: when it was here, and its body."""
        self._first = asyncio.get_running_loop().create_future()
        return self._first

    def put(self, body: bytes) -> None:
        self.count += 1
        self.last_at = time.perf_counter()
        if self._first is not None and not self._first.done():
            self._first.set_result((self.last_at, body))


class Hooks(asyncio.Protocol):
    """As little HTTP as a receiver needs: every request with a Content-Length is answered 200."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without being derived

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            _, _, rest = head.partition(b"content-length:")
            stop = end + 4 + int(rest.split(b"\r\n", 1)[0] or 0)
            if len(self._buffer) < stop:
                return
            self._inbox.put(self._buffer[end + 4 : stop])
            self._buffer = self._buffer[stop:]
            self._transport.write(ANSWER)


async def serve() -> None:
    """Answer commands until standard input ends."""
    loop = asyncio.get_running_loop()
    inbox = Inbox()
    server = await loop.create_server(lambda: Hooks(inbox), "127.0.0.1", 0)
    reader = asyncio.StreamReader(limit=LINE_MAX)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"})
    async with aiohttp.ClientSession() as session:
        while line := await reader.readline():
            command = json.loads(line)
            if "post" in command:
                _say(await _post(session, inbox, command))
            else:
                _say(await _quiet(inbox, command["quiet"]))
    server.close()


async def _post(session: aiohttp.ClientSession, inbox: Inbox, command: dict[str, Any]) -> dict[str, Any]:
    """POST, and wait for the first webhook after it."""
    hook = inbox.expect()
    body = command["body"].encode()
    began = time.perf_counter()
    async with session.post(command["post"], data=body, headers=command["headers"]) as response:
        text = await response.text()
        answered = time.perf_counter()
    if response.status != 201:
        return {"error": f"{response.status} {text}"}
    async with asyncio.timeout(ARRIVAL_S):
        arrived, webhook = await hook
    return {
        "answered_s": answered - began,
        "arrived_s": arrived - began,
        "answer": text,
        "webhook": webhook.decode(),
    }


async def _quiet(inbox: Inbox, seconds: float) -> dict[str, Any]:
    """Wait until no webhook has come for so long."""
    inbox.last_at = time.perf_counter()
    while (left := inbox.last_at + seconds - time.perf_counter()) > 0:  # noqa: ASYNC110 - it moves on
        await asyncio.sleep(left)
    return {"count": inbox.count}


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Announced:
    """Seconds from the start of the POST to its answer and to the first webhook; both bodies as text."""

    answered_s: float
    arrived_s: float
    answer: str
    webhook: str


class Outside:
    """The other end of the pipe."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url
        """Where webhooks are received."""

    async def announce(self, url: str, key: str, body: str) -> Announced:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        answer = await self._ask({"post": url, "headers": headers, "body": body})
        if "error" in answer:
            raise RuntimeError(f"the announcement was refused: {answer['error']}")
        return Announced(**answer)

    async def quiet(self, seconds: float) -> int:
        """Return once nothing has arrived for so long; how many webhooks have arrived ever."""
        count: int = (await self._ask({"quiet": seconds}))["count"]
        return count

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process outside has ended; its message stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def outside() -> AsyncIterator[Outside]:
    """The process, ready to be asked; ended with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.outside",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_MAX,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        hello = json.loads(await process.stdout.readline())
        yield Outside(process, hello["url"])
    finally:
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    uvloop.run(serve())
