"""The small world of the directory's tests, with this room in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from schemas.challenge import ChallengeContent
from schemas.company import CompanyContent
from schemas.organisation import Organisation
from services.directory.service import Directory
from services.intake.register import Register
from services.intake.service import Intake
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from tests.directory import people
from tests.directory.people import ADMIN, at, principal

__all__ = ["ADMIN", "World", "a_challenge", "a_company", "anything", "at", "build", "principal"]

NEED = (
    "We need to measure pressure between 0.1 and 20 bar at 4 K, within 1 %, after 10 MGy. "
    "The sensor must survive 100 thermal cycles between 300 K and 4 K. "
    "It shall fit into a flange of 40 mm."
)


def a_challenge(**changes: object) -> ChallengeContent:
    fields: dict[str, object] = {
        "title": "Radiation-hard pressure sensor for a 4 K helium line",
        "need": NEED,
        "buyer": "cern",
        "deadline": date(2027, 2, 1),
    }
    return ChallengeContent.model_validate({**fields, **changes})


def a_company(**changes: object) -> CompanyContent:
    fields: dict[str, object] = {
        "name": "Cryosense SAS",
        "country": "FR",
        "capabilities": [{"id": "c1", "text": "cryogenic pressure sensors"}],
    }
    return CompanyContent.model_validate({**fields, **changes})


def anything(_version: int) -> None:
    """If-Match: *"""


@dataclass
class World:
    intake: Intake
    directory: Directory
    database: Database
    clock: Clock
    cern: Organisation
    ess: Organisation
    ilo: Organisation
    cluster: Organisation
    other_cluster: Organisation
    firm: Organisation

    async def events(self, *, after: int = 0) -> list[journal.Event]:
        """The journal behind a position; positions are given as the sequencer would."""
        if not self.database.is_serial:
            async with self.database.write() as tx:
                await journal.sequence(tx)
        async with self.database.read() as tx:
            return await journal.read(tx, after=after, limit=100_000)

    async def head(self) -> int:
        return len(await self.events())


async def build(database: Database, clock: Clock) -> World:
    directory = Directory(database, clock, Register(database))
    world = await people.build(directory, database, people.Register())
    return World(
        intake=Intake(database, clock, directory),
        directory=directory,
        database=database,
        clock=clock,
        cern=world.cern,
        ess=world.ess,
        ilo=world.ilo,
        cluster=world.cluster,
        other_cluster=world.other_cluster,
        firm=world.firm,
    )
