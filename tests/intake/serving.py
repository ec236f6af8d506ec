"""Both rooms behind the gateway, with real keys, without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import APIRouter

from schemas.organisation import KeyContent, Organisation, Scope
from services.directory.endpoints import routers as directory_routers
from services.gateway.app import create_app
from services.intake.endpoints import routers as intake_routers
from services.kernel.clock import SystemClock
from services.kernel.journal.tail import Tail
from services.kernel.security import SecretBox
from services.kernel.settings import Settings
from services.kernel.web.ports import WebPorts
from services.kernel.web.session import Sessions
from tests.intake.people import ADMIN, World


@dataclass
class Api:
    """`as_(organisation)` speaks with a key of that organisation."""

    world: World
    client: httpx.AsyncClient
    keys: dict[str, str] = field(default_factory=dict)

    async def as_(self, organisation: Organisation | None, scope: Scope = Scope.admin) -> Caller:
        """None speaks as whoever runs the service."""
        name = f"{organisation.handle if organisation else 'admin'}/{scope}"
        if name not in self.keys:
            self.keys[name] = await self._key(organisation, scope)
        return Caller(self.client, {"Authorization": f"Bearer {self.keys[name]}"})

    async def _key(self, organisation: Organisation | None, scope: Scope) -> str:
        if organisation is None:
            key = await self.world.directory.ensure_admin()
            assert key is not None
            return key
        content = KeyContent(label="test", scopes=(scope,))
        issued = await self.world.directory.keys.issue(ADMIN, content, organisation=organisation.id)
        return issued.secret


@dataclass
class Caller:
    client: httpx.AsyncClient
    headers: dict[str, str]

    async def __call__(self, method: str, path: str, **keywords: object) -> httpx.Response:
        headers = {**self.headers, **keywords.pop("headers", {})}  # type: ignore[dict-item]
        return await self.client.request(method, path, headers=headers, **keywords)  # type: ignore[arg-type]


@asynccontextmanager
async def api(world: World, more: Sequence[APIRouter] = ()) -> AsyncIterator[Api]:
    """`more`: routers of other rooms."""
    ports = WebPorts(
        database=world.database,
        authenticator=world.directory,
        sessions=Sessions("x" * 40, secure=False),
        box=SecretBox([SecretBox.new_key()]),
        clock=world.clock,
    )
    routers = [*directory_routers(world.directory), *intake_routers(world.intake), *more]
    app = create_app(Settings(), ports, Tail(world.database, SystemClock()), routers)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://liaison.test") as client:
        yield Api(world, client)
