"""A list costs as many statements with eight entries as with two: nothing is fetched entry by entry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from schemas.delivery import EndpointContent
from schemas.organisation import KeyContent, Scope
from schemas.subscription import FollowCountry, SubscriptionContent
from services.bootstrap import rooms
from services.bootstrap.application import application
from services.bootstrap.encoders import QueriesOnDemand
from services.bootstrap.searching import SearchOnDemand
from services.indexing.elsewhere import IndexElsewhere
from tests.conftest import MovableClock
from tests.gateway.board.world import World, join, world

FEW, MORE = 2, 6
BY_ADMIN = (
    "/v1/organisations",
    "/v1/keys?organisation=cern",
    "/v1/challenges",
    "/v1/companies",
    "/v1/journal",
    "/v1/status",
)
BY_FIRM = (
    "/v1/endpoints",
    "/v1/subscriptions",
    "/v1/deliveries?endpoint={endpoint}",
    "/v1/companies/{company}/matches",
    "/",
    "/companies",
    "/companies/{company}",
    "/settings",
    "/settings/endpoints/{endpoint}",
)
BY_ILO = ("/v1/challenges/{challenge}/matches", "/challenges/{challenge}", "/consortia", "/pairings")
BY_CLUSTER = ("/v1/clusters", "/v1/clusters/cluster/members", "/companies")
LISTS = {"admin": BY_ADMIN, "firm": BY_FIRM, "ilo": BY_ILO, "cluster": BY_CLUSTER}


@pytest.fixture
async def market(tmp_path: Path, clock: MovableClock) -> AsyncIterator[World]:
    async with world(tmp_path, clock) as made:
        core = made.core
        app = application(
            core,
            IndexElsewhere(core.database, clock),
            QueriesOnDemand(core.settings, core.database),
            rooms.lag(core.settings, core.database),
            SearchOnDemand(core.settings, core.database),
        )
        made.app = app
        yield made


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that reach any database meanwhile."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class Filling:
    """One challenge, company and endpoint that others gather about."""

    def __init__(self, market: World) -> None:
        self.market = market
        self.made = 0
        self.names: dict[str, str] = {}

    async def more(self, count: int) -> None:
        market, core = self.market, self.market.core
        firm = market.principal("firm")
        for _ in range(count):
            self.made += 1
            number = self.made
            challenge = await market.challenge(title=f"Pressure sensor number {number}")
            company = await market.company(name=f"Cryosense {number}")
            await join(market, company)
            first = not self.names
            if first:
                endpoint = await core.endpoints.create(
                    firm, EndpointContent(url="http://localhost:9999/hook")
                )
                self.names = {"challenge": challenge.id, "company": company.id, "endpoint": endpoint.id}
                self.challenge, self.company = challenge, company
                await market.match(challenge, company)
            else:
                waited_for = EndpointContent(url=f"http://localhost:9999/{number}")
                await core.endpoints.test(firm, (await core.endpoints.create(firm, waited_for)).id)
                await market.match(self.challenge, company)
                await market.match(challenge, self.company)
            await core.endpoints.test(firm, self.names["endpoint"])
            following = SubscriptionContent(
                follow=FollowCountry(country="FR"), endpoint=self.names["endpoint"]
            )
            await core.subscriptions.create(firm, following)
            await core.directory.keys.issue(
                market.admin, KeyContent(label=f"key {number}", scopes=(Scope.read,)), organisation="cern"
            )

    async def costs(self) -> dict[str, list[str]]:
        """Per list the statements that it takes."""
        found = {}
        for who, addresses in LISTS.items():
            key = self.market.admin_key if who == "admin" else self.market.keys[who]
            async with self.market.browser(who) as client:
                for address in addresses:
                    path = address.format(**self.names)
                    headers = {"Authorization": f"Bearer {key}"} if path.startswith("/v1/") else {}
                    for _ in range(2):  # the first fills caches of keys and of who is whose member
                        with counted() as sent:
                            answer = await client.get(path, headers=headers)
                    assert answer.status_code == 200, (path, answer.text[:300])
                    found[f"{who} {address}"] = sent
        return found


async def test_lists_cost_the_same_however_long_they_are(market: World) -> None:
    filling = Filling(market)
    await filling.more(FEW)
    before = await filling.costs()
    await filling.more(MORE)
    after = await filling.costs()
    grown = {name: sent for name, sent in after.items() if len(sent) > len(before[name])}
    assert not grown, {name: (len(before[name]), len(sent), sent) for name, sent in grown.items()}
    assert all(before.values())
