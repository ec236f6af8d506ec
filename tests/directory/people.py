"""A small world for the tests of the directory: an operator, two BSOs, an ILO, two clusters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from schemas.company import CompanyState
from schemas.organisation import Organisation, OrganisationContent, OrganisationKind
from services.directory.members import CompanyCard
from services.directory.service import Directory
from services.kernel import journal
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.problems import PreconditionFailed
from services.kernel.security import Principal

ADMIN = Principal("org_" + "0" * 26, "admin", "key_admin", frozenset({"admin"}))


def principal(organisation: Organisation, *scopes: str) -> Principal:
    """Somebody with a key of this organisation."""
    return Principal(organisation.id, organisation.kind.value, "key_test", frozenset(scopes or {"admin"}))


class at:  # noqa: N801 - reads as a phrase: `change(…, at(1))`
    """If-Match with this version."""

    def __init__(self, version: int) -> None:
        self._version = version

    def __call__(self, present: int) -> None:
        if present != self._version:
            raise PreconditionFailed(f"It is at version {present}.")


@dataclass
class Register:
    """Companies as the directory's port sees them, kept in memory."""

    known: dict[str, CompanyCard] = field(default_factory=dict)

    async def cards(self, companies: Collection[str]) -> Mapping[str, CompanyCard]:
        return {company: self.known[company] for company in companies if company in self.known}

    def company(self, owner: Organisation, name: str = "Cryosense SAS") -> str:
        card = CompanyCard(new_id("cmp"), owner.id, name, "FR", CompanyState.active)
        self.known[card.id] = card
        return card.id


@dataclass
class World:
    directory: Directory
    database: Database
    register: Register
    cern: Organisation
    ess: Organisation
    ilo: Organisation
    cluster: Organisation
    other_cluster: Organisation
    firm: Organisation

    async def events(self) -> list[journal.Event]:
        """The whole journal, with positions."""
        if not self.database.is_serial:
            async with self.database.write() as tx:
                await journal.sequence(tx)
        async with self.database.read() as tx:
            return await journal.read(tx, after=0, limit=1_000)


async def build(directory: Directory, database: Database, register: Register) -> World:
    async def new(kind: OrganisationKind, handle: str, **fields: object) -> Organisation:
        content = OrganisationContent.model_validate(
            {"handle": handle, "name": handle.upper(), "kind": kind, **fields}
        )
        return await directory.organisations.register(ADMIN, content)

    return World(
        directory=directory,
        database=database,
        register=register,
        cern=await new(OrganisationKind.bso, "cern", country="CH", eligible_countries=["CH", "FR"]),
        ess=await new(OrganisationKind.bso, "ess", country="SE"),
        ilo=await new(OrganisationKind.ilo, "ilo-dk", country="DK", appointed_to=["cern"]),
        cluster=await new(OrganisationKind.cluster, "minalogic", country="FR", sectors=["photonics"]),
        other_cluster=await new(OrganisationKind.cluster, "copenhagen", country="DK"),
        firm=await new(OrganisationKind.company, "cryosense", country="FR"),
    )
