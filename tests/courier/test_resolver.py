"""Rebinding, mixed answers, redirects and slow name servers: 0 connections reach the canary."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from services.courier.address_guard import AddressGuard, AddressInfo, AddressRefused
from services.courier.http import Sender
from services.courier.outcome import Reason
from services.courier.resolver import GuardedResolver, SystemResolver
from tests.courier.receivers import http, receiver

GUARD = AddressGuard()


class ScriptedResolver(AbstractResolver):
    """Gives the n-th answer to the n-th question, and the last one from then on."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None: ...


class Rebinding(GuardedResolver):
    """A guarded resolver whose name server changes its mind after the check: the last gate must hold."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        await super().resolve(host, port, family)
        return await self._resolver.resolve(host, port, family)


MIXED = [
    ["127.0.0.1"],
    ["1.1.1.1", "127.0.0.1"],
    ["127.0.0.1", "1.1.1.1"],
    ["2606:4700:4700::1111", "127.0.0.1"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["1.1.1.1", "::ffff:7f00:1"],
    ["10.0.0.1"],
    ["169.254.169.254"],
]


@pytest.mark.parametrize("addresses", MIXED, ids=[" ".join(addresses) for addresses in MIXED])
async def test_one_forbidden_address_refuses_the_name(addresses: list[str]) -> None:
    resolver = ScriptedResolver(addresses)
    with pytest.raises(AddressRefused):
        await GuardedResolver(resolver, GUARD).resolve("hooks.example.org", 80, socket.AF_INET)

    async with receiver(http("200 OK")) as canary:
        sender = Sender(GUARD, resolver=resolver)
        outcome = await sender.send(GUARD.target(f"http://hooks.example.org:{canary.port}/"), {}, b"{}")
        await sender.close()
    assert outcome.reason is Reason.REFUSED_ADDRESS
    assert "hooks.example.org" in outcome.detail
    assert canary.connections == 0


async def test_rebinding_after_the_first_look() -> None:
    resolver = ScriptedResolver(["1.1.1.1"], ["127.0.0.1"])
    assert await GuardedResolver(resolver, GUARD).resolve("rebind.example.org")
    async with receiver(http("200 OK")) as canary:
        sender = Sender(GUARD, resolver=resolver)
        target = GUARD.target(f"http://rebind.example.org:{canary.port}/")
        reasons = [(await sender.send(target, {}, b"{}")).reason for _ in range(3)]
        await sender.close()
    assert reasons == [Reason.REFUSED_ADDRESS] * 3
    assert canary.connections == 0


async def test_rebinding_between_check_and_dial() -> None:
    rebinding = Rebinding(ScriptedResolver(["1.1.1.1"], ["127.0.0.1"]), GUARD)
    async with receiver(http("200 OK")) as canary:
        sender = Sender(GUARD)
        sender._session.connector._resolver = rebinding  # type: ignore[union-attr]
        outcome = await sender.send(GUARD.target(f"http://rebind.example.org:{canary.port}/"), {}, b"{}")
        await sender.close()
    assert outcome.reason is Reason.REFUSED_ADDRESS
    assert canary.connections == 0


async def test_a_redirect_to_the_inside_is_not_followed() -> None:
    local = AddressGuard(allow_loopback=True)
    async with receiver(http("200 OK")) as canary:
        there = http("307 Temporary Redirect", b"", f"Location: {canary.url}")
        async with receiver(there) as to:
            sender = Sender(local)
            outcome = await sender.send(local.target(to.url), {}, b"{}")
            await sender.close()
    assert outcome.reason is Reason.REDIRECT
    assert canary.connections == 0


async def test_a_literal_address_goes_through_the_last_gate() -> None:
    # A target made under a looser setting does not help: the socket is judged, not the paper.
    loose = AddressGuard(allow_loopback=True)
    async with receiver(http("200 OK")) as canary:
        sender = Sender(GUARD)
        outcome = await sender.send(loose.target(canary.url), {}, b"{}")
        await sender.close()
    assert outcome.reason is Reason.REFUSED_ADDRESS
    assert canary.connections == 0


async def test_localhost_by_name_works_in_development_alone() -> None:
    async with receiver(http("200 OK")) as to:
        outcomes = []
        for guard in (AddressGuard(allow_loopback=True), GUARD):
            sender = Sender(guard)
            target = guard.target(f"http://localhost:{to.port}/")
            outcomes.append((await sender.send(target, {}, b"{}")).reason)
            await sender.close()
    assert outcomes == [Reason.ANSWERED, Reason.REFUSED_ADDRESS]
    assert to.connections == 1


async def test_a_name_that_does_not_exist() -> None:
    def lookup(_host: str, _port: int) -> list[AddressInfo]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    sender = Sender(GUARD, resolver=SystemResolver(lookup))
    outcome = await sender.send(GUARD.target("http://nowhere.example.org/"), {}, b"{}")
    await sender.close()
    assert outcome.reason is Reason.DNS


async def test_slow_name_servers_delay_nobody_else() -> None:
    release = threading.Event()

    def lookup(host: str, port: int) -> list[AddressInfo]:
        if host.startswith("slow"):
            release.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    local = AddressGuard(allow_loopback=True)
    async with receiver(http("200 OK")) as to:
        sender = Sender(local, resolver=SystemResolver(lookup), connect_timeout_s=5)
        slow = [
            asyncio.ensure_future(
                sender.send(local.target(f"http://slow{n}.example.org:{to.port}/"), {}, b"{}")
            )
            for n in range(64)
        ]
        quick = await sender.send(local.target(f"http://quick.example.org:{to.port}/"), {}, b"{}")
        assert quick.reason is Reason.ANSWERED
        assert not any(task.done() for task in slow)
        release.set()
        await asyncio.gather(*slow)
        await sender.close()
