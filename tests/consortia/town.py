"""A challenge with three requirements, companies that answer some each, and the handler of consortia; what
matching would have said is written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.challenge import Challenge, RequirementKind
from schemas.company import Company
from schemas.events import ChallengeMatched, EventData
from schemas.match import MatchSuggestion, RequirementMatch
from schemas.organisation import Mandate, Organisation, OrganisationContent, OrganisationKind
from services.consortia.completing import Completing
from services.consortia.consenting import Consents
from services.consortia.handlers import FormConsortia
from services.consortia.market import Markets
from services.consortia.meaning import KeptMeaning
from services.consortia.reviewing import Reviewing
from services.consortia.service import ConsortiumService
from services.kernel import journal
from services.kernel.embedding.stored import VectorsInDatabase
from services.kernel.journal import Event
from services.kernel.security import Principal
from services.matching import changes, telling
from services.matching.gates import gates
from services.matching.service import Matches
from tests.derivation import PUBLIC_URL
from tests.intake.people import ADMIN, World, a_challenge, a_company, principal
from tests.matching.suggestions import suggestion

REQUIREMENTS = [
    {"id": "r1", "text": "measure pressure at 4 K", "mandatory": True},
    {"id": "r2", "text": "survive 10 MGy of radiation"},
    {"id": "r3", "text": "be read out over optical fibre"},
]
ANSWERS: Mapping[str, Mapping[str, float]] = {
    "alpha": {"r1": 0.9},
    "beta": {"r2": 0.8},
    "gamma": {"r1": 0.6},
    "delta": {"r2": 0.5},
}
"""Nobody answers r3."""


@dataclass
class Town:
    world: World
    service: ConsortiumService
    consents: Consents
    completing: Completing
    reviewing: Reviewing
    handler: FormConsortia
    matches: Matches
    challenge: Challenge
    firms: dict[str, Organisation]
    companies: dict[str, Company]
    done: int = 0
    answers: dict[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def buyer(self) -> Principal:
        return principal(self.world.cern)

    def speaks(self, name: str) -> Principal:
        return principal(self.firms[name])

    async def settle(self, *more: EventData) -> list[Event]:
        """Handle what there is; returns the events of consortia that came of it, all of the journal's."""
        world = self.world
        for data in more:
            async with world.database.write() as tx:
                await journal.append(tx, [self._new_event(data)], now=world.clock.now())
        events = await world.events()
        waiting = [one for one in events if one.position > self.done and one.type in self.handler.consumes]
        if waiting:
            plan = await self.handler.prepare(waiting)
            async with world.database.write() as tx:
                await plan(tx)
            self.done = waiting[-1].position
        return [one for one in await world.events() if one.type.startswith("liaison.consortium.")]

    async def matched(self, answers: Mapping[str, Mapping[str, float]] = ANSWERS) -> list[Event]:
        """Matching has settled: these companies answer, with these scores."""
        await self.match(answers)
        return await self.settle(
            ChallengeMatched(
                challenge=self.challenge.id,
                version=self.challenge.version,
                suggestions=len(answers),
                companies=len(self.companies),
                countries=2,
                unanswered=("r3",),
            )
        )

    async def match(self, answers: Mapping[str, Mapping[str, float]]) -> None:
        now = self.world.clock.now()
        found = {
            (self.challenge.id, self.companies[name].id): self._suggestion(name, scores)
            for name, scores in answers.items()
        }
        await self._write(found, {}, now)

    async def retract(self, name: str) -> None:
        now = self.world.clock.now()
        await self._write({}, {(self.challenge.id, self.companies[name].id): "it no longer fits"}, now)

    async def _write(
        self,
        found: Mapping[tuple[str, str], MatchSuggestion],
        gone: Mapping[tuple[str, str], str],
        now: Any,
    ) -> None:
        async with self.world.database.write() as tx:
            before = await changes.standing(tx, challenges=[self.challenge.id], companies=[])
            changed = changes.compare(before, found, gone=gone, at=now)
            await changes.write(tx, before, changed)
            told = [telling.of_change(one, {}, {}) for one in changed if one.told]
            await journal.append(tx, told, now=now)

    def _suggestion(self, name: str, scores: Mapping[str, float]) -> MatchSuggestion:
        company = self.companies[name]
        requirements = tuple(
            RequirementMatch(
                id=one.id,
                text=one.text,
                kind=RequirementKind.capability,
                mandatory=one.mandatory,
                score=scores.get(one.id, 0.0),
                missing=() if one.id in scores else (one.text.split()[-1],),
            )
            for one in self.challenge.requirements
        )
        made = suggestion(
            self.challenge.id,
            company.id,
            score=max(0.25, *scores.values()),
            requirements=requirements,
            gates=gates(self.challenge, company),
        )
        about = {"buyer": self.challenge.buyer, "announced_by": self.challenge.announced_by}
        return made.model_copy(
            update={
                "challenge": made.challenge.model_copy(update=about),
                "company": made.company.model_copy(
                    update={"name": company.name, "country": company.country, "owner": company.owner}
                ),
            }
        )

    def _new_event(self, data: EventData) -> journal.NewEvent:
        return journal.NewEvent(
            type=data.TYPE,
            subject=f"challenge/{self.challenge.id}",
            key=self.challenge.id,
            data=data.model_dump(mode="json"),
            public=True,
        )


