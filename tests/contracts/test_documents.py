"""The published contracts: valid by their public validators, complete, and always the same bytes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.asyncapi import draft_07
from schemas.challenge import Challenge
from schemas.events import EVENTS, INBOX, ChallengeAnnounced
from schemas.export import documents, export, stale
from services.cli.contracts import openapi
from services.kernel.stream.kafka_topics import Topics
from tests.contracts.asyncapi_validator import validate

OPENAPI = {"openapi": "3.1.0", "info": {"title": "Liaison", "version": "1.2.3"}, "paths": {}}
ULID = "01J9Z3K4M5N6P7Q8R9S0T1V2W3"


@cache
def published() -> dict[str, bytes]:
    topics = Topics()
    return documents(
        OPENAPI,
        topics={kind: topics.of(kind) for kind in EVENTS},
        inbox=topics.inbox,
        shapes={name: topics.shape(name) for name in topics.declared},
    )


def test_every_schema_is_json_schema_2020_12(subtests: pytest.Subtests) -> None:
    for path, content in published().items():
        if "/" in path:
            with subtests.test(path):
                _is_a_schema(path, orjson.loads(content))


def _is_a_schema(path: str, schema: Any) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"/schemas/{Path(path).name}"
    Draft202012Validator.check_schema(schema)
    assert _references(schema) <= {f"#/$defs/{name}" for name in schema.get("$defs", {})}


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_references, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    inner = set().union(*map(_references, schema.values())) if schema else set()
    reference = schema.get("$ref")
    return inner | ({reference} if isinstance(reference, str) else set())


def test_every_event_has_a_schema() -> None:
    assert {f"events/{kind}.json" for kind in [*EVENTS, *INBOX]} <= published().keys()


def a_challenge() -> Challenge:
    return Challenge.model_validate(
        {
            "id": f"chl_{ULID}",
            "version": 1,
            "state": "announced",
            "title": "Radiation-hard pressure sensor",
            "need": "Measure 0.1 to 20 bar at 4 K\nafter 10 MGy",
            "buyer": f"org_{ULID}",
            "buyer_name": "CERN",
            "deadline": "2027-02-01",
            "announced_by": f"org_{ULID}",
            "announced_at": "2026-11-21T09:00:00Z",
            "changed_at": "2026-11-21T09:00:00Z",
            "requirements": [{"id": "r1", "text": "20 bar at 4 K", "source": [0, 12], "trl_min": 4}],
            "cpv": ["38423000"],
            "eligible_countries": ["FR"],
        }
    )


def test_what_we_emit_is_valid_by_what_we_publish() -> None:
    schema = orjson.loads(published()[f"events/{ChallengeAnnounced.TYPE}.json"])
    data = ChallengeAnnounced(challenge=a_challenge()).model_dump(mode="json")
    validator = Draft202012Validator(schema)
    validator.validate(data)
    assert not validator.is_valid(data | {"unknown": 1})
    data["challenge"]["requirements"][0]["source"] = [0, "x"]
    assert not validator.is_valid(data)


def test_asyncapi_is_valid_by_its_public_parser() -> None:
    answer = validate(published()["asyncapi.json"])
    wrong = [each for each in answer["found"] if each["severity"] < 2]
    assert wrong == []
    assert answer["version"] == "3.0.0"
    assert answer["messages"] == 2 * len(EVENTS) + len(INBOX) + 2


def test_the_parser_would_find_an_error() -> None:
    broken = orjson.loads(published()["asyncapi.json"])
    broken["operations"]["streamEvents"]["channel"] = {"$ref": "#/channels/nowhere"}
    answer = validate(orjson.dumps(broken))
    assert any(each["severity"] == 0 for each in answer["found"])


def test_asyncapi_tells_where_each_event_travels() -> None:
    document = orjson.loads(published()["asyncapi.json"])
    channels = document["channels"]
    assert set(channels["webhooks"]["messages"]) == set(EVENTS)
    assert set(channels["stream"]["messages"]) > set(EVENTS)
    assert set(channels["liaison.inbox.v1"]["messages"]) == set(INBOX)
    assert set(channels["liaison.match.v1"]["messages"]) == {
        f"liaison.match.{what}.v1.kafka"
        for what in ("suggested", "updated", "retracted", "answered", "specialists-found")
    }
    assert document["info"]["version"] == "1.2.3"
    references = _references(document)
    names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert {each for each in references if "/schemas/" in each} <= names


def test_tuples_and_discriminators_in_asyncapis_dialect() -> None:
    schema = {
        "properties": {"discriminator": {"type": "string"}, "span": {"prefixItems": [{"type": "integer"}]}},
        "oneOf": [{"$ref": "#/x"}],
        "discriminator": {"propertyName": "kind", "mapping": {}},
    }
    assert draft_07(schema) == {
        "properties": {"discriminator": {"type": "string"}, "span": {"items": [{"type": "integer"}]}},
        "oneOf": [{"$ref": "#/x"}],
    }


def test_the_same_code_gives_the_same_bytes() -> None:
    """In other processes too, whatever the seed of their hashes."""
    script = (
        "import hashlib; from tests.contracts.test_documents import published; "
        "print(hashlib.sha256(b''.join(k.encode() + v for k, v in published().items())).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_folder_is_made_fresh_and_known_to_be(tmp_path: Path) -> None:
    assert stale(tmp_path, published()) == sorted(published())
    export(tmp_path, published())
    assert stale(tmp_path, published()) == []
    (tmp_path / "openapi.json").write_text("{}")
    (tmp_path / "events" / "liaison.old.thing.v1.json").write_text("{}")
    (tmp_path / "entities" / "Key.json").unlink()
    changed = ["entities/Key.json", "events/liaison.old.thing.v1.json", "openapi.json"]
    assert stale(tmp_path, published()) == changed
    assert export(tmp_path, published()) == changed
    assert export(tmp_path, published()) == []


WITHOUT_KEY = {
    "/v1/challenges/proposal": "stores nothing",
    "/v1/consortia/complete": "stores nothing",
    "/v1/companies/import": "a file imported again updates; what is equal stays as it is",
    "/v1/plans/import": "the same",
    "/v1/index/rebuild": "writes what the rows say; one at a time",
    "/v1/consumers/{service}/resume": "a service that goes on already is not there to be resumed",
}
"""POSTs that take no Idempotency-Key, and why sending them again does no harm."""


def test_every_post_takes_an_idempotency_key_or_needs_none() -> None:
    document = asyncio.run(openapi())
    without = {
        path
        for path, methods in document["paths"].items()
        if "post" in methods
        and "idempotency-key" not in {one["name"].lower() for one in methods["post"].get("parameters", ())}
    }
    assert without == WITHOUT_KEY.keys()
