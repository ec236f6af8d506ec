"""Clusters and their member companies: joining, leaving, validating, and who hears of a company."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Row, Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.codes import quoted
from schemas.company import CompanyState
from schemas.events import EventData, MemberChanged, MemberJoined, MemberLeft
from schemas.organisation import Mandate, Member, Membership, Organisation, OrganisationKind
from services.directory.model import MembershipRow
from services.directory.organisations import Organisations
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, Forbidden, NotFound
from services.kernel.security import Principal
from services.kernel.upsert import insert_or
from services.kernel.versions import VersionCheck, unchecked

ASKED_AT_ONCE = 500
"""Companies named in one query: below SQLite's limit of variables on every build, large enough for an
import's batch in one go."""

_TABLE = MembershipRow.__table__


@dataclass(frozen=True, slots=True)
class CompanyCard:
    """What the directory has to know of a company."""

    id: str
    owner: str
    name: str
    country: str
    state: CompanyState


class CompanyRegister(Protocol):
    """Where companies are kept: the intake room, which stands above this one and is handed in."""

    async def cards(self, companies: Collection[str]) -> Mapping[str, CompanyCard]:
        """By id, whatever their state; unknown ones are left out."""


class Members:
    def __init__(
        self, database: Database, clock: Clock, organisations: Organisations, register: CompanyRegister
    ) -> None:
        self._database = database
        self._clock = clock
        self._organisations = organisations
        self._register = register

    async def join(
        self,
        principal: Principal,
        cluster: str,
        company: str,
        mandate: Mandate,
        check: VersionCheck = unchecked,
    ) -> tuple[Membership, bool]:
        """Let a company be a member, or change its mandate; True when it is new. `check` is given the present
        version, 0 where it is no member; the same mandate again is no change, and not checked.

        Only whoever owns the company gives a mandate (or an admin): a cluster cannot make itself read
        somebody's matches. NotFound for a company that is not the principal's to give.
        """
        principal.needs_scope("write")
        home = await self._cluster(principal, cluster)
        card = await self._card(company)
        if card is None or not (principal.is_admin or card.owner == principal.organisation):
            raise _no_company(company)
        async with self._database.write(durable=True) as tx:
            before = await _find(tx, home.id, company, lock=True)
            if before is not None and before.mandate == mandate:
                return before, False
            check(before.version if before else 0)
            if before is None:
                added = await self.add(tx, home.id, {company: card.owner}, mandate)
                if added:
                    return added[0], True
                before = await _find(tx, home.id, company, lock=True)
                if before is None:
                    raise Conflict("The membership was changed at the same moment. Try again.")
                check(before.version)
            after = before.model_copy(update={"mandate": mandate, "version": before.version + 1})
            await self._store(tx, after, owner=card.owner)
            return after, False

    async def add(
        self, tx: AsyncSession, cluster: str, owners: Mapping[str, str], mandate: Mandate
    ) -> list[Membership]:
        """Rows and events for new members, `owners` by company; those that are members stay as they are.

        At most ASKED_AT_ONCE companies in one call.
        """
        now = self._clock.now()
        wanted = {
            company: Membership(cluster=cluster, company=company, mandate=mandate, since=now)
            for company in sorted(owners)
        }
        if not wanted:
            return []
        # on conflict: a member stays as it is, also when another process has just let it in
        written = await tx.execute(
            insert_or(tx, MembershipRow)
            .values([_columns(one) for one in wanted.values()])
            .on_conflict_do_nothing()
            .returning(_TABLE.c.company)
        )
        added = [wanted[company] for company in sorted(written.scalars())]
        events = [_event(MemberJoined(membership=one), one, owners[one.company]) for one in added]
        await journal.append(tx, events, now=now)
        return added

    async def validate(
        self,
        principal: Principal,
        cluster: str,
        company: str,
        check: VersionCheck = unchecked,
        *,
        validated: bool = True,
    ) -> Membership:
        """The cluster says that it has checked this member's profile, or takes that back. `check` is given
        the present version, and raises when it is not the one that was read."""
        principal.needs_scope("write")
        home = await self._cluster(principal, cluster)
        if not (principal.is_admin or principal.organisation == home.id):
            raise Forbidden("Only the cluster itself validates its members.")
        card = await self._card(company)
        if card is None:
            raise _no_member(company)
        async with self._database.write(durable=True) as tx:
            before = await _find(tx, home.id, company, lock=True)
            if before is None:
                raise _no_member(company)
            check(before.version)
            if before.validated == validated:
                return before
            after = before.model_copy(update={"validated": validated, "version": before.version + 1})
            await self._store(tx, after, owner=card.owner)
            return after

    async def leave(self, principal: Principal, cluster: str, company: str) -> None:
        """End a membership: the company's owner, the cluster, or an admin. NotFound if there is none."""
        principal.needs_scope("write")
        home = await self._cluster(principal, cluster)
        card = await self._card(company)
        if card is None or not (principal.is_admin or principal.organisation in (home.id, card.owner)):
            raise _no_member(company)
        async with self._database.write(durable=True) as tx:
            gone = await tx.execute(
                delete(MembershipRow)
                .where(_TABLE.c.cluster == home.id, _TABLE.c.company == company)
                .returning(_TABLE.c.company)
            )
            if gone.first() is None:
                raise _no_member(company)
            data = MemberLeft(cluster=home.id, company=company)
            event = _new_event(data, home.id, company, audience={home.id, card.owner})
            await journal.append(tx, [event], now=self._clock.now())

    async def get(self, principal: Principal, cluster: str, company: str) -> Member:
        """One membership; for the cluster, the company's owner and admins, NotFound for everybody else."""
        home = await self._cluster(principal, cluster)
        card = await self._card(company)
        if card is None or not (principal.is_admin or principal.organisation in (home.id, card.owner)):
            raise _no_member(company)
        async with self._database.read() as tx:
            membership = await _find(tx, home.id, company)
        if membership is None:
            raise _no_member(company)
        return _member(membership, card)

    async def page(
        self,
        principal: Principal,
        cluster: str,
        *,
        validated: bool | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[Member]:
        """Members of a cluster by company id, behind `after`; for the cluster itself and admins."""
        home = await self._cluster(principal, cluster)
        if not (principal.is_admin or principal.organisation == home.id):
            raise Forbidden("Only the cluster itself sees the list of its members.")
        query = select(_TABLE).where(_TABLE.c.cluster == home.id)
        if validated is not None:
            query = query.where(_TABLE.c.validated == validated)
        if after is not None:
            query = query.where(_TABLE.c.company > after)
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(_TABLE.c.company).limit(limit))).all()
        cards = await self._register.cards([row.company for row in rows])
        return [_member(_membership(row), cards[row.company]) for row in rows if row.company in cards]

    # -- what other rooms ask ------------------------------------------------------------------------

    async def clusters_of(
        self, companies: Collection[str], tx: AsyncSession | None = None
    ) -> dict[str, frozenset[str]]:
        """For each company the clusters that may receive what concerns it; empty where there are none.

        Within a transaction of the caller's, who then needs no second connection, or in one of its own.
        """
        if tx is None:
            async with self._database.read() as own:
                return await self.clusters_of(companies, own)
        found: dict[str, set[str]] = defaultdict(set)
        asked = sorted(set(companies))
        for start in range(0, len(asked), ASKED_AT_ONCE):
            query = select(_TABLE.c.company, _TABLE.c.cluster).where(
                _TABLE.c.company.in_(asked[start : start + ASKED_AT_ONCE]), _TABLE.c.receive
            )
            for company, cluster in await tx.execute(query):
                found[company].add(cluster)
        return {company: frozenset(found.get(company, ())) for company in asked}

    def members_query(self, cluster: str, *, acting: bool = False) -> Select[str]:
        """Ids of all members, as a subquery for another room's query over its own companies. `acting`: of
        those alone that the cluster may act for."""
        query = select(MembershipRow.company).where(MembershipRow.cluster == cluster)
        return query.where(MembershipRow.act) if acting else query

    async def companies_of(self, cluster: str) -> frozenset[str]:
        """Every member of a cluster that it may receive for."""
        query = select(_TABLE.c.company).where(_TABLE.c.cluster == cluster, _TABLE.c.receive)
        async with self._database.read() as tx:
            return frozenset((await tx.execute(query)).scalars())

    async def mandate(self, cluster: str, company: str) -> Mandate | None:
        """What this cluster may do for this company; None if it is no member."""
        async with self._database.read() as tx:
            membership = await _find(tx, cluster, company)
        return membership.mandate if membership else None

    async def mandates(
        self, cluster: str, companies: Collection[str], tx: AsyncSession | None = None
    ) -> dict[str, Mandate]:
        """The same of several companies; those that are no members are left out."""
        if tx is None:
            async with self._database.read() as own:
                return await self.mandates(cluster, companies, own)
        found: dict[str, Mandate] = {}
        asked = sorted(set(companies))
        for start in range(0, len(asked), ASKED_AT_ONCE):
            query = select(_TABLE.c.company, _TABLE.c.receive, _TABLE.c.act).where(
                _TABLE.c.cluster == cluster, _TABLE.c.company.in_(asked[start : start + ASKED_AT_ONCE])
            )
            for row in await tx.execute(query):
                found[row.company] = Mandate(receive=row.receive, act=row.act)
        return found

    # ------------------------------------------------------------------------------------------------

    async def _cluster(self, principal: Principal, reference: str) -> Organisation:
        found = await self._organisations.get(principal, reference)
        if found.kind is not OrganisationKind.cluster:
            raise NotFound(f"'{found.handle}' is no cluster but a {found.kind}.")
        return found

    async def _card(self, company: str) -> CompanyCard | None:
        return (await self._register.cards([company])).get(company)

    async def _store(self, tx: AsyncSession, membership: Membership, *, owner: str) -> None:
        await tx.execute(
            update(MembershipRow)
            .where(_TABLE.c.cluster == membership.cluster, _TABLE.c.company == membership.company)
            .values(_columns(membership))
        )
        event = _event(MemberChanged(membership=membership), membership, owner)
        await journal.append(tx, [event], now=self._clock.now())


