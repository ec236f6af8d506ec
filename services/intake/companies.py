"""Companies: profiles created, updated, withdrawn, listed; who sees and who changes which."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import date, datetime

from sqlalchemy import ColumnElement, or_
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.codes import quoted
from schemas.company import MATCHED_STATES, Company, CompanyContent, CompanyState
from schemas.organisation import Organisation, OrganisationKind
from services.directory.service import Directory
from services.intake import company_store as store
from services.intake import profile_life, profile_rules
from services.intake.company_store import Claim, CompanyFilter, identity
from services.intake.company_writing import CompanyWriter
from services.intake.profile_life import Step
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from services.kernel.security import BSO, CLUSTER, COMPANY, ILO, Principal
from services.kernel.versions import VersionCheck

PAGE = 500
"""Companies read in one query when all are wanted: a few MB of documents at most."""

OWNER_KINDS = frozenset({OrganisationKind.company, OrganisationKind.cluster})
"""Who keeps profiles: a company its own, a cluster those of members that do not do it themselves."""


Write = Callable[[AsyncSession], Awaitable[Company]]
"""Writes in a transaction of the caller's."""

_WITHDRAWN = "This profile was withdrawn. Replace it (PUT) to bring it back."


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
        self, principal: Principal, content: CompanyContent, *, owner: str | None = None, draft: bool = False
    ) -> Company:
        """`creating`, in a transaction of its own."""
        write = await self.creating(principal, content, owner=owner, draft=draft)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def creating(
        self, principal: Principal, content: CompanyContent, *, owner: str | None = None, draft: bool = False
    ) -> Write:
        """Check the content; what comes back writes it in a transaction of the caller's.

        `owner` (handle or id) is for admins: whose profile it is. A draft is its owner's, and clusters' that
        act for it; nobody is told of it. Conflict if the company is here already.
        """
        keeper = await self.owner(principal, owner)
        profile_rules.check(content, self._clock.now())

        async def write(tx: AsyncSession) -> Company:
            there = await self._recognised(tx, keeper.id, content)
            if there is not None:
                raise _already(there, keeper.id)
            return (await self._writer.create(tx, keeper, [content], draft=draft))[0]

        return write

    async def upserting(
        self, principal: Principal, content: CompanyContent, *, owner: str | None = None
    ) -> Write:
        """As `creating`, but where the company is here already and the owner's, it is updated; a draft is
        published."""
        keeper = await self.owner(principal, owner)
        profile_rules.check(content, self._clock.now())

        async def write(tx: AsyncSession) -> Company:
            there = await self._recognised(tx, keeper.id, content)
            if there is None:
                return (await self._writer.create(tx, keeper, [content]))[0]
            if there.owner != keeper.id:
                raise _already(there, keeper.id)
            return (await self._writer.change(tx, [(there, content)], publish=True))[0]

        return write

    async def update(
        self,
        principal: Principal,
        company: str,
        content: CompanyContent,
        check: VersionCheck,
        *,
        publish: bool = False,
    ) -> Company:
        """Replace a profile; a withdrawn one comes back, a draft stays one unless it is to be published. An
        equal content changes and emits nothing.

        NotFound where the principal may not know of it; Forbidden where it may see but not change it;
        PreconditionFailed when somebody was faster; Conflict if it becomes another one's name or legal id.
        """
        await self.editable(principal, company)
        profile_rules.check(content, self._clock.now())
        async with self._database.write(durable=True) as tx:
            present = await self._locked(tx, company, check)
            there = await self._recognised(tx, present.owner, content, other_than=present.id)
            if there is not None:
                raise _already(there, present.owner)
            return (await self._writer.change(tx, [(present, content)], publish=publish))[0]

    async def publish(self, principal: Principal, company: str, check: VersionCheck) -> Company:
        """`publishing`, in a transaction of its own."""
        write = await self.publishing(principal, company, check)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def publishing(self, principal: Principal, company: str, check: VersionCheck) -> Write:
        """Check the right to; what comes back makes a draft active in a transaction of the caller's: it is
        indexed and matched from then on. Conflict if it is no draft."""
        await self.editable(principal, company)

        async def write(tx: AsyncSession) -> Company:
            present = await self._locked(tx, company, check)
            if present.state is not CompanyState.draft:
                is_gone = present.state is CompanyState.withdrawn
                raise Conflict(_WITHDRAWN if is_gone else "This profile has been published already.")
            now = self._clock.now()
            return await self._take(tx, present, profile_life.published(present, now), now)

        return write

    async def confirm(self, principal: Principal, company: str, check: VersionCheck) -> Company:
        """`confirming`, in a transaction of its own."""
        write = await self.confirming(principal, company, check)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def confirming(self, principal: Principal, company: str, check: VersionCheck) -> Write:
        """Check the right to; what comes back writes in a transaction of the caller's that the profile holds
        as of today, and that it is active. Nothing is indexed or matched anew. Conflict for a draft or a
        withdrawn profile."""
        await self.editable(principal, company)

        async def write(tx: AsyncSession) -> Company:
            present = await self._locked(tx, company, check)
            if present.state is CompanyState.withdrawn:
                raise Conflict(_WITHDRAWN)
            if present.state is CompanyState.draft:
                raise Conflict("This profile is a draft, which nobody relies on yet. Publish it.")
            now = self._clock.now()
            # a day that is later already, further east, stays
            day = max(now.date(), present.last_confirmed or date.min)
            return await self._take(tx, present, profile_life.confirmed(present, day, now), now)

        return write

    async def withdraw(self, principal: Principal, company: str, check: VersionCheck) -> Company:
        """Take a profile out of every list and match. What is withdrawn already stays as it is."""
        await self.editable(principal, company)
        async with self._database.write(durable=True) as tx:
            present = await self._locked(tx, company, check)
            if present.state is CompanyState.withdrawn:
                return present
            now = self._clock.now()
            return await self._take(tx, present, profile_life.withdrawn(present, now), now)

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

    async def editable(self, principal: Principal, company: str) -> Company:
        """The profile, for who may change it. NotFound where the principal may not know of it; Forbidden
        where it may see but not change it."""
        principal.needs_scope("write")
        found = await self.get(principal, company)
        if not await self._directory.may_edit_company(principal, found.id, found.owner):
            raise Forbidden(
                "You may read this profile, not change it: that takes its owner, or a mandate to act."
            )
        return found

    async def may_see(self, principal: Principal, company: Company) -> bool:
        """Its owner and admins always; while it is active also BSOs, ILOs, and clusters it is a member of; a
        draft also clusters that act for it."""
        if principal.is_admin or principal.organisation == company.owner:
            return True
        if company.state is CompanyState.withdrawn:
            return False
        if principal.role in (BSO, ILO):
            return company.state in MATCHED_STATES
        if principal.role != CLUSTER:
            return False
        mandate = await self._directory.members.mandate(principal.organisation, company.id)
        return mandate is not None and (company.state in MATCHED_STATES or mandate.act)

    async def may_change(self, principal: Principal, company: str, owner: str) -> bool:
        """Whether the principal may change, publish, confirm and withdraw a profile that it sees."""
        if not principal.scopes & {"write", "admin"}:
            return False
        return await self._directory.may_edit_company(principal, company, owner)

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
            acting = self._directory.members.members_query(principal.organisation, acting=True)
            conditions.append(or_(own, store.is_active_and_among(members), store.is_draft_and_among(acting)))
        else:
            conditions.append(own)
        return conditions

    async def many(self, ids: Collection[str]) -> dict[str, Company]:
        """By id, whatever their state and whoever asks, for other rooms; unknown ones are left out."""
        if not ids:
            return {}
        async with self._database.read() as tx:
            return await store.many(tx, ids)

    async def claims(self, ids: Collection[str]) -> dict[str, dict[str, Claim]]:
        """What capabilities and references say of themselves besides their texts, by company and their ids,
        whoever asks, for other rooms; unknown companies are left out."""
        if not ids:
            return {}
        async with self._database.read() as tx:
            return await store.claims(tx, ids)

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

    async def _take(self, tx: AsyncSession, present: Company, step: Step, now: datetime) -> Company:
        """Written, unless it changes nothing."""
        if step.company is not present:
            await self._writer.write(tx, [step], now=now)
        return step.company

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
