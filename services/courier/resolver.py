"""Names to addresses: by the operating system, one slow name server delaying nobody else, and guarded."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult

from services.courier.address_guard import AddressGuard, AddressInfo, AddressRefused

MAX_LOOKUPS = 128
"""Lookups under way at once. Each is a thread that sleeps in getaddrinfo, up to 30 s against a name server
that does not answer; asyncio's own pool has about six, and a few such names would close it to all."""

Lookup = Callable[[str, int], list[AddressInfo]]


def system_lookup(host: str, port: int) -> list[AddressInfo]:
    """The operating system's resolver. Blocks; raises OSError when the name has no address."""
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


class SystemResolver(AbstractResolver):
    """Runs every lookup in a thread of its own, which a process that ends does not wait for."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._places = asyncio.Semaphore(MAX_LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of the name, in the system's order of preference. Raises OSError if there is none."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[AddressInfo]] = loop.create_future()

        def settle(found: list[AddressInfo], error: Exception | None) -> None:
            self._places.release()
            if answer.done():  # whoever asked has given up meanwhile
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(found)

        def look() -> None:
            found: list[AddressInfo] = []
            failure: Exception | None = None
            try:
                found = self._lookup(host, port)
            except Exception as error:  # noqa: BLE001 - handed over to the waiting task
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop was closed while the name server dawdled
                loop.call_soon_threadsafe(settle, found, failure)

        threading.Thread(target=look, name=f"resolve {host}", daemon=True).start()
        infos = await answer
        results = [_result(host, info) for info in infos if family in (socket.AF_UNSPEC, info[0])]
        if not results:
            raise OSError(None, f"the name {host} has no address")
        return results

    async def close(self) -> None:
        """Lookups still under way end on their own; their answers are dropped."""


def _result(host: str, info: AddressInfo) -> ResolveResult:
    family, _, protocol, _, address = info
    return ResolveResult(
        hostname=host,
        host=str(address[0]),
        port=address[1],
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


class GuardedResolver(AbstractResolver):
    """Resolves by another resolver, and refuses a name of which any address is forbidden."""

    def __init__(self, resolver: AbstractResolver, guard: AddressGuard) -> None:
        self._resolver = resolver
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """As the resolver beneath. Raises AddressRefused."""
        # Asked without a family, so that a forbidden address of the other family refuses the name too.
        answers = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        for answer in answers:
            try:
                self._guard.check_address(answer["host"])
            except AddressRefused as refusal:
                raise AddressRefused(f"{host} resolves to a forbidden address. {refusal}") from None
        return [answer for answer in answers if family in (socket.AF_UNSPEC, answer["family"])]

    async def close(self) -> None:
        await self._resolver.close()
