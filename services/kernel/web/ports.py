"""What the web pieces need of the process, set once on the application by whoever composes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from services.kernel.clock import Clock, SystemClock
from services.kernel.database import Database
from services.kernel.security import Principal, SecretBox
from services.kernel.web.session import Sessions


class Authenticator(Protocol):
    async def authenticate(self, key: str) -> Principal:
        """Who speaks with this API key. Raises `Unauthenticated` for an unknown, expired or revoked one."""


@dataclass(slots=True)
class WebPorts:
    """Ports of one application. `in_flight`: idempotency keys that this process is working on."""

    database: Database
    authenticator: Authenticator
    sessions: Sessions
    box: SecretBox
    clock: Clock = field(default_factory=SystemClock)
    in_flight: set[tuple[str, str]] = field(default_factory=set)

    def attach(self, app: FastAPI) -> None:
        app.state.web = self


def ports_of(connection: HTTPConnection) -> WebPorts:
    """The ports of the application that serves this request."""
    ports = connection.app.state.web
    assert isinstance(ports, WebPorts)
    return ports
