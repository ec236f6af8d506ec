"""What indexing asks of the room that owns challenges and companies; bootstrap hands it in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from schemas.challenge import Challenge
from schemas.company import Company


class Versions(Protocol):
    async def present_versions(self, ids: Collection[str]) -> Mapping[str, int]:
        """Version of each of these challenges and companies in which what it says last changed, whatever
        their state; unknown ones are left out."""


class Contents(Versions, Protocol):
    """What these entities are now."""

    async def companies(self, ids: Collection[str]) -> Mapping[str, Company]:
        """Those that exist, by id, withdrawn ones included."""

    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]:
        """Those that exist, by id."""


class Entities(Contents, Protocol):
    """What is to be in the index."""

    def active_companies(self) -> AsyncIterator[Sequence[Company]]:
        """All active companies, in pages of a few hundred at the most."""

    def open_challenges(self) -> AsyncIterator[Sequence[Challenge]]: ...

    async def company_versions(self, settled_before: datetime) -> Mapping[str, int]:
        """Of every active company that has not changed since then, the version in which what it says last
        changed."""

    async def challenge_versions(self, settled_before: datetime) -> Mapping[str, int]:
        """Version of every open challenge that has not changed since then."""