def _columns(membership: Membership) -> dict[str, Any]:
    return {
        "cluster": membership.cluster,
        "company": membership.company,
        "receive": membership.mandate.receive,
        "act": membership.mandate.act,
        "validated": membership.validated,
        "version": membership.version,
        "since": membership.since,
    }


def _membership(row: Row[Any]) -> Membership:
    return Membership(
        cluster=row.cluster,
        company=row.company,
        mandate=Mandate(receive=row.receive, act=row.act),
        validated=row.validated,
        version=row.version,
        since=row.since,
    )


def _member(membership: Membership, card: CompanyCard) -> Member:
    fields = {name: getattr(membership, name) for name in Membership.model_fields}
    return Member(**fields, name=card.name, country=card.country, state=card.state)


async def _find(tx: AsyncSession, cluster: str, company: str, *, lock: bool = False) -> Membership | None:
    """`lock`: nobody else changes it until this transaction ends."""
    query = select(_TABLE).where(_TABLE.c.cluster == cluster, _TABLE.c.company == company)
    row = (await tx.execute(query.with_for_update() if lock else query)).first()
    return _membership(row) if row else None


def _event(data: EventData, membership: Membership, owner: str) -> journal.NewEvent:
    audience = {membership.cluster, owner}
    return _new_event(data, membership.cluster, membership.company, audience=audience)


def _new_event(data: EventData, cluster: str, company: str, *, audience: Collection[str]) -> journal.NewEvent:
    return journal.NewEvent(
        type=data.TYPE,
        subject=f"cluster/{cluster}/company/{company}",
        key=company,
        data=data.model_dump(mode="json"),
        audience=frozenset(audience),
    )


def _no_company(company: str) -> NotFound:
    return NotFound(f"You have no company {quoted(company)} that could join.")


def _no_member(company: str) -> NotFound:
    return NotFound(f"There is no member {quoted(company)} that you may see.")
