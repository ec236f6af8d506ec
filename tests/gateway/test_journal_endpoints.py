"""An organisation's own slice of the journal, by position."""

from __future__ import annotations

import httpx
import pytest

from services.kernel.database import Database
from services.kernel.identifiers import new_id
from tests.gateway.serving import an_event, append
from tests.kernel.web.application import bearer


async def numbers(client: httpx.AsyncClient, query: str = "", key: str = "lia_reader") -> list[int]:
    """All pages, and on each the envelope as the contract has it."""
    found: list[int] = []
    cursor = ""
    while True:
        response = await client.get(f"/v1/journal?limit=2{query}{cursor}", headers=bearer(key))
        assert response.status_code == 200, response.text
        page = response.json()
        found += [item["data"]["number"] for item in page["items"]]
        assert all(item["specversion"] == "1.0" for item in page["items"])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def test_pages_of_ones_own_slice(both: httpx.AsyncClient, database: Database) -> None:
    challenge = new_id("chl")
    about = f"challenge/{challenge}"
    await append(
        database,
        an_event(0, audience=frozenset({"org_a"})),
        an_event(1, audience=frozenset({"org_b"})),
        an_event(2, public=True, subject=about),
        an_event(3),
        an_event(4, public=True, kind="liaison.match.suggested.v1", subject=f"{about}/company/x"),
        an_event(5, audience=frozenset({"org_a", "org_b"})),
    )
    assert await numbers(both) == [0, 2, 4, 5]
    assert await numbers(both, key="lia_other") == [1, 2, 4, 5]
    assert await numbers(both, key="lia_admin") == [0, 1, 2, 3, 4, 5]
    assert await numbers(both, "&after=3") == [4, 5]
    assert await numbers(both, "&types=liaison.match.suggested.v1") == [4]
    assert await numbers(both, f"&challenge={challenge}") == [2, 4]
    head = await both.get("/v1/journal/head", headers=bearer("lia_reader"))
    assert head.json() == {"position": 6}


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", f"after={2**63}", "types=x", "challenge=x", "limit=0", "cursor=a,b"]
)
async def test_wrong_parameters(plain: httpx.AsyncClient, query: str) -> None:
    response = await plain.get(f"/v1/journal?{query}", headers=bearer("lia_reader"))
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("cursor", ["Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTldCg", "WzFlOTld", "Wy0xXQ"])
async def test_a_made_up_cursor_is_no_bug(both: httpx.AsyncClient, cursor: str) -> None:
    response = await both.get(f"/v1/journal?cursor={cursor}", headers=bearer("lia_reader"))
    assert response.status_code in (200, 404)


async def test_it_needs_a_key(plain: httpx.AsyncClient) -> None:
    for path in ("/v1/journal", "/v1/journal/head"):
        assert (await plain.get(path)).status_code == 401
