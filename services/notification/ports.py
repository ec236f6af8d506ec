"""What notification asks of the other rooms; bootstrap hands it in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.subscription import Follow
from services.kernel.journal import Event
from services.kernel.security import Principal


class EndpointOwners(Protocol):
    async def owner_of(self, endpoint: str) -> str | None:
        """The organisation that owns the endpoint, None if there is no such endpoint."""


class Visibility(Protocol):
    async def resolve(self, principal: Principal, follow: Follow) -> tuple[Follow, str | None]:
        """The follow with names resolved to ids, and a sentence if the principal may not follow it."""


class Challenges(Protocol):
    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]: ...


class QueryFits(Protocol):
    async def fit(self, queries: Sequence[str], challenges: Sequence[Challenge]) -> list[list[float]]:
        """Score in [0, 1] of every saved query (rows) against every challenge (columns)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one endpoint."""

    endpoint: str
    subscription: str
    event: Event
    body: bytes


class Outbox(Protocol):
    async def enqueue(self, tx: AsyncSession, messages: Sequence[Outgoing]) -> None:
        """Store the messages for delivery within the transaction; a second one of the same event for the
        same endpoint is dropped."""
