"""Every endpoint, asked by everybody: a tenant sees its own and what is public, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.end_to_end.process import ADMIN_KEY, Liaison
from tests.end_to_end.tenants import MARK, PROFILE, Row, Town, consortium, settle
from tests.end_to_end.tenants_table import TABLE
from tests.end_to_end.town import client, is_problem
from tests.eventually import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def town(served: Liaison) -> Iterator[Town]:
    with ExitStack() as stack:
        admin = stack.enter_context(client(served, ADMIN_KEY))
        town = settle(admin, lambda key: stack.enter_context(client(served, key)))
        town.clients["anonymous"] = stack.enter_context(client(served, None))
        matches = f"/v1/companies/{town.made['company']}/matches"

        def found() -> dict[str, str]:
            items = admin.get(matches).json()["items"]
            return {one["challenge"]["id"]: one["id"] for one in items}

        asked = {town.made["challenge"], town.made["second"]}
        asyncio.run(eventually(lambda: asked <= found().keys()))
        town.made["match"] = found()[town.made["challenge"]]
        town.made |= consortium(town)
        yield town


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_everybody_is_answered_what_is_theirs(town: Town, row: Row) -> None:
    for role, status, marked in row.by_role():
        asked = row.ask(town, role)
        assert asked.answer.status_code == status, f"{role}: {asked.told}"
        if marked:
            assert MARK in asked.told, f"{role} does not see its own: {asked.told}"
        elif role not in ("owner", "admin"):
            assert MARK not in asked.told, f"{role} sees another one's: {asked.told}"
        if status >= 400:
            is_problem(asked.answer)
            if role != "owner":
                named = [one for one in asked.hidden if one in asked.told]
                assert named == [], f"{role} is told ids: {asked.told}"


def test_the_table_has_every_endpoint_of_the_contract(served: Liaison) -> None:
    contract = httpx.get(f"{served.url}/openapi.json", trust_env=False, timeout=30.0).json()
    published = {
        f"{method.upper()} {path}"
        for path, operations in contract["paths"].items()
        for method in operations
        if path.startswith("/v1/")
    }
    assert {row.operation for row in TABLE} == published


def test_an_idempotency_key_is_its_owners_own(town: Town) -> None:
    content = {**PROFILE, "name": f"{MARK} once", "legal_id": None}
    once = {"Idempotency-Key": "the-same-for-both"}
    first = town.clients["company"].post("/v1/companies", json=content, headers=once)
    other = town.clients["rival"].post("/v1/companies", json={**content, "name": "Rival"}, headers=once)
    assert (first.status_code, other.status_code) == (201, 201)
    assert MARK not in other.json()["name"]
    assert other.json()["id"] != first.json()["id"]
