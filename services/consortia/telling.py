"""The events of consortia: one for each organisation concerned, with what it may see."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.consortium import Consortium, CoveredCell, GapBrief
from schemas.events import (
    ConsortiumDissolved,
    ConsortiumProposed,
    ConsortiumSought,
    ConsortiumUpdated,
    EventData,
    GapsChanged,
)
from schemas.organisation import Mandate
from services.consortia.review import Change
from services.consortia.views import Side, seen, side_of
from services.kernel import journal


class Clusters(Protocol):
    async def clusters_of(
        self, companies: Collection[str], tx: AsyncSession | None = None
    ) -> Mapping[str, Collection[str]]:
        """Per company, the clusters with the mandate to receive what concerns it."""

    async def mandates(
        self, cluster: str, companies: Collection[str], tx: AsyncSession | None = None
    ) -> Mapping[str, Mandate]:
        """What this cluster may do for those of these companies that are its members."""


Mandates = Mapping[str, Mapping[str, Mandate]]
"""Of each cluster that receives for any of the companies, by company."""


async def of_changes(
    tx: AsyncSession, clusters: Clusters, changes: Sequence[Change], *, correlation_id: str | None = None
) -> list[journal.NewEvent]:
    """In the order of the changes; of one change, in the order of the organisations."""
    companies = {
        one.company.id
        for change in changes
        for whole in (change.before, change.after)
        if whole is not None
        for one in whole.members
        if one.company is not None
    }
    receiving = await clusters.clusters_of(companies, tx)
    told = sorted({cluster for found in receiving.values() for cluster in found})
    mandates = {cluster: await clusters.mandates(cluster, companies, tx) for cluster in told}
    return [event for change in changes for event in _of_change(change, mandates, correlation_id)]


def _of_change(change: Change, mandates: Mandates, correlation_id: str | None) -> list[journal.NewEvent]:
    if change.kind is None:
        return []
    now = _sides(change.after, mandates)
    before = {} if change.before is None else _sides(change.before, mandates)
    challenge = change.after.challenge
    overview = {challenge.buyer, challenge.announced_by}
    told = []
    for organisation in sorted(now.keys() | overview | before.keys()):
        side = now.get(organisation, Side(overview=organisation in overview))
        was = before.get(organisation, Side())
        kind, whole = change.kind, change.after
        if not (side.companies or side.overview):
            if was.companies <= change.left:
                continue  # whoever declined knows
            kind, assert_before = ConsortiumDissolved, change.before
            assert assert_before is not None
            whole = assert_before.model_copy(
                update={
                    "reason": "Your company is no longer asked for this consortium.",
                    "state": "dissolved",
                }
            )
            side = was
        elif kind is ConsortiumUpdated and side.companies and not (was.companies or side.overview):
            kind = ConsortiumProposed
        if change.about is not None and not side.overview and not side.companies & change.about:
            continue
        view = seen(whole, side)
        if view is not None:
            told.append(_event(kind, view, organisation, correlation_id))
    return told


def _sides(whole: Consortium, mandates: Mandates) -> dict[str, Side]:
    companies = [one.company for one in whole.members if one.company is not None]
    concerned = {one.owner for one in companies} | {
        cluster
        for cluster, given in mandates.items()
        if any(one.id in given and given[one.id].receive for one in companies)
    }
    return {
        organisation: side_of(whole, organisation, mandates.get(organisation, {}))
        for organisation in concerned
    }


def _event(
    kind: type[EventData], view: Consortium, organisation: str, correlation_id: str | None
) -> journal.NewEvent:
    data = kind(**{name: getattr(view, name) for name in Consortium.model_fields})
    return journal.NewEvent(
        type=kind.TYPE,
        subject=f"challenge/{view.challenge.id}/consortium/{view.id}",
        key=view.challenge.id,
        data=data.model_dump(mode="json"),
        audience=frozenset({organisation}),
        correlation_id=correlation_id,
    )


async def of_sought(
    tx: AsyncSession, clusters: Clusters, whole: Consortium, asked_by: str
) -> list[journal.NewEvent]:
    """To each company that would complete a team somebody has begun, and to its clusters."""
    wanted = [one for one in whole.members if not one.fixed and one.company is not None]
    receiving = await clusters.clusters_of([one.company.id for one in wanted if one.company], tx)
    told = []
    for member in wanted:
        company = member.company
        assert company is not None
        data = ConsortiumSought(
            consortium=whole.id,
            challenge=whole.challenge,
            company=company,
            covers=member.covers,
            headline=f"A consortium needs somebody like {company.name}: {_for(member.covers)}.",
        )
        told.append(
            journal.NewEvent(
                type=data.TYPE,
                subject=f"challenge/{whole.challenge.id}/consortium/{whole.id}",
                key=whole.challenge.id,
                data=data.model_dump(mode="json"),
                audience=frozenset({company.owner, *receiving.get(company.id, ())}) - {asked_by},
            )
        )
    return [event for event in told if event.audience]


def of_gaps(brief: GapBrief, *, correlation_id: str | None = None) -> journal.NewEvent:
    """For everybody: it names nobody."""
    data = GapsChanged(**{name: getattr(brief, name) for name in GapBrief.model_fields})
    return journal.NewEvent(
        type=data.TYPE,
        subject=f"challenge/{brief.challenge.id}",
        key=brief.challenge.id,
        data=data.model_dump(mode="json"),
        public=True,
        correlation_id=correlation_id,
    )


def _for(covers: Sequence[CoveredCell]) -> str:
    named = list(dict.fromkeys(cell.requirement for cell in covers))
    return f"it would answer {', '.join(named)}" if named else "it would add to what is there"
