"""The pairing room as the others see it: pairings and their groups, the toolbox, investment plans."""

from __future__ import annotations

from services.directory.service import Directory
from services.intake.service import Intake
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.vectors.port import VectorIndex
from services.pairing.expiry import Expiry
from services.pairing.grouping import FormGroups, Groups
from services.pairing.handlers import PairNeeds
from services.pairing.index import NeedsIndex
from services.pairing.joining import Observers
from services.pairing.leading import Leading
from services.pairing.looking import Looking
from services.pairing.plans.service import Plans
from services.pairing.reminders import Reminders
from services.pairing.service import Pairings
from services.pairing.toolbox import Toolbox
from services.pairing.upkeep import Upkeep
from services.pairing.vectors import NeedVectors


class Pairing:
    """What needs nothing but the database (`grouping` is a handler), and, with an index, the handler that
    pairs needs and its upkeep."""

    def __init__(
        self, database: Database, clock: Clock, directory: Directory, intake: Intake, *, public_url: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._intake = intake
        self._vectors = NeedVectors(MultilingualEncoder.shipped)
        self._looking = Looking(directory.organisations, self._vectors, public_url=public_url)
        self.pairings = Pairings(database)
        self.leading = Leading(clock, self.pairings)
        self.observers = Observers(clock, directory, intake.challenges, self._looking)
        self.groups = Groups(database)
        self.grouping = FormGroups(clock, public_url=public_url)
        self.toolbox = Toolbox(database, clock, self.pairings)
        self.plans = Plans(database, clock, directory, intake.challenges, public_url=public_url)
        self.reminders = Reminders(database, clock)
        self.expiry = Expiry(database, clock, intake.reading)

    def handler(self, vectors: VectorIndex, *, linger_s: float = 0.0) -> tuple[PairNeeds, Upkeep]:
        """`linger_s`: how long others are let go first."""
        index = NeedsIndex(vectors, MultilingualEncoder.shipped)
        handler = PairNeeds(
            self._database,
            self._clock,
            needs=self._intake.reading,
            index=index,
            looking=self._looking,
            linger_s=linger_s,
        )
        return handler, Upkeep(self._intake.challenges, index, self._vectors, self._clock)
