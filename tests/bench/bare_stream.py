"""`python -m tests.bench.bare_stream PORT`: the least that a server of live streams does.

Every GET is kept open; the body of a POST is written to each of them, and the POST answered.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

_OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: open\n\n"
_DONE = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


async def serve(port: int) -> None:
    readers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # somebody who only looked whether we listen
            writer.close()
            return
        if head.startswith(b"GET"):
            readers.append(writer)
            writer.write(_OPEN)
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        for one in readers:
            one.write(body)
        writer.write(_DONE)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=2_048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
