"""What pydantic found wrong in a request, as sentences for people and pointers for programs."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from services.kernel.problems import (
    FieldError,
    InvalidInput,
    MalformedRequest,
    Problem,
    UnsupportedMediaType,
)

ERRORS_SHOWN = 50
"""Places named in one answer; more help nobody, and a hostile body could cause millions."""
NAME_SHOWN = 80
"""Characters of a field's name that a message repeats."""
NAMES_COMPARED = 20
"""Unknown names compared with a missing one: comparing is quadratic in their length."""


class UnknownCpvCode(InvalidInput):
    slug, title = "unknown-cpv", "Unknown CPV code"


class UnknownNutsCode(InvalidInput):
    slug, title = "unknown-nuts", "Unknown NUTS code"


class UnknownCountryCode(InvalidInput):
    slug, title = "unknown-country", "Unknown country code"


class UnknownLanguageCode(InvalidInput):
    slug, title = "unknown-language", "Unknown language code"


_CODES: Mapping[str, type[InvalidInput]] = {
    "unknown_cpv": UnknownCpvCode,
    "unknown_nuts": UnknownNutsCode,
    "unknown_country": UnknownCountryCode,
    "unknown_language": UnknownLanguageCode,
}
"""Error types of `schemas.codes` that are problem types of their own."""

_SENTENCES: Mapping[str, str] = {
    "extra_forbidden": "This field is not known here; remove it, or look up its right name in /docs.",
    "model_attributes_type": "This must be a JSON object.",
    "model_type": "This must be a JSON object.",
    "dict_type": "This must be a JSON object.",
    "tuple_type": "This must be a JSON array.",
    "list_type": "This must be a JSON array.",
    "string_type": "This must be a text.",
    "string_unicode": "This text is not valid Unicode; send UTF-8.",
    "bool_type": "This must be true or false.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_from_float": "This must be a whole number.",
    "float_type": "This must be a number.",
    "float_parsing": "This must be a number.",
    "finite_number": "This must be a finite number.",
}


def as_problem(error: RequestValidationError, request: Request) -> Problem:
    """400 for a body that is no JSON, 415 for one of another kind, else 422 with every wrong place."""
    found: Sequence[Any] = error.errors()
    if found and found[0]["type"] == "json_invalid":
        at, reason = found[0]["loc"][-1], found[0]["ctx"]["error"]
        return MalformedRequest(
            f"The body is not valid JSON: {reason.removesuffix(' at')} at character {at}."
        )
    if isinstance(error.body, bytes) and not _is_json(request):
        return UnsupportedMediaType("Send the body as Content-Type: application/json.")
    return invalid_input(found, error.body)


def invalid_input(found: Sequence[Any], body: Any, prefix: Sequence[str | int] = ()) -> InvalidInput:
    """The problem for errors of pydantic (`ValidationError.errors()`), given the document they are of.

    Locations may begin with FastAPI's `body`, `query`, `path`, `header`; `prefix` is put before each.
    """
    places: dict[tuple[str | None, str | None, str], FieldError] = {}
    strange = [str(each["loc"][-1])[:NAME_SHOWN] for each in found if each["type"] == "extra_forbidden"]
    for each in found[: ERRORS_SHOWN * 4]:
        place = _place(each, body, prefix, strange[:NAMES_COMPARED])
        places.setdefault((place.pointer, place.parameter, place.detail), place)
    errors = list(places.values())[:ERRORS_SHOWN]
    kinds = {each["type"] for each in found}
    kind = _CODES.get(next(iter(kinds)), InvalidInput) if len(kinds) == 1 else InvalidInput
    return kind(_summary(errors, len(found)), errors=errors)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _summary(errors: Sequence[FieldError], count: int) -> str:
    if len(errors) == 1:
        name = errors[0].parameter or errors[0].pointer
        return f"{name}: {errors[0].detail}" if name else errors[0].detail
    shown = f"; the first {len(errors)} are listed" if count > ERRORS_SHOWN else ""
    return f"{len(errors)} places are wrong{shown}: see errors."


def _place(error: Any, body: Any, prefix: Sequence[str | int], strange: Sequence[str]) -> FieldError:
    location = list(error["loc"])
    if location and location[0] in ("query", "path", "header", "cookie"):
        name = str(location[1]) if len(location) > 1 else str(location[0])
        return FieldError(parameter=name[:NAME_SHOWN], detail=_sentence(error, strange))
    if location and location[0] == "body":
        location = location[1:]
    parts = _walk(location, body, missing=error["type"] == "missing")
    pointer = "".join("/" + _escaped(part) for part in [*prefix, *parts])
    return FieldError(pointer=pointer, detail=_sentence(error, strange))


def _walk(location: Sequence[Any], body: Any, *, missing: bool) -> list[str | int]:
    """Follow a location through the document, dropping what pydantic puts in that is not in it: tags of
    unions, names of validators."""
    parts: list[str | int] = []
    here = body
    for index, part in enumerate(location):
        inside = isinstance(here, dict) and part in here
        inside = inside or (isinstance(here, list) and isinstance(part, int) and part < len(here))
        if inside:
            here = here[part]
        elif not (missing and index == len(location) - 1):
            continue
        parts.append(part)
    return parts


def _wrong_count(context: Mapping[str, Any]) -> str:
    """Of a list; for texts pydantic says it well."""
    most = context.get("max_length")
    bound = f"at most {most}" if most is not None else f"at least {context['min_length']}"
    return f"This should have {bound} entries, not {context['actual_length']}."


def _escaped(part: str | int) -> str:
    return str(part)[:NAME_SHOWN].replace("~", "~0").replace("/", "~1")


def _sentence(error: Any, strange: Sequence[str]) -> str:
    """`strange`: names of fields in the document that are not known, one of which may be a misspelt one."""
    kind = error["type"]
    if kind == "missing":
        near = difflib.get_close_matches(str(error["loc"][-1]), strange, n=1, cutoff=0.75)
        return f"This is required. Is '{near[0]}' meant for it?" if near else "This is required."
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind in ("too_long", "too_short"):
        return _wrong_count(error["ctx"])
    if kind == "string_pattern_mismatch":
        return f"This does not have the form that is wanted here ({error['ctx']['pattern']}); see /docs."
    said = str(error["msg"]).removeprefix("Value error, ")
    said = said.replace("Input should", "This should", 1)
    if "_" not in said.split(" ", 1)[0]:  # a field keeps its name
        said = said[:1].upper() + said[1:]
    return said if said.endswith((".", "?", "!")) else said + "."
