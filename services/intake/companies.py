"""Companies: profiles created, updated, withdrawn, listed; who sees and who changes which."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection

from sqlalchemy import ColumnElement, or_
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.codes import quoted
from schemas.company import Company, CompanyContent, CompanyState
from schemas.organisation import Organisation, OrganisationKind
from services.directory.service import Directory
from services.intake import company_store as store
from services.intake import profile_rules
from services.intake.company_store import CompanyFilter, identity
from services.intake.company_writing import CompanyWriter
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from services.kernel.security import BSO, CLUSTER, COMPANY, ILO, Principal
from services.kernel.versions import VersionCheck

PAGE = 500
"""Companies read in one query when all are wanted: a few MB of documents at most."""

OWNER_KINDS = frozenset({OrganisationKind.company, OrganisationKind.cluster})
"""Who keeps profiles: a company its own, a cluster those of members that do not do it themselves."""


class KeptElsewhere(Conflict):
    """Another organisation keeps the company with this legal id, so trying again changes nothing."""


class Companies:
    def __init__(self, database: Database, clock: Clock, directory: Directory, writer: CompanyWriter) -> None:
        self._database = database
        self._clock = clock
        self._directory = directory
        self._writer = writer

    # -- writing -------------------------------------------------------------------------------------

    async def create(
        self, principal: Principal, content: CompanyContent, *, owner: str | None = None
    ) -> Company:
        """`creating`, in a transaction of its own."""
        write = await self.creating(principal, content, owner=owner)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def creating(
        self, principal: Principal, content: CompanyContent, *, owner: str | None = None
    ) -> Callable[[AsyncSession], Awaitable[Company]]:
        """Check the content; what comes back writes it in a transaction of the caller's.

        `owner` (handle or id) is for admins: whose profile it is. Conflict if the company is here already.
        """
        keeper = await self.owner(principal, owner)
        profile_rules.check(content, self._clock.now())

        async def write(tx: AsyncSession) -> Company:
            there = await self._recognised(tx, keeper.id, content)
            if there is not None:
                raise _already(there, keeper.id)
            return (await self._writer.create(tx, keeper, [content]))[0]

        return write

    async def upserting(
        self, principal: Principal, content: CompanyContent, *, owner: str | None = None
    ) -> Callable[[AsyncSession], Awaitable[Company]]:
        """As `creating`, but where the company is here already and the owner's, it is updated."""
        keeper = await self.owner(principal, owner)
        profile_rules.check(content, self._clock.now())

        async def write(tx: AsyncSession) -> Company:
            there = await self._recognised(tx, keeper.id, content)
            if there is None:
                return (await self._writer.create(tx, keeper, [content]))[0]
            if there.owner != keeper.id:
                raise _already(there, keeper.id)
            return (await self._writer.change(tx, [(there, content)]))[0]

        return write

    async def update(
        self, principal: Principal, company: str, content: CompanyContent, check: VersionCheck
    ) -> Company:
        """Replace a profile; a withdrawn one comes back. An equal content changes and emits nothing.

        NotFound where the principal may not know of it; Forbidden where it may see but not change it;
        PreconditionFailed when somebody was faster; Conflict if it becomes another one's name or legal id.
        """
        await self._check_editable(principal, company)
        profile_rules.check(content, self._clock.now())
        async with self._database.write(durable=True) as tx:
            present = await self._locked(tx, company, check)
            there = await self._recognised(tx, present.owner, content, other_than=present.id)
            if there is not None:
                raise _already(there, present.owner)
            return (await self._writer.change(tx, [(present, content)]))[0]

    async def withdraw(self, principal: Principal, company: str, check: VersionCheck) -> Company:
        """Take a profile out of every list and match. What is withdrawn already stays as it is."""
        await self._check_editable(principal, company)
        async with self._database.write(durable=True) as tx:
            present = await self._locked(tx, company, check)
            if present.state is CompanyState.withdrawn:
                return present
            return await self._writer.withdraw(tx, present)

    # -- reading -------------------------------------------------------------------------------------

    async def get(self, principal: Principal, company: str) -> Company:
        """NotFound where the principal may not know of it."""
        found = None
        if company.isascii() and company.isprintable():
            async with self._database.read() as tx:
                found = await store.find(tx, company)
        if found is None or not await self.may_see(principal, found):
            raise _unknown(company)
        return found

    async def may_see(self, principal: Principal, company: Company) -> bool:
        """Its owner and admins always; while it is active also BSOs, ILOs, and clusters it is a member of."""
        if principal.is_admin or principal.organisation == company.owner:
            return True
        if company.state in (CompanyState.withdrawn, CompanyState.draft):
            return False
        if principal.role in (BSO, ILO):
            return True
        if principal.role != CLUSTER:
            return False
        return await self._directory.members.mandate(principal.organisation, company.id) is not None

    async def page(
        self, principal: Principal, wanted: CompanyFilter, *, after: str | None = None, limit: int
    ) -> list[Company]:
        """What the principal may see, newest first, from behind the id `after`."""
        conditions = self._conditions(principal, wanted)
        async with self._database.read() as tx:
            return await store.page(tx, conditions, after=after, limit=limit)

    async def count(self, principal: Principal, wanted: CompanyFilter) -> int:
        """How many of them the principal may see."""
        async with self._database.read() as tx:
            return await store.count(tx, self._conditions(principal, wanted))

    async def among(self, principal: Principal, ids: Collection[str]) -> frozenset[str]:
        """Those of these that the principal may see and that can be found: active ones."""
        conditions = [*self._conditions(principal, CompanyFilter()), store.is_active()]
        async with self._database.read() as tx:
            return frozenset(await store.ids_among(tx, conditions, ids))

    async def findable(self, principal: Principal) -> frozenset[str] | None:
        """Ids of those that the principal may find; None: all that are active."""
        if principal.is_admin or principal.role in (BSO, ILO):
            return None
        conditions = [*self._conditions(principal, CompanyFilter()), store.is_active()]
        async with self._database.read() as tx:
            return frozenset(await store.ids(tx, conditions))

    def _conditions(self, principal: Principal, wanted: CompanyFilter) -> list[ColumnElement[bool]]:
        conditions = wanted.conditions()
        own = store.is_owned_by(principal.organisation)
        if principal.is_admin:
            pass
        elif principal.role in (BSO, ILO):
            conditions.append(store.is_active())
        elif principal.role == CLUSTER:
            members = self._directory.members.members_query(principal.organisation)
            conditions.append(or_(own, store.is_active_and_among(members)))
        else:
            conditions.append(own)
        return conditions

    async def many(self, ids: Collection[str]) -> dict[str, Company]:
        """By id, whatever their state and whoever asks, for other rooms; unknown ones are left out."""
        if not ids:
            return {}
        async with self._database.read() as tx:
            return await store.many(tx, ids)

    async def active_pages(self, size: int = PAGE) -> AsyncIterator[list[Company]]:
        """Every active company, newest first, in pages."""
        after: str | None = None
        while True:
            async with self._database.read() as tx:
                found = await store.page(tx, [store.is_active()], after=after, limit=size)
            if found:
                yield found
            if len(found) < size:
                return
            after = found[-1].id

    async def owner(self, principal: Principal, reference: str | None) -> Organisation:
        """The organisation that a new profile belongs to: the principal's own, or, for an admin, any."""
        principal.needs_scope("write")
        principal.needs_role((COMPANY, CLUSTER), "keep profiles")
        organisations = self._directory.organisations
        if reference is None and principal.is_admin:
            detail = "As an admin, say whose profile it is: owner is the handle of a company or cluster."
            raise InvalidInput(detail, errors=[FieldError(parameter="owner", detail=detail)])
        found = await organisations.get(principal, reference or principal.organisation)
        if found.id != principal.organisation and not principal.is_admin:
            raise Forbidden("Only an admin keeps profiles for another organisation. Leave owner out.")
        if found.kind not in OWNER_KINDS:
            detail = f"'{found.handle}' is a {found.kind}; profiles belong to companies and clusters."
            raise InvalidInput(detail, errors=[FieldError(parameter="owner", detail=detail)])
        return found

    # ------------------------------------------------------------------------------------------------

    async def _check_editable(self, principal: Principal, company: str) -> None:
        principal.needs_scope("write")
        found = await self.get(principal, company)
        if not await self._directory.may_edit_company(principal, found.id, found.owner):
            raise Forbidden(
                "You may read this profile, not change it: that takes its owner, or a mandate to act."
            )

    async def _locked(self, tx: AsyncSession, company: str, check: VersionCheck) -> Company:
        present = await store.find(tx, company, lock=True)
        if present is None:
            raise _unknown(company)
        check(present.version)
        return present

    async def _recognised(
        self, tx: AsyncSession, owner: str, content: CompanyContent, *, other_than: str | None = None
    ) -> Company | None:
        """The company that this content describes, if it is here: by legal id, whoever keeps it, else by
        name among the owner's without another legal id."""
        mine = identity(owner, content)
        found = store.parsed(await store.recognised_documents(tx, [mine], lock=True))
        others = [(keys, company) for keys, company in found if company.id != other_than]
        for keys, company in others:
            if mine.legal is not None and keys.legal == mine.legal:
                return company
        for keys, company in others:
            if keys.name == mine.name and (keys.legal is None or mine.legal is None):
                return company
        return None


def _already(there: Company, owner: str) -> Conflict:
    if there.owner == owner:
        return Conflict(f"You have this company already, as {there.id}. Update that profile instead.")
    return KeptElsewhere(
        "A company with this legal id is here already, kept by another organisation. Ask the operator of "
        "this service if it is yours."
    )


def _unknown(company: str) -> NotFound:
    return NotFound(f"There is no company {quoted(company)} that you may see.")
