"""A row of a file put into a profile: a new one, or one that is there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from pydantic import ValidationError

from schemas.company import CompanyContent
from services.intake.importing.row import Row

REASONS_MAX = 3
"""Faults told of one row: who corrects the first three sees the rest at the next import."""

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
_PREFIXES = {"capabilities": "c", "references": "ref"}


class Unfit(Exception):
    """The row makes no profile; the message says why, in the words of the file's own headings."""


def merged(row: Row, before: CompanyContent | None, *, language: str) -> CompanyContent:
    """The profile after this row. Raises Unfit.

    What the row does not say stays as it was. Its capabilities and references take the place of those there
    were; a text that was there keeps its id, level and evidence. `language` is that of texts that name none.
    """
    old: dict[str, Any] = before.model_dump(mode="json") if before else {}
    new = {**old, **row.fields}
    taken = _ids(old) | _ids(row.fields)
    for name, prefix in _PREFIXES.items():
        if name in row.fields:
            free = (one for one in map(f"{prefix}{{}}".format, count(1)) if one not in taken)
            new[name] = _parts(row.fields[name], old.get(name, []), free, language)
    try:
        return CompanyContent.model_validate(new)
    except ValidationError as error:
        raise Unfit(reasons(error, row)) from error


def _ids(fields: Mapping[str, Any]) -> set[str]:
    """Ids in use: capabilities and references share one space of names."""
    parts = [part for name in _PREFIXES if isinstance(fields.get(name), list) for part in fields[name]]
    return {part["id"] for part in parts if isinstance(part.get("id"), str)}


def _parts(found: Any, present: list[Any], free: Iterator[str], language: str) -> Any:
    """Entries with ids: those of texts that were there, else given ones, else free ones."""
    if not isinstance(found, list):
        return found
    known = {_spelling(part["text"]): part for part in present}
    entries: dict[str, Any] = {}
    for number, entry in enumerate(found):
        text = entry.get("text")
        spelling = _spelling(text) if isinstance(text, str) else f"\0{number}"
        if spelling in entries:
            continue
        if spelling in known:
            entries[spelling] = {**known[spelling], **entry}
        else:
            identified = entry if "id" in entry else {**entry, "id": next(free)}
            entries[spelling] = {"language": language, **identified}
    return list(entries.values())


def _spelling(text: str) -> str:
    """A text as it is compared: blanks and Unicode forms do not make another one."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_INVISIBLE).split())


def reasons(error: ValidationError, row: Row, unread: Mapping[str, str] | None = None) -> str:
    """What is wrong with a row, by the headings of the file, in one sentence. `unread`: what to say of fields
    whose cells were not understood."""
    found = error.errors(include_url=False, include_input=False)
    told = []
    for each in found[:REASONS_MAX]:
        place = _place(each["loc"], row)
        said = each["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
        if each["type"] == "missing":
            said = "is missing"
        elif unread and each["loc"] and each["loc"][0] in unread:
            said = unread[str(each["loc"][0])]
        told.append(f"{place}: {said}" if place else said)
    more = len(found) - REASONS_MAX
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "") + "."


def _place(location: tuple[int | str, ...], row: Row) -> str:
    if not location:
        return ""
    name = str(location[0])
    heading = row.headings.get(name, name)
    rest = [f"{int(part) + 1}." if isinstance(part, int) else str(part) for part in location[1:]]
    return " ".join([heading, *rest])
