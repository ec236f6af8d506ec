"""Subscriptions over HTTP, and the stream of one."""

from __future__ import annotations

from services.notification.endpoints import router
from tests.derivation import Derivation
from tests.intake.serving import api
from tests.notification.people import endpoint

COUNTRY = {"follow": {"kind": "country", "country": "FR"}, "channel": "sse"}


async def test_subscribe_change_and_unsubscribe(local: Derivation) -> None:
    async with api(local.world, [router(local.subscriptions)]) as served:
        firm = await served.as_(local.world.firm)
        hook = await endpoint(local, local.world.firm)
        body = {"follow": {"kind": "bso", "buyer": "cern"}, "endpoint": hook, "filters": {"cpv": ["38"]}}

        made = await firm("POST", "/v1/subscriptions", json=body, headers={"Idempotency-Key": "one"})
        assert made.status_code == 201, made.text
        one = made.json()
        assert made.headers["location"] == f"/v1/subscriptions/{one['id']}"
        again = await firm("POST", "/v1/subscriptions", json=body, headers={"Idempotency-Key": "one"})
        assert again.json() == one
        listed = await firm("GET", "/v1/subscriptions")
        assert listed.json() == {"items": [one], "next": None}

        path = f"/v1/subscriptions/{one['id']}"
        read = await firm("GET", path)
        assert (read.json(), read.headers["etag"]) == (one, '"1"')
        assert (await firm("PUT", path, json=COUNTRY)).status_code == 428
        changed = await firm("PUT", path, json=COUNTRY, headers={"If-Match": '"1"'})
        assert (changed.status_code, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"2"')
        late = await firm("PUT", path, json=COUNTRY, headers={"If-Match": '"1"'})
        assert late.status_code == 412
        assert (await firm("DELETE", path)).status_code == 204
        assert (await firm("GET", path)).status_code == 404
        assert (await firm("DELETE", path)).status_code == 404


async def test_what_is_wrong_is_named(local: Derivation) -> None:
    async with api(local.world, [router(local.subscriptions)]) as served:
        firm = await served.as_(local.world.firm)
        refused = await firm("POST", "/v1/subscriptions", json={"follow": {"kind": "members"}})
        assert refused.status_code == 422
        assert {error["pointer"] for error in refused.json()["errors"]} == {"/endpoint", "/follow/kind"}
        for follow in ({"kind": "everything"}, {"kind": "country", "country": "XX"}, {}):
            wrong = await firm("POST", "/v1/subscriptions", json={**COUNTRY, "follow": follow})
            assert wrong.status_code == 422
            assert wrong.json()["errors"][0]["pointer"].startswith("/follow")
        wrong = await firm("POST", "/v1/subscriptions", json={**COUNTRY, "threshold": 1.5})
        assert wrong.json()["errors"][0]["pointer"] == "/threshold"


async def test_pages_and_strangers(local: Derivation) -> None:
    async with api(local.world, [router(local.subscriptions)]) as served:
        firm, stranger = await served.as_(local.world.firm), await served.as_(local.world.ess)
        made = [(await firm("POST", "/v1/subscriptions", json=COUNTRY)).json()["id"] for _ in range(3)]
        first = (await firm("GET", "/v1/subscriptions", params={"limit": 2})).json()
        second = (await firm("GET", "/v1/subscriptions", params={"limit": 2, "cursor": first["next"]})).json()
        assert [one["id"] for one in first["items"] + second["items"]] == made

        assert (await stranger("GET", "/v1/subscriptions")).json()["items"] == []
        path = f"/v1/subscriptions/{made[0]}"
        assert (await stranger("GET", path)).status_code == 404
        assert (await stranger("PUT", path, json=COUNTRY, headers={"If-Match": "*"})).status_code == 404
        assert (await stranger("DELETE", path)).status_code == 404
        assert (await served.client.get(path)).status_code == 401
