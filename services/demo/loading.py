"""The demo data, brought into a running process through its own use cases; a second run changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from schemas.company import Company, CompanyContent
from schemas.organisation import (
    KeyContent,
    Mandate,
    Organisation,
    OrganisationContent,
    OrganisationKind,
    Scope,
)
from schemas.plan import PlanContent
from services.bootstrap.parts import Core
from services.demo.dataset import DemoData
from services.directory.service import ADMIN_HANDLE
from services.kernel.security import ADMIN, BSO, Principal

PER_TRANSACTION = 100
"""Profiles written at once: a moment each, so that nothing else waits."""

HOLDER = OrganisationContent(
    handle="demo-companies", name="Demo companies", kind=OrganisationKind.company, country="FR"
)
"""Owns the profiles of the demo: the real organisations have no accounts here."""

Progress = Callable[[str, int, int], None]
"""What is being loaded, how many are done, how many there are."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`clusters` by handle. `planning`: the buyer with an investment plan. `announced`: challenges announced
    just now, none in a second run."""

    admin: Principal
    clusters: dict[str, Organisation]
    planning: Organisation
    announced: int
    companies: int


async def load(core: Core, data: DemoData, progress: Progress) -> Loaded:
    """Organisations, profiles, members and challenges of the demo."""
    admin = await _administrator(core)
    for buyer in data.buyers:
        await _organisation(core, admin, buyer)
    clusters = {
        one.organisation.handle: await _organisation(core, admin, one.organisation) for one in data.clusters
    }
    holder = await _organisation(core, admin, HOLDER)
    ids = await _companies(core, holder, data, progress)
    for one in data.clusters:
        cluster = clusters[one.organisation.handle]
        async with core.database.write() as tx:
            owners = {ids[member]: holder.id for member in one.members if member in ids}
            await core.directory.members.add(tx, cluster.id, owners, Mandate(receive=True, act=False))
    announced = await _challenges(core, admin, data, progress)
    planning = await _plan(core, admin, data)
    return Loaded(admin, clusters, planning, announced, len(ids))


async def _plan(core: Core, admin: Principal, data: DemoData) -> Organisation:
    """The buyer's investment plan of one need; the other buyer is registered too."""
    await _organisation(core, admin, data.joint.buyer)
    buyer = await _organisation(core, admin, data.planned.buyer)
    need = data.planned.planned(core.clock.now().date())
    content = PlanContent(name=f"Plan {need.first_year}", buyer=buyer.handle, needs=(need,))
    principal = Principal(buyer.id, BSO, "demo", frozenset({"write"}))
    write = await core.pairing.plans.sending(principal, content)
    async with core.database.write(durable=True) as tx:
        await write(tx)
    return buyer


async def issue_key(core: Core, organisation: Organisation, label: str) -> str:
    """A key for one of the demo's organisations."""
    async with core.database.write(durable=True) as tx:
        issued = await core.directory.keys.write(
            tx, organisation.id, KeyContent(label=label, scopes=(Scope.write,))
        )
    return issued.secret


async def _administrator(core: Core) -> Principal:
    operator = await core.directory.organisation_by_handle_or_id(ADMIN_HANDLE)
    assert operator is not None, "the process has made the operator's organisation when it started"
    return Principal(operator.id, ADMIN, "demo", frozenset({"admin"}))


async def _organisation(core: Core, admin: Principal, content: OrganisationContent) -> Organisation:
    there = await core.directory.organisation_by_handle_or_id(content.handle)
    return there or await core.directory.organisations.register(admin, content)


async def _companies(core: Core, holder: Organisation, data: DemoData, progress: Progress) -> dict[str, str]:
    """Ids by the key of the data."""
    there = {
        company.name: company.id
        async for page in core.intake.companies.active_pages()
        for company in page
        if company.owner == holder.id
    }
    missing = [content for content in data.companies.values() if content.name not in there]
    done = 0
    for batch in _batches(missing):
        async with core.database.write(durable=True) as tx:
            made: list[Company] = await core.intake.writer.create(tx, holder, batch)
        there |= {company.name: company.id for company in made}
        done += len(made)
        progress("companies", done, len(missing))
    return {key: there[content.name] for key, content in data.companies.items()}


async def _challenges(core: Core, admin: Principal, data: DemoData, progress: Progress) -> int:
    known = {one.title for one in await core.intake.challenges.open_challenges()}
    today = core.clock.now().date()
    missing = [one.content(today) for one in data.challenges if one.fields["title"] not in known]
    for done, content in enumerate(missing, start=1):
        await core.intake.challenges.announce(admin, content)
        progress("challenges", done, len(missing))
    return len(missing)


def _batches(contents: Sequence[CompanyContent]) -> Iterator[Sequence[CompanyContent]]:
    for start in range(0, len(contents), PER_TRANSACTION):
        yield contents[start : start + PER_TRANSACTION]
