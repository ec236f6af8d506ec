"""A small market with the board in front of it: a buyer, its liaison officer, a cluster, two companies."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from html import unescape
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge, ChallengeContent
from schemas.company import Company, CompanyContent
from schemas.events import ChallengeMatched, EventData
from schemas.match import (
    Answer,
    CarryingWord,
    Gate,
    GateName,
    GateState,
    MatchedChallenge,
    MatchedCompany,
    MatchState,
    MatchSuggestion,
    MatchVersions,
    RequirementMatch,
)
from schemas.organisation import KeyContent, Mandate, Organisation, OrganisationContent, Scope
from services.bootstrap.application import board_ports, web_ports
from services.bootstrap.parts import Core, open_core
from services.bootstrap.searching import SearchOnDemand
from services.gateway import board
from services.gateway.app import create_app
from services.kernel import journal
from services.kernel.identifiers import new_id
from services.kernel.security import Principal
from services.kernel.settings import load_settings
from services.matching import changes
from services.matching.calibration import likelihood
from services.matching.scoring import strength
from services.search.service import Search
from tests.conftest import MovableClock
from tests.intake.people import a_challenge, a_company

BASE = "http://localhost"
FROM_OUR_PAGE = {"sec-fetch-site": "same-origin", "accept": "text/html"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \"' {{ 7*7 }}"


@dataclass
class World:
    core: Core
    app: FastAPI
    clock: MovableClock
    admin_key: str
    admin: Principal
    organisations: dict[str, Organisation] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def principal(self, handle: str) -> Principal:
        one = self.organisations[handle]
        return Principal(one.id, one.kind.value, "key_test", frozenset({"admin"}))

    def browser(self, handle: str | None = None) -> httpx.AsyncClient:
        """Somebody's browser; signed in by its cookie where a handle is given. Close it."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=BASE,
            headers=FROM_OUR_PAGE,
        )
        if handle is not None:
            key = self.admin_key if handle == "admin" else self.keys[handle]
            sealed = self.app.state.web.sessions.seal(key)
            client.cookies.set("liaison_session", sealed)
        return client

    async def organisation(self, handle: str, kind: str, **fields: object) -> Organisation:
        content = OrganisationContent.model_validate(
            {"handle": handle, "name": handle.title(), "kind": kind, "country": "FR", **fields}
        )
        made = await self.core.directory.organisations.register(self.admin, content)
        key = await self.core.directory.keys.issue(
            self.admin, KeyContent(label="test", scopes=(Scope.admin,)), organisation=handle
        )
        self.organisations[handle], self.keys[handle] = made, key.secret
        return made

    async def challenge(self, **changed: object) -> Challenge:
        content: ChallengeContent = a_challenge(**changed)
        return await self.core.intake.challenges.announce(self.principal("ilo"), content)

    async def company(self, owner: str = "firm", **changed: object) -> Company:
        content: CompanyContent = a_company(**changed)
        return await self.core.intake.companies.create(self.principal(owner), content)

    async def match(
        self, challenge: Challenge, company: Company, score: float = 0.83, **changed: object
    ) -> MatchSuggestion:
        """As matching writes it: the row and its event."""
        made = a_match(challenge, company, score, self.clock).model_copy(update=changed)
        async with self._writing() as tx:
            pair = (challenge.id, company.id)
            before = await changes.standing(tx, challenges={challenge.id}, companies=())
            found = changes.compare(before, {pair: made}, gone={}, at=self.clock.now())
            await changes.write(tx, before, found)
            audience = {company.owner, challenge.buyer, challenge.announced_by}
            subject = f"challenge/{challenge.id}/company/{company.id}"
            for change in found:
                await self._tell(tx, change.data, subject, challenge.id, frozenset(audience))
        return made

    async def matched(self, challenge: Challenge) -> None:
        """Matching has settled on this version."""
        data = ChallengeMatched(
            challenge=challenge.id,
            version=challenge.version,
            suggestions=0,
            companies=1,
            countries=0,
            unanswered=(),
        )
        async with self._writing() as tx:
            await self._tell(tx, data, f"challenge/{challenge.id}", challenge.id, frozenset(), public=True)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction whose events have their positions afterwards."""
        async with self.core.database.write() as tx:
            yield tx
        if not self.core.database.is_serial:
            async with self.core.database.write() as tx:
                await journal.sequence(tx)

    async def _tell(
        self,
        tx: AsyncSession,
        data: EventData,
        subject: str,
        key: str,
        audience: frozenset[str],
        *,
        public: bool = False,
    ) -> None:
        event = journal.NewEvent(
            data.TYPE, subject, key, data.model_dump(mode="json"), audience=audience, public=public
        )
        await journal.append(tx, [event], now=self.clock.now())


def a_match(challenge: Challenge, company: Company, score: float, clock: MovableClock) -> MatchSuggestion:
    """Every requirement is answered by the first capability, but for the last one."""
    capability = company.capabilities[0]
    requirements = tuple(
        RequirementMatch(
            id=one.id,
            text=one.text,
            kind=one.kind,
            mandatory=one.mandatory,
            score=score if place < len(challenge.requirements) - 1 else 0.1,
            answered_by=Answer(capability=capability.id, text=capability.text, similarity=0.7),
            words=(CarryingWord(word=one.text[:4], weight=0.3, in_requirement=(0, 4), in_capability=(0, 4)),),
            missing=() if place < len(challenge.requirements) - 1 else ("flange",),
        )
        for place, one in enumerate(challenge.requirements)
    )
    reached = strength(score)
    assert reached is not None
    return MatchSuggestion(
        id=new_id("mat"),
        state=MatchState.suggested,
        challenge=MatchedChallenge.of(challenge, page=f"{BASE}/challenges/{challenge.id}"),
        company=MatchedCompany.of(company),
        score=score,
        strength=reached,
        likelihood=round(likelihood(score), 4),
        headline="2 of 3 requirements; missing: flange",
        requirements=requirements,
        gates=(
            Gate(gate=GateName.eligible_country, state=GateState.passed, reason="Open to every country."),
            Gate(gate=GateName.trl, state=GateState.unknown, reason="The profile states no TRL."),
        ),
        because="challenge announced",
        versions=MatchVersions(model="m", index="i", scoring="s"),
        suggested_at=clock.now(),
        changed_at=clock.now(),
    )


@asynccontextmanager
async def world(folder: Path, clock: MovableClock, database_url: str | None = None) -> AsyncIterator[World]:
    """`database_url`: a database without rows; None: SQLite in the folder, made now."""
    chosen = {"database_url": database_url} if database_url else {}
    settings = load_settings(data_dir=folder, allow_loopback_webhooks=True, **chosen)
    async with open_core(settings, clock) as core:
        key = await core.directory.ensure_admin()
        assert key is not None
        searched = SearchOnDemand(settings, core.database)
        search = Search(searched, core.intake.challenges, core.intake.companies)
        app = create_app(settings, web_ports(core), core.tail, [board.router(board_ports(core, search))])
        made = World(core, app, clock, key, await core.directory.authenticate(key))
        await made.organisation("cern", "bso", name="CERN")
        await made.organisation("ess", "bso", name="ESS", country="SE")
        await made.organisation("ilo", "ilo", name="ILO France", appointed_to=["cern"])
        await made.organisation("cluster", "cluster", name="Cryo Valley")
        await made.organisation("firm", "company", name="Cryosense")
        await made.organisation("rival", "company", name="Rival")
        yield made


async def join(made: World, company: Company, *, receive: bool = True) -> None:
    """The company becomes a member of the cluster."""
    owner = next(handle for handle, one in made.organisations.items() if one.id == company.owner)
    await made.core.directory.members.join(
        made.principal(owner), "cluster", company.id, Mandate(receive=receive)
    )


def visible(page: httpx.Response) -> str:
    """What a person reads of a page: no tags, one blank between words."""
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())
    return re.sub(r" ([,.;:])", r"\1", text)


def hidden(page: httpx.Response, form: str) -> Mapping[str, str]:
    """Hidden fields of the form with this action."""
    part = re.search(rf'<form[^>]*action="{re.escape(form)}".*?</form>', page.text, re.DOTALL)
    assert part is not None, form
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', part[0])
    return {name: unescape(value) for name, value in found}


LATER = date(2027, 2, 1)
