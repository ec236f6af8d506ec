"""The same inputs, with nobody disturbed: one process on SQLite, one input after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from schemas.match import Match, MatchSuggestion
from tests.chaos import market
from tests.chaos.ledger import Act, Input
from tests.end_to_end.process import Liaison
from tests.end_to_end.town import UNLIMITED
from tests.eventually import eventually

SETTLED_S = 300.0
LOOK_S = 0.25
"""Between looks at what waits."""

Suggestions = dict[tuple[str, str], dict[str, Any]]
"""What is said of a challenge (by its title) and a company (by its name)."""

OF_THE_RUN = {"id", "state", "because", "suggested_at", "changed_at", "versions", "scoring_page"}
"""Fields that tell of the way there, and at which address it was asked."""
OF_READING = Match.model_fields.keys() - MatchSuggestion.model_fields.keys()
"""Fields that are added where somebody reads a suggestion, and no event has."""


def said(suggestion: dict[str, Any]) -> dict[str, Any]:
    """What a suggestion says, without what differs from run to run: names of rows, moments, and what
    triggered it last."""
    kept = {name: value for name, value in suggestion.items() if name not in OF_THE_RUN | OF_READING}
    challenge, company = kept.pop("challenge"), kept.pop("company")
    return kept | {
        "challenge": [challenge["title"], challenge["version"]],
        "company": [company["name"], company["version"], company["country"]],
    }


async def suggestions(http: httpx.AsyncClient, challenges: Sequence[str]) -> Suggestions:
    """All that stand for these challenges."""
    found: Suggestions = {}
    for challenge in challenges:
        parameters = {"limit": "100"}
        while True:
            answer = await http.get(f"/v1/challenges/{challenge}/matches", params=parameters)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            for one in page["items"]:
                found[one["challenge"]["title"], one["company"]["name"]] = said(one)
            if not page["next"]:
                break
            parameters["cursor"] = page["next"]
    return found


async def undisturbed(folder: Path, inputs: Sequence[Input]) -> Suggestions:
    """What stands in the end."""
    process = Liaison(folder, UNLIMITED | {"LIAISON_EMBEDDING_THREADS": "1"})
    try:
        await asyncio.to_thread(process.start)
        async with process.client() as admin:
            challenges = await _put_in(admin, inputs)
            await eventually(lambda: _is_settled(admin), within_s=SETTLED_S, every_s=LOOK_S)
            return await suggestions(admin, list(challenges.values()))
    finally:
        if process.process is not None and process.process.poll() is None:
            process.kill()


async def _put_in(admin: httpx.AsyncClient, inputs: Sequence[Input]) -> dict[str, str]:
    """Everything in its order; returns the ids of the challenges that are open in the end, by title."""
    for handle, kind in ((market.BUYER, "bso"), *((one, "cluster") for one in market.CLUSTERS)):
        content = {"handle": handle, "name": handle.title(), "kind": kind, "country": "CH"}
        await _put(admin, "POST", "/v1/organisations", content)
    companies = []
    for number in range(market.COMPANIES):
        path = f"/v1/companies?owner={market.owner_of(number)}"
        companies.append((await _put(admin, "POST", path, market.company(number))).json()["id"])
    await eventually(lambda: _is_settled(admin), within_s=SETTLED_S, every_s=LOOK_S)
    challenges: dict[str, str] = {}
    for one in inputs:
        match one.act:
            case Act.announce:
                answer = await _put(admin, "POST", "/v1/challenges", one.content)
                challenges[one.name] = answer.json()["id"]
            case Act.withdraw:
                path = f"/v1/challenges/{challenges.pop(one.name)}/withdraw"
                await _put(admin, "POST", path, {"reason": "Enough."})
            case Act.update:
                path = f"/v1/companies/{companies[int(one.name)]}"
                await _put(admin, "PUT", path, one.content)
    return challenges


async def _put(admin: httpx.AsyncClient, method: str, path: str, content: dict[str, Any]) -> httpx.Response:
    """The answer; a machine that is too busy for it at the moment is asked again."""

    async def asked() -> httpx.Response | None:
        answer = await admin.request(method, path, json=content, headers={"If-Match": "*"})
        assert answer.is_success or answer.status_code == 503, answer.text
        return answer if answer.is_success else None

    answer = await eventually(asked, within_s=SETTLED_S)
    assert answer is not None
    return answer


async def _is_settled(admin: httpx.AsyncClient) -> bool:
    return not any((await admin.get("/v1/status")).json()["lag"].values())
