"""The JSON Schemas that events name in `dataschema`."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import JSONResponse

from schemas.json_schema import event_schemas
from services.kernel.problems import NotFound
from services.kernel.web.problems import responses_for

CACHED_S = 3_600
"""A schema of a version of a type hardly ever changes; an hour is soon enough after a release."""


class SchemaResponse(JSONResponse):
    media_type = "application/schema+json"


def router() -> APIRouter:
    """Routes under /schemas."""
    routes = APIRouter(tags=["contracts"])

    @routes.get(
        "/schemas/{name}.json",
        response_class=SchemaResponse,
        summary="JSON Schema of an event's data",
        responses=responses_for(NotFound),
    )
    async def schema(
        name: Annotated[
            str, Path(max_length=100, description="The event type, e.g. liaison.match.suggested.v1")
        ],
    ) -> Any:
        found = event_schemas().get(name)  # made by who asks first: it takes longer than a start should
        if found is None:
            raise NotFound("There is no event type of that name; /openapi.json and /docs list them.")
        return SchemaResponse(found, headers={"cache-control": f"public, max-age={CACHED_S}"})

    return routes
