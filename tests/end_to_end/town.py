"""What tests share that ask a running process many things: clients, organisations, what is stored."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import httpx

from tests.end_to_end.process import ADMIN_KEY, Liaison

UNLIMITED = {
    f"LIAISON_{kind}_PER_{whom}": "1000000" for kind in ("RATE", "BURST") for whom in ("KEY", "ADDRESS")
}
"""Thousands of requests from one address: what refuses them has tests of its own."""

CONTENT = (
    "api_keys",
    "appointments",
    "challenge_versions",
    "challenges",
    "companies",
    "endpoints",
    "idempotency_keys",
    "memberships",
    "organisations",
    "subscriptions",
)
"""Tables of what people write; the others are derived from them."""


def client(liaison: Liaison, key: str | None = ADMIN_KEY) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=liaison.url, headers=headers, timeout=30.0, trust_env=False, verify=False)


def register(admin: httpx.Client, handle: str, kind: str, **more: Any) -> str:
    """A new organisation; its key with every scope."""
    content = {"handle": handle, "name": f"{handle.title()} Ltd", "kind": kind, "country": "FR", **more}
    made = admin.post("/v1/organisations", json=content)
    assert made.status_code == 201, made.text
    key = admin.post(f"/v1/keys?organisation={handle}", json={"label": "all", "scopes": ["admin"]})
    assert key.status_code == 201, key.text
    secret: str = key.json()["secret"]
    return secret


def stored(liaison: Liaison) -> dict[str, Any]:
    """How many rows each table of content has, and the sum of all versions: what a refused request leaves
    as it was."""
    address = f"file:{liaison.data_dir / 'liaison.db'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as database:
        counts = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in CONTENT}
        for table in ("challenges", "companies", "endpoints", "organisations", "subscriptions"):
            versions = database.execute(f"SELECT sum(version) FROM {table}")
            counts[f"{table}: versions"] = versions.fetchone()[0]
    return counts


def is_problem(answer: httpx.Response) -> dict[str, Any]:
    """The answer's problem document, which says in a sentence what to do."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("https://")
    assert problem["title"]
    assert problem["detail"].endswith((".", "?", "!"))
    assert len(answer.content) < 20_000
    return problem
