"""A small market: a buyer, a cluster, companies with real competences, and challenges that fit some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from tests.eventually import eventually

COMPETENCES: dict[str, tuple[str, ...]] = {
    "Cryosense": (
        "Cryogenic pressure sensors for liquid helium lines, calibrated at 4 K",
        "Radiation-hard strain gauges for superconducting magnets",
    ),
    "Vakuumtechnik Nord": (
        "Ultra-high vacuum chambers of stainless steel, leak tested to 1e-11 mbar l/s",
        "Non-evaporable getter coatings for beam pipes",
    ),
    "Optiek Delft": (
        "Adaptive optics and deformable mirrors for large telescopes",
        "Laser guide star launch telescopes",
    ),
    "Backstube Meier": ("Bread and cakes for canteens, delivered every morning",),
}

PRESSURE: dict[str, Any] = {
    "title": "Radiation-hard pressure sensor for a 4 K helium line",
    "need": "We need to measure pressure between 0.1 and 20 bar at 4 K, within 1 %, after 10 MGy of gamma "
    "radiation. The sensor must survive 1000 thermal cycles.",
    "buyer": "cern",
    "deadline": "2027-06-01",
}
MIRROR: dict[str, Any] = {
    "title": "Deformable mirror for adaptive optics of a 40 m telescope",
    "need": "The instrument needs a deformable mirror with 5000 actuators that corrects atmospheric "
    "turbulence at 1 kHz. Laser guide stars must be supported.",
    "buyer": "cern",
    "deadline": "2027-06-01",
}


def profile(name: str, *extra: str) -> dict[str, Any]:
    texts = (*COMPETENCES[name], *extra)
    return {
        "name": name,
        "country": "DE",
        "capabilities": [{"id": f"c{number}", "text": text} for number, text in enumerate(texts, start=1)],
    }


@dataclass(slots=True)
class Market:
    """`buyer`, `cluster`: API keys. `companies`: by name, as the API answered them."""

    buyer: str
    cluster: str
    companies: dict[str, dict[str, Any]]


INDEXED_S = 60.0
"""The first text of a process waits for its encoders to be loaded."""


async def open_market(admin: httpx.AsyncClient) -> Market:
    """Register everybody through the API, as an operator would; returns when the companies can be found."""
    buyer = await _organisation(admin, handle="cern", name="CERN", kind="bso", country="CH")
    cluster = await _organisation(admin, handle="north", name="Cluster North", kind="cluster", country="DE")
    companies = {}
    for name in COMPETENCES:
        answer = await admin.post("/v1/companies", params={"owner": "north"}, json=profile(name))
        assert answer.status_code == 201, answer.text
        companies[name] = answer.json()

    async def indexed() -> bool:
        lag: dict[str, int] = (await admin.get("/v1/status")).json().get("lag", {})
        return lag.get("indexing.companies", 1) == 0 and lag.get("relay", 0) == 0

    await eventually(indexed, within_s=INDEXED_S)
    return Market(buyer, cluster, companies)


async def subscribe(client: httpx.AsyncClient, url: str, follow: dict[str, Any], **more: Any) -> str:
    """An endpoint and a subscription; returns the signing secret."""
    endpoint = await client.post("/v1/endpoints", json={"url": url})
    assert endpoint.status_code == 201, endpoint.text
    body = {"follow": follow, "endpoint": endpoint.json()["id"], "threshold": 0.25, **more}
    subscription = await client.post("/v1/subscriptions", json=body)
    assert subscription.status_code == 201, subscription.text
    secret: str = endpoint.json()["secret"]
    return secret


async def _organisation(admin: httpx.AsyncClient, **fields: Any) -> str:
    made = await admin.post("/v1/organisations", json=fields)
    assert made.status_code == 201, made.text
    key = await admin.post(
        "/v1/keys", params={"organisation": made.json()["id"]}, json={"label": "test", "scopes": ["write"]}
    )
    assert key.status_code == 201, key.text
    secret: str = key.json()["secret"]
    return secret