async def founded(
    world: World,
    *,
    countries: Sequence[str] = ("FR", "CH"),
    asked: Mapping[str, Any] | None = None,
    **consortium: Any,
) -> Town:
    """Four firms with a company each, in turns from these countries; `consortium`: the challenge's rules;
    `asked`: other fields of the challenge."""
    names = list(ANSWERS)
    firms = {
        name: await world.directory.organisations.register(
            ADMIN,
            OrganisationContent(handle=name, name=name.title(), kind=OrganisationKind.company),
        )
        for name in names
    }
    companies = {
        name: await world.intake.companies.create(
            principal(firms[name]),
            a_company(
                name=name.title(),
                country=countries[place % len(countries)],
                size_class="small" if place % 2 else "large",
            ),
        )
        for place, name in enumerate(names)
    }
    rules = {"members_max": 3, **consortium}
    challenge = await world.intake.challenges.announce(
        principal(world.cern), a_challenge(requirements=REQUIREMENTS, consortium=rules, **(asked or {}))
    )
    matches = Matches(world.database, world.clock, world.directory.members)
    markets = Markets(world.intake.reading, matches, KeptMeaning(VectorsInDatabase(world.database)))
    reviewing = Reviewing(
        world.database,
        world.clock,
        markets=markets,
        clusters=world.directory.members,
        public_url=PUBLIC_URL,
    )
    service = ConsortiumService(world.database, markets=markets, memberships=world.directory.members)
    return Town(
        world=world,
        service=service,
        consents=Consents(
            world.database,
            world.clock,
            consortia=service,
            markets=markets,
            memberships=world.directory.members,
            public_url=PUBLIC_URL,
        ),
        completing=Completing(
            world.database,
            world.clock,
            markets=markets,
            challenges=world.intake.challenges,
            companies=world.intake.companies,
            memberships=world.directory.members,
            public_url=PUBLIC_URL,
        ),
        reviewing=reviewing,
        handler=FormConsortia(world.database, world.clock, reviewing),
        matches=matches,
        challenge=challenge,
        firms=firms,
        companies=companies,
    )


async def joined(town: Town, name: str, **mandate: bool) -> Principal:
    """The company becomes a member of the cluster, who speaks."""
    given = Mandate(**{"receive": True, "act": False, **mandate})
    world = town.world
    await world.directory.members.join(town.speaks(name), world.cluster.id, town.companies[name].id, given)
    return principal(world.cluster)
