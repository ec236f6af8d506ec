"""Load: announcements, withdrawals and changed profiles, each asked for until it is answered for good."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

from tests.chaos import market
from tests.chaos.ledger import Ledger

AGAIN_S = 0.2
"""Before the same is asked of the next gateway."""
PATIENCE_S = 10.0
"""For an answer; a gateway that was killed gives none."""
OPEN_MAX = 24
"""Challenges that are open at once: the oldest is withdrawn beyond. What a profile is held against, and
with it the number of webhooks, stays the same however long a run lasts."""
DEADLINE = timedelta(days=200)


@dataclass(frozen=True, slots=True)
class Pace:
    """Per minute. `at_most`: of each kind, then none more."""

    announcements: float = 24.0
    updates: float = 110.0
    at_most: float = math.inf

    def times(self, share: float) -> Pace:
        return replace(self, announcements=share * self.announcements, updates=share * self.updates)


class Load:
    """`gateways`: their addresses, asked in turn. `matched`: whether suggestions of a challenge have been
    heard of: what nobody has heard of yet is not withdrawn, so that every run suggests the same pairs."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        gateways: Sequence[str],
        buyer: str,
        owners: dict[str, str],
        companies: Sequence[str],
        matched: Callable[[str], bool],
        chance: Random,
    ) -> None:
        self._ledger = ledger
        self._gateways = itertools.cycle(gateways)
        self._buyer = buyer
        self._owners = owners
        self._companies = companies
        self._matched = matched
        self._chance = chance
        self._number = 0
        self._generations = [0] * len(companies)
        self._versions = [1] * len(companies)
        self._busy = [asyncio.Lock() for _ in companies]
        self._deadline = (datetime.now(UTC).date() + DEADLINE).isoformat()
        self._http = httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def running(self, pace: Pace) -> AsyncIterator[None]:
        """At a steady pace inside the block; at its end what is under way is answered first."""
        over = asyncio.Event()
        jobs = [
            asyncio.create_task(self._at(60 / pace.announcements, self.announce, pace.at_most, over)),
            asyncio.create_task(self._at(60 / pace.updates, self.update, pace.at_most, over)),
        ]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*jobs)

    async def _at(self, every_s: float, act: Callable[[], Any], at_most: float, over: asyncio.Event) -> None:
        """Whether the last one was answered or not, the next is due: a world outside does not wait."""
        under_way: set[asyncio.Task[Any]] = set()
        times = 0
        while not over.is_set() and times < at_most:
            times += 1
            task = asyncio.create_task(act())
            under_way.add(task)
            await asyncio.wait({asyncio.create_task(over.wait())}, timeout=every_s)
            for done in [one for one in under_way if one.done()]:
                under_way.discard(done)
                done.result()
        await asyncio.gather(*under_way)

    async def announce(self) -> str:
        """Announce one more, and withdraw the oldest if there are too many; returns its id."""
        self._number += 1
        content = {**market.challenge(self._number, self._chance), "deadline": self._deadline}
        headers = {"Idempotency-Key": f"announce-{self._number}"}
        answer = await self._until_answered("POST", "/v1/challenges", content, self._buyer, headers, {201})
        challenge: str = answer.json()["id"]
        self._ledger.announced(challenge, content)
        if len(self._ledger.open) > OPEN_MAX and self._matched(oldest := self._ledger.open[0]):
            await self._withdraw(oldest)
        return challenge

    async def _withdraw(self, challenge: str) -> None:
        self._ledger.withdrew(challenge)  # before it is: nobody else withdraws it meanwhile
        path = f"/v1/challenges/{challenge}/withdraw"
        # 409: it was withdrawn by the request whose answer got lost.
        await self._until_answered("POST", path, {"reason": "Enough."}, self._buyer, {}, {200, 409})

    async def update(self) -> None:
        """Change the profile of some company."""
        number = self._chance.randrange(len(self._companies))
        async with self._busy[number]:
            self._generations[number] += 1
            content = market.company(number, self._generations[number])
            company, key = self._companies[number], self._owners[market.owner_of(number)]
            path = f"/v1/companies/{company}"
            headers = {"If-Match": f'"{self._versions[number]}"'}
            answer = await self._until_answered("PUT", path, content, key, headers, {200, 412})
            if answer.status_code == 412:  # it was changed by the request whose answer got lost
                answer = await self._until_answered("GET", path, None, key, {}, {200})
                assert answer.json()["website"] == content["website"], answer.text
            self._versions[number] = answer.json()["version"]
            self._ledger.updated(number, company, self._versions[number], content)

    async def _until_answered(
        self,
        method: str,
        path: str,
        content: dict[str, Any] | None,
        key: str,
        headers: dict[str, str],
        accepted: set[int],
    ) -> httpx.Response:
        """The first answer that is one of those. No answer, and "try again", are tried again; whatever else
        comes is a failure of the product."""
        while True:
            url = next(self._gateways) + path
            try:
                answer = await self._http.request(
                    method, url, json=content, headers={"Authorization": f"Bearer {key}", **headers}
                )
            except httpx.TransportError:
                self._ledger.answered(0)
            else:
                if answer.status_code in accepted:
                    self._ledger.answered(200)
                    return answer
                self._ledger.answered(answer.status_code)
                in_flight = answer.status_code == 409 and "Idempotency-Key" in headers
                assert answer.status_code in (429, 503) or in_flight, (
                    f"{method} {path} was answered {answer.status_code}: {answer.text}"
                )
            await asyncio.sleep(AGAIN_S)
