"""An example value of a JSON Schema: what its author gave as one, else the smallest that says its shape."""

from __future__ import annotations

from typing import Any

DEPTH_MAX = 6
"""Schemas that contain themselves end here."""

_BY_FORMAT = {
    "date": "2027-02-01",
    "date-time": "2027-02-01T09:00:00Z",
    "uri": "https://example.org/",
    "binary": "",
}
_BY_TYPE: dict[str, Any] = {"string": "…", "integer": 1, "number": 1.0, "boolean": True, "null": None}


def example_of(schema: dict[str, Any], document: dict[str, Any], depth: int = 0) -> Any:
    """An example; of an object the required fields alone. `document` holds what `$ref`s point to."""
    if depth > DEPTH_MAX:
        return None
    if "$ref" in schema:
        return example_of(_resolve(schema["$ref"], document), document, depth + 1)
    if schema.get("examples"):
        return schema["examples"][0]
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example_of(schema[choice][0], document, depth + 1)
    return _by_type(schema, document, depth)


def _by_type(schema: dict[str, Any], document: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        fields = schema.get("properties", {})
        return {name: example_of(fields[name], document, depth + 1) for name in schema.get("required", ())}
    if kind == "array":
        if not schema.get("minItems"):
            return []
        return [example_of(schema.get("items", {}), document, depth + 1)]
    if "format" in schema and schema["format"] in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    if kind in ("integer", "number") and "minimum" in schema:
        return schema["minimum"]
    return _BY_TYPE.get(str(kind))


def _resolve(reference: str, document: dict[str, Any]) -> dict[str, Any]:
    here: Any = document
    for part in reference.removeprefix("#/").split("/"):
        here = here[part]
    assert isinstance(here, dict)
    return here
