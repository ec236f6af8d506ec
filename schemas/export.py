"""Writes the published contracts: JSON Schema 2020-12, OpenAPI 3.1, AsyncAPI 3.0. The same code gives the
same bytes, so that a stale file is found by comparing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.asyncapi import TopicShape, asyncapi
from schemas.json_schema import entity_schemas, event_schemas


def documents(
    openapi: Mapping[str, Any],
    *,
    topics: Mapping[str, str],
    inbox: str,
    shapes: Mapping[str, TopicShape],
) -> dict[str, bytes]:
    """Every file by its path in the folder. `openapi`: the server's own document; `topics`: the Kafka topic
    of each event type; `inbox`: the topic that Liaison reads; `shapes`: how they are created."""
    found: dict[str, Any] = {
        **{f"events/{name}.json": schema for name, schema in event_schemas().items()},
        **{f"entities/{name}.json": schema for name, schema in entity_schemas().items()},
        "openapi.json": openapi,
        "asyncapi.json": asyncapi(
            version=openapi["info"]["version"], topics=topics, inbox=inbox, shapes=shapes
        ),
    }
    return {path: _encoded(document) for path, document in sorted(found.items())}


def _encoded(document: Any) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def export(folder: Path, found: Mapping[str, bytes]) -> list[str]:
    """Make the folder hold exactly these files; returns the paths that were written or removed."""
    changed = stale(folder, found)
    for path in changed:
        if path in found:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(found[path])
        else:
            (folder / path).unlink()
    return changed


def stale(folder: Path, found: Mapping[str, bytes]) -> list[str]:
    """Paths that are missing, differ, or should not be there; empty when the folder is fresh."""
    present = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    return sorted(path for path in present.keys() | found.keys() if present.get(path) != found.get(path))
