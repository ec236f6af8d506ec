"""`/companies`: the profiles one keeps, receives for, or may look up; and files of them."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.codes import country_names, language_names
from schemas.company import Company, CompanyState, ImportReport
from schemas.organisation import Member
from services.gateway.board.forms import read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.intake.company_store import CompanyFilter
from services.intake.freshness import confirmed_on
from services.kernel.problems import InvalidInput, TooLarge
from services.kernel.security import CLUSTER, COMPANY, Principal

PAGE = 50
MEMBERS_MAX = 2_000
"""Memberships read at once; the largest European clusters have some 1,500 members."""
UNFINDABLE = "cannot-be-found"
LIFE = {"stale": CompanyState.stale, "drafts": CompanyState.draft}
"""What else the list may be narrowed to, as it stands in its address."""
_Text = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True, slots=True)
class Entry:
    """A company in the list. `member`: its membership, where a cluster looks."""

    company: Company
    matches: int
    member: Member | None

    @property
    def confirmed_on(self) -> date:
        return confirmed_on(self.company)

    @property
    def texts(self) -> int:
        return len(self.company.capabilities) + len(self.company.references)


@dataclass(frozen=True, slots=True)
class Wanted:
    words: str = ""
    country: str = ""
    show: str = ""

    def address(self, after: str = "") -> str:
        asked = {"words": self.words, "country": self.country, "show": self.show, "after": after}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/companies?{query}" if query else "/companies"


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    @made.get("/companies")
    async def listing(
        visit: visiting, words: _Text = "", country: _Text = "", show: _Text = "", after: _Text = ""
    ) -> Response:
        principal = visit.known()
        wanted = Wanted(words.strip(), country, show)
        narrowed = CompanyFilter(
            state=LIFE.get(show),
            country=country or None,
            text=wanted.words or None,
            without_texts=show == UNFINDABLE,
        )
        companies = ports.intake.companies
        found = await companies.page(principal, narrowed, after=after or None, limit=PAGE + 1)
        return renderer.page(
            "companies.html",
            visit,
            wanted=wanted,
            entries=await _entries(ports, principal, found[:PAGE]),
            total=await companies.count(principal, CompanyFilter()),
            unfindable=await companies.count(principal, CompanyFilter(without_texts=True)),
            life={
                name: await companies.count(principal, CompanyFilter(state=state))
                for name, state in LIFE.items()
            },
            keeps=_keeps(principal),
            countries=sorted(country_names().items(), key=lambda pair: pair[1]),
            languages=sorted(language_names().items(), key=lambda pair: pair[1]),
            more=wanted.address(found[PAGE - 1].id) if len(found) > PAGE else None,
            newest=wanted.address() if after else None,
        )

    @made.post("/companies/import")
    async def take(request: Request, visit: visiting) -> Response:
        principal = visit.known()
        form = await read_form(request, files=1)
        file = form.file("file")
        if file is None:
            return imported(visit, None, refusal="Choose a file first.")
        try:
            report = await ports.intake.imports.run(
                principal,
                await file.read(),
                country=form.text("country") or None,
                language=form.text("language") or "en",
                draft=form.flag("draft"),
            )
        except (InvalidInput, TooLarge) as problem:
            return imported(visit, None, refusal=problem.detail)
        finally:
            await file.close()
        return imported(visit, report, name=file.filename or "The file")

    def imported(visit: Visit, report: ImportReport | None, *, name: str = "", refusal: str = "") -> Response:
        status = 200 if report else 422
        return renderer.page("imported.html", visit, status=status, report=report, refusal=refusal, name=name)

    return made


async def _entries(ports: BoardPorts, principal: Principal, companies: list[Company]) -> list[Entry]:
    matches = await ports.matches.counts_of_companies(principal, [one.id for one in companies])
    members: dict[str, Member] = {}
    if principal.role == CLUSTER:
        listed = await ports.directory.members.page(principal, principal.organisation, limit=MEMBERS_MAX)
        members = {one.company: one for one in listed}
    return [Entry(one, matches.get(one.id, 0), members.get(one.id)) for one in companies]


def _keeps(principal: Principal) -> bool:
    """May bring in profiles of its own."""
    return principal.role in (COMPANY, CLUSTER) and bool(principal.scopes & {"write", "admin"})
