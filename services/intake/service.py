"""The intake room as the others see it: challenges, companies, files of companies, the Kafka inbox."""

from __future__ import annotations

from services.directory.service import Directory
from services.intake.challenges import Challenges
from services.intake.companies import Companies
from services.intake.company_import import CompanyImport
from services.intake.company_writing import CompanyWriter
from services.intake.inbox import Inbox
from services.intake.publication import Publication
from services.intake.reading import Reading
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.embedding.ahead import Ahead


class Intake:
    """`Directory(database, clock, register=Register(database))` comes first, then this."""

    def __init__(
        self, database: Database, clock: Clock, directory: Directory, ahead: Ahead | None = None
    ) -> None:
        """`ahead` is told the texts of challenges while they are being announced."""
        self.writer = writer = CompanyWriter(clock, directory)
        self.challenges = Challenges(database, clock, directory, ahead or Ahead())
        self.companies = Companies(database, clock, directory, writer)
        self.imports = CompanyImport(database, clock, directory, self.companies, writer)
        self.publication = Publication(database, clock, directory)
        self.reading = Reading(database, clock, self.challenges, self.companies)
        self.inbox = Inbox(database, clock, directory, self.challenges, self.companies)
