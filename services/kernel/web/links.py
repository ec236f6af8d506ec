"""Links of the OpenAPI document: what can be done next with what an operation has just made.

A resource made at `/v1/companies` is meant by every placeholder that stands behind that address, here
`{company}`, wherever it occurs. Generated clients and testers follow these links.
"""

from __future__ import annotations

from typing import Any

CREATED = ("201", "202")
ID = "$response.body#/id"
ETAG = "$response.header.etag"


def add_links(document: dict[str, Any]) -> None:
    """Adds `links` to the answers of operations that make something, in place."""
    paths: dict[str, dict[str, Any]] = document.get("paths", {})
    for placeholder, answer in _makers(paths).items():
        links = {
            operation["operationId"]: _link(operation, placeholder)
            for path, operations in paths.items()
            if f"{{{placeholder}}}" in path
            for operation in operations.values()
        }
        if links:
            answer["links"] = dict(sorted(links.items()))


def _makers(paths: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By placeholder, the answer that tells of a new resource to put there."""
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        collection, _, last = path.rpartition("/")
        maker = paths.get(collection, {}).get("post")
        if maker is None or not last.startswith("{"):
            continue
        for status in CREATED:
            if status in maker["responses"]:
                found.setdefault(last.strip("{}"), maker["responses"][status])
    return found


def _link(operation: dict[str, Any], placeholder: str) -> dict[str, Any]:
    parameters = {placeholder: ID}
    if any(each["name"] == "if-match" for each in operation.get("parameters", ())):
        parameters["if-match"] = ETAG
    return {"operationId": operation["operationId"], "parameters": parameters}
