"""What notification asks of the other rooms; bootstrap hands it in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.subscription import Follow
from services.kernel.security import Principal
from services.matching.suggested import Told


class Endpoints(Protocol):
    async def owner_of(self, endpoint: str) -> str | None:
        """The organisation that owns the endpoint, None if there is no such endpoint."""

    async def existing(self, tx: AsyncSession, endpoints: Collection[str]) -> set[str]:
        """Those of the endpoints that have not been removed, switched off or not."""


class Visibility(Protocol):
    async def resolve(self, principal: Principal, follow: Follow) -> tuple[Follow, str | None]:
        """The follow with names resolved to ids, and a sentence if the principal may not follow it."""


class Challenges(Protocol):
    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]: ...


class Dates(Protocol):
    async def ahead(self, ids: Collection[str]) -> dict[str, Challenge]:
        """By id, those of these challenges whose deadline has not passed and that take answers, or did until
        they were withdrawn; without drafts."""


class Nudges(Protocol):
    async def of(self, pairs: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], float]:
        """How far the answers of a company move a challenge in its own alerts, by challenge and company;
        without those that are not moved."""


class Suggested(Protocol):
    async def of(self, challenges: Collection[str]) -> Mapping[str, Mapping[str, Told]]:
        """By challenge and company, to whom these were suggested; without those for whom they are not."""


class QueryFits(Protocol):
    async def fit(self, queries: Sequence[str], challenges: Sequence[Challenge]) -> list[list[float]]:
        """Fit in [0, 1] of every saved query (rows) against every challenge (columns)."""
