"""A misspelt parameter of the address is an error: `?contry=FR` must not answer with everything."""

import difflib

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.kernel.problems import FieldError, InvalidInput, MalformedRequest

NAME_SHOWN = 80


async def known_parameters(request: Request) -> None:
    """A dependency of the whole application. Raises `InvalidInput` for query parameters that the endpoint
    does not have, and `MalformedRequest` for NUL characters, which no database takes."""
    query = request.scope["query_string"]
    if "\0" in request.scope["path"] or b"%00" in query or b"\0" in query:
        raise MalformedRequest("The address contains a NUL character; remove it.")
    route = request.scope.get("route")
    if not query or not isinstance(route, APIRoute):
        return
    known = _query_parameters(route.dependant)
    for name in request.query_params:
        if name not in known:
            shown = name[:NAME_SHOWN]
            near = difflib.get_close_matches(shown, known, n=1)
            has = f"There are: {', '.join(sorted(known))}." if known else "This address takes none."
            detail = f"'{shown}' is not a parameter here. " + (f"Did you mean '{near[0]}'?" if near else has)
            raise InvalidInput(detail, errors=[FieldError(parameter=shown, detail=detail)])


def _query_parameters(dependant: Dependant) -> set[str]:
    known = {field.alias for field in dependant.query_params}
    return known.union(*map(_query_parameters, dependant.dependencies))
