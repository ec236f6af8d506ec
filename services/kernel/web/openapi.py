"""The OpenAPI 3.1 document as it is published: every operation with the problems it may answer."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.kernel.problems import (
    Forbidden,
    InvalidInput,
    MalformedRequest,
    PreconditionRequired,
    ProblemDetails,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from services.kernel.web.links import add_links
from services.kernel.web.problems import PROBLEM_JSON, PROBLEM_REF, responses_for

REPLACED = ("HTTPValidationError", "ValidationError")
"""Schemas that FastAPI publishes for its own form of errors, which never leaves this server."""

PRECONDITION_REQUIRED = str(PreconditionRequired.status)


def document(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with our problems in place of its own errors. Made once per application."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            license_info=app.license_info,
            separate_input_output_schemas=True,
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for name in REPLACED:
            schemas.pop(name, None)
        details = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(details.pop("$defs", {}))
        schemas["ProblemDetails"] = details
        for operations in schema.get("paths", {}).values():
            for operation in operations.values():
                _add_problems(operation)
                for parameter in operation.get("parameters", ()):
                    _without_null(parameter)
                    if parameter["name"] == "if-match" and PRECONDITION_REQUIRED in operation["responses"]:
                        parameter["required"] = True  # FastAPI knows it as optional: we answer 428, not 422
                    if parameter["in"] in ("path", "query"):
                        _forbid_nul(parameter["schema"])
        add_links(schema)
        schema["components"]["schemas"] = dict(sorted(schemas.items()))
        app.openapi_schema = schema
    return app.openapi_schema


def _add_problems(operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation.setdefault("responses", {})
    usual = [MalformedRequest, TooManyRequests, Unavailable]
    if operation.get("security"):
        usual += [Unauthenticated, Forbidden]
    if "requestBody" in operation:
        usual += [TooLarge, UnsupportedMediaType]
    if "422" in responses and PROBLEM_JSON not in responses["422"].get("content", {}):
        del responses["422"]
        usual.append(InvalidInput)
    for status, entry in responses_for(*usual).items():
        responses.setdefault(str(status), entry)
    responses.setdefault(
        "default",
        {"description": "Any other problem", "content": {PROBLEM_JSON: {"schema": PROBLEM_REF}}},
    )
    operation["responses"] = dict(sorted(responses.items()))


def _without_null(parameter: dict[str, Any]) -> None:
    """A parameter that may be left out is not null then: an address and a header have no null."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    if kinds:
        del schema["anyOf"]
        parameter["schema"] = {**kinds[0], **schema} if len(kinds) == 1 else {"anyOf": kinds, **schema}


def _forbid_nul(schema: dict[str, Any]) -> None:
    """Says of free texts in an address what `known_parameters` enforces."""
    for part in (schema, schema.get("items", {}), *schema.get("anyOf", ())):
        if part.get("type") == "string" and not part.keys() & {"pattern", "enum", "const", "format"}:
            part["pattern"] = r"^[^\u0000]*$"
