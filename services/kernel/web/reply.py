"""Answers whose bytes are made by the endpoint: for idempotency, ETags, and to serialise only once.

An endpoint that returns one declares `response_model=` for the OpenAPI contract and `-> Response`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response

from services.kernel.web.preconditions import etag


def reply(
    model: BaseModel,
    status: int = 200,
    *,
    version: int | None = None,
    location: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The model as JSON; `version` becomes the ETag, `location` the address of what was created."""
    response = Response(
        model.__pydantic_serializer__.to_json(model), status, headers, media_type="application/json"
    )
    if version is not None:
        response.headers["etag"] = etag(version)
    if location is not None:
        response.headers["location"] = location
    return response
