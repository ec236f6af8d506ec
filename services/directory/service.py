"""The directory as the other rooms see it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.organisation import KeyContent, Organisation, OrganisationContent, OrganisationKind, Scope
from services.directory.keys import Keys
from services.directory.members import CompanyRegister, Members
from services.directory.model import KeyRow
from services.directory.organisations import Organisations
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, NotFound
from services.kernel.security import Principal

ADMIN_HANDLE = "admin"
"""The organisation of whoever runs the service; made at the first start."""


class Directory:
    """Organisations, keys and members, and the questions that cross them."""

    def __init__(self, database: Database, clock: Clock, register: CompanyRegister) -> None:
        self._database = database
        self.organisations = Organisations(database, clock)
        self.keys = Keys(database, clock, self.organisations)
        self.members = Members(database, clock, self.organisations, register)

    async def authenticate(self, key: str) -> Principal:
        """Who speaks with this API key; Unauthenticated when it does not work."""
        return await self.keys.authenticate(key)

    async def ensure_admin(self, chosen: str | None = None) -> str | None:
        """At the first start: make the operator's organisation with a key. Returns the key where it was made
        here, to be shown once.

        `chosen`: the key that the operator has set, and knows: it is never shown. None makes one.

        None too when it has a key already, working or not: an expired one is replaced by hand, not by a
        restart. Two processes that start at once make one organisation.
        """
        admin = await self.organisations.find(ADMIN_HANDLE)
        content = OrganisationContent(handle=ADMIN_HANDLE, name="Operator", kind=OrganisationKind.admin)
        key = KeyContent(label="first key", scopes=(Scope.admin,))
        try:
            async with self._database.write(durable=True) as tx:
                if admin is None:
                    admin = await self.organisations.write(tx, content)
                keyed = select(KeyRow.id).where(KeyRow.organisation == admin.id).limit(1)
                if (await tx.execute(keyed)).first() is not None:
                    return None
                made = await self.keys.write(tx, admin.id, key, secret=chosen)
                return made.secret if chosen is None else None
        except Conflict:
            return None

    async def recover_admin(self, label: str) -> str:
        """A further key for the operator, for whoever can reach the machine: the way back in when all keys
        are lost or expired."""
        admin = await self.organisations.find(ADMIN_HANDLE)
        if admin is None:
            raise NotFound("There is no operator yet; start the service once, it shows the first key.")
        async with self._database.write(durable=True) as tx:
            key = await self.keys.write(tx, admin.id, KeyContent(label=label, scopes=(Scope.admin,)))
        return key.secret

    async def organisation_by_handle_or_id(self, reference: str) -> Organisation | None:
        return await self.organisations.find(reference)

    async def clusters_of(
        self, companies: Collection[str], tx: AsyncSession | None = None
    ) -> dict[str, frozenset[str]]:
        """For each company the clusters that may receive what concerns it; empty where there are none."""
        return await self.members.clusters_of(companies, tx)

    async def may_announce(self, principal: Principal, buyer: Organisation) -> bool:
        """Whether the principal speaks for this buyer."""
        return await self.organisations.may_announce(principal, buyer)

    async def may_edit_company(self, principal: Principal, company: str, owner: str) -> bool:
        """Whether the principal may change this profile: its owner, a cluster with the mandate to act for
        it, an admin."""
        if principal.is_admin or principal.organisation == owner:
            return True
        if principal.role != OrganisationKind.cluster:
            return False
        mandate = await self.members.mandate(principal.organisation, company)
        return mandate is not None and mandate.act
