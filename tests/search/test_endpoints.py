"""Search over HTTP: open to all, paged, and clear about what it does not take."""

from __future__ import annotations

from services.search import endpoints
from tests.intake.serving import api
from tests.search.conftest import Searched


async def test_the_endpoint_answers_with_and_without_a_key_page_by_page(here: Searched) -> None:
    world = here.derivation.world
    async with api(world, [endpoints.router(here.search)]) as served:
        public = (await served.client.get("/v1/search", params={"q": "pressure helium"})).json()
        assert {one["kind"] for one in public["items"]} == {"challenge"}
        buyer = await served.as_(world.cern)
        asked = {"q": "helium pressure Vakuumpumpen", "limit": "1"}
        names, cursor = [], None
        for _ in range(10):
            page = (
                await buyer("GET", "/v1/search", params=asked | ({"cursor": cursor} if cursor else {}))
            ).json()
            names += [one["name"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert len(names) == len(set(names)) == page["total"] >= 3
        narrow = {"q": "Vakuumpumpen vide", "trl_min": "8", "trl_max": "9", "cpv": "42", "country": "DE"}
        found = (await buyer("GET", "/v1/search", params=narrow | {"stage": "manufacturing"})).json()
        assert [item["name"] for item in found["items"]] == ["Vakuumtechnik Süd"]
        one = next(item for item in public["items"])
        assert one["links"]["page"] == f"/challenges/{one['challenge']}"
        for wrong, told in (
            ({"q": ""}, "at least one visible character"),
            ({"q": "pump", "country": "XX"}, "XX"),
            ({"q": "pump", "cpv": "x"}, "cpv"),
            ({"q": "pump", "trl_min": "10"}, "trl_min"),
            ({"q": "pump", "contry": "FR"}, "Did you mean 'country'"),
        ):
            refused = await served.client.get("/v1/search", params=wrong)
            assert refused.status_code == 422
            assert told in refused.text
        foreign = await served.client.get("/v1/search", params={"q": "pump", "cursor": "W10"})
        assert foreign.status_code == 404
