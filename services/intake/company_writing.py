"""Profiles written with their events and memberships, many in one transaction. Nothing here asks who may."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.company import Company, CompanyContent, CompanyState
from schemas.events import CompanyCreated, CompanyUpdated, CompanyWithdrawn, EventData
from schemas.organisation import Mandate, Organisation, OrganisationKind
from services.directory.service import Directory
from services.intake import company_store as store
from services.intake.company_store import changed_fields, content_of
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id

FULL_MANDATE = Mandate(receive=True, act=True)
"""What a cluster has for companies that it brought in itself."""


class CompanyWriter:
    def __init__(self, clock: Clock, directory: Directory) -> None:
        self._clock = clock
        self._directory = directory

    async def create(
        self, tx: AsyncSession, owner: Organisation, contents: Sequence[CompanyContent]
    ) -> list[Company]:
        """New profiles, in order. Those of a cluster become its members. Conflict where one is there."""
        now = self._clock.now()
        companies = [
            Company(
                **dict(content),
                id=new_id("cmp"),
                version=1,
                state=CompanyState.active,
                owner=owner.id,
                changed_at=now,
            )
            for content in contents
        ]
        if not companies:
            return companies
        await store.add(tx, companies)
        audience = frozenset({owner.id})
        events = [_event(CompanyCreated(company=company), company, audience) for company in companies]
        await journal.append(tx, events, now=now)
        if owner.kind is OrganisationKind.cluster:
            owners = dict.fromkeys((company.id for company in companies), owner.id)
            await self._directory.members.add(tx, owner.id, owners, FULL_MANDATE)
        return companies

    async def change(
        self, tx: AsyncSession, changes: Sequence[tuple[Company, CompanyContent]]
    ) -> list[Company]:
        """Present versions with their new contents → the versions that stand afterwards, in order.

        An equal content of an active profile is no change: same version, no event. A withdrawn profile
        comes back. The present versions were read in this transaction with `lock=True`.
        """
        now = self._clock.now()
        after: list[Company] = []
        written: list[tuple[Company, tuple[str, ...]]] = []
        for company, content in changes:
            changed = changed_fields(content_of(company), content)
            if company.state is not CompanyState.active:
                changed = (*changed, "state")
            if not changed:
                after.append(company)
                continue
            values = {**dict(content), "state": CompanyState.active, "changed_at": now}
            new = company.model_copy(update={**values, "version": company.version + 1})
            after.append(new)
            written.append((new, changed))
        await store.replace(tx, [company for company, _ in written])
        clusters = await self._directory.clusters_of([company.id for company, _ in written], tx)
        events = [
            _event(
                CompanyUpdated(company=company, changed=changed),
                company,
                clusters[company.id] | {company.owner},
            )
            for company, changed in written
        ]
        await journal.append(tx, events, now=now)
        return after

    async def withdraw(self, tx: AsyncSession, company: Company) -> Company:
        """The profile is out of every list and match; its owner may bring it back with an update."""
        now = self._clock.now()
        gone = company.model_copy(
            update={"state": CompanyState.withdrawn, "version": company.version + 1, "changed_at": now}
        )
        await store.replace(tx, [gone])
        clusters = await self._directory.clusters_of([company.id], tx)
        data = CompanyWithdrawn(company=gone.id, version=gone.version, owner=gone.owner)
        await journal.append(tx, [_event(data, gone, clusters[gone.id] | {gone.owner})], now=now)
        return gone


def _event(data: EventData, company: Company, audience: Collection[str]) -> journal.NewEvent:
    return journal.NewEvent(
        type=data.TYPE,
        subject=f"company/{company.id}",
        key=company.id,
        data=data.model_dump(mode="json"),
        audience=frozenset(audience),
    )
