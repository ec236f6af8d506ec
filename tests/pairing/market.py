"""Two buyers with needs, and the room that pairs them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from schemas.challenge import Challenge, ChallengeContent
from schemas.organisation import Organisation
from schemas.pairing import Pairing as PairingDocument
from schemas.pairing import PairingFile, Step
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.stream.port import Handler
from services.kernel.vectors.edge import EdgeVectorIndex
from services.pairing.room import Pairing
from tests.intake.people import World, build, principal

PUMPS: dict[str, Any] = {
    "title": "Cooling water pumps for the accelerator tunnel",
    "need": "We need centrifugal pumps that move 400 m3/h of cooling water at 8 bar. "
    "The pumps must run for a year without maintenance.",
    "buyer": "cern",
    "deadline": date(2027, 2, 1),
    "cpv": ["42122000"],
    "purchase": {"starts": date(2027, 3, 1), "ends": date(2028, 2, 28), "volume": 24.0, "unit": "pumps"},
}
POMPES: dict[str, Any] = {
    "title": "Pompes centrifuges pour eau de refroidissement",
    "need": "Il nous faut des pompes centrifuges pour l'eau de refroidissement, de 350 m3/h. "
    "Les pompes doivent fonctionner sans entretien pendant un an.",
    "language": "fr",
    "buyer": "ess",
    "deadline": date(2027, 4, 1),
    "purchase": {"starts": date(2027, 6, 1), "ends": date(2027, 12, 31), "volume": 8.0, "unit": "pumps"},
}
LEGAL: dict[str, Any] = {
    "title": "Legal advice and representation in court",
    "need": "We look for a law firm that represents us in court and drafts our contracts.",
    "buyer": "ess",
    "deadline": date(2027, 4, 1),
}


@dataclass
class Market:
    world: World
    room: Pairing
    index: EdgeVectorIndex
    done: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.handler, self.upkeep = self.room.handler(self.index)

    async def announce(self, by: Organisation, *, draft: bool = False, **fields: Any) -> Challenge:
        content = ChallengeContent.model_validate(fields)
        return await self.world.intake.challenges.announce(principal(by), content, draft=draft)

    async def settle(self) -> list[Event]:
        """Pair and group what there is; returns the events of pairings so far."""
        while await self._handled(self.handler) or await self._handled(self.room.grouping):
            pass
        return [one for one in await self.world.events() if one.type.startswith("liaison.pairing.")]

    async def _handled(self, handler: Handler) -> bool:
        """False where there is nothing left for it."""
        done = self.done.get(handler.name, 0)
        events = await self.world.events()
        todo = [one for one in events if one.position > done and one.type in handler.consumes][
            : handler.batch
        ]
        if not todo:
            return False
        plan = await handler.prepare(todo)
        assert callable(plan)
        async with self.world.database.write() as tx:
            await plan(tx)
        self.done[handler.name] = todo[-1].position
        return True

    async def pairings(self, by: Organisation) -> list[PairingDocument]:
        return await self.room.pairings.page(principal(by), limit=50)

    async def step(self, by: Organisation, pairing: str, to: str, reason: str | None = None) -> PairingFile:
        wanted = Step.model_validate({"to": to, "reason": reason})
        write = await self.room.leading.stepping(principal(by), pairing, wanted)
        async with self.world.database.write(durable=True) as tx:
            return await write(tx)


def revised(content: ChallengeContent, fields: dict[str, Any]) -> ChallengeContent:
    return ChallengeContent.model_validate({**dict(content), **fields})


def kinds(events: Sequence[Event]) -> list[str]:
    return [one.type.removeprefix("liaison.pairing.").removesuffix(".v1") for one in events]


@asynccontextmanager
async def opened(database: Database, clock: Clock, folder: Path) -> AsyncIterator[Market]:
    world = await build(database, clock)
    index = await EdgeVectorIndex.open(folder / "vectors")
    room = Pairing(database, clock, world.directory, world.intake, public_url="https://liaison.test")
    try:
        yield Market(world, room, index)
    finally:
        await index.close()
