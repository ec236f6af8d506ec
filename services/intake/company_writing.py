"""Profiles written with their events and memberships, many in one transaction. Nothing here asks who may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.company import Company, CompanyContent, CompanyState
from schemas.events import CompanyCreated, EventData
from schemas.organisation import Mandate, Organisation, OrganisationKind
from services.directory.service import Directory
from services.intake import company_store as store
from services.intake import profile_life
from services.intake.profile_life import Step
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
        self,
        tx: AsyncSession,
        owner: Organisation,
        contents: Sequence[CompanyContent],
        *,
        draft: bool = False,
    ) -> list[Company]:
        """New profiles, in order. Those of a cluster become its members. Nobody is told of drafts. Conflict
        where one is there."""
        now = self._clock.now()
        companies = [
            Company(
                **dict(content),
                id=new_id("cmp"),
                version=1,
                state=CompanyState.draft if draft else CompanyState.active,
                owner=owner.id,
                changed_at=now,
            )
            for content in contents
        ]
        if not companies:
            return companies
        await store.add(tx, companies)
        audience = frozenset({owner.id})
        if not draft:
            events = [_event(CompanyCreated(company=company), company, audience) for company in companies]
            await journal.append(tx, events, now=now)
        if owner.kind is OrganisationKind.cluster:
            owners = dict.fromkeys((company.id for company in companies), owner.id)
            await self._directory.members.add(tx, owner.id, owners, FULL_MANDATE)
        return companies

    async def change(
        self, tx: AsyncSession, changes: Sequence[tuple[Company, CompanyContent]], *, publish: bool = False
    ) -> list[Company]:
        """Present versions with their new contents → the versions that stand afterwards, in order.

        `publish`: drafts among them are published; without it they stay drafts. The present versions were
        read in this transaction with `lock=True`.
        """
        now = self._clock.now()
        steps = [profile_life.revised(company, content, now, publish=publish) for company, content in changes]
        moved = [
            step for step, (company, _) in zip(steps, changes, strict=True) if step.company is not company
        ]
        await self.write(tx, moved, now=now)
        return [step.company for step in steps]

    async def write(self, tx: AsyncSession, steps: Sequence[Step], *, now: datetime) -> None:
        """New versions and their events, for owners and the clusters that receive. The present versions were
        read in this transaction with `lock=True`."""
        await store.replace(tx, [step.company for step in steps])
        clusters = await self._directory.clusters_of([step.company.id for step in steps], tx)
        events = [
            _event(step.told, step.company, clusters[step.company.id] | {step.company.owner})
            for step in steps
            if step.told is not None
        ]
        await journal.append(tx, events, now=now)


def _event(data: EventData, company: Company, audience: Collection[str]) -> journal.NewEvent:
    return journal.NewEvent(
        type=data.TYPE,
        subject=f"company/{company.id}",
        key=company.id,
        data=data.model_dump(mode="json"),
        audience=frozenset(audience),
    )
