"""The fields of a profile out of the cells of a row, or out of a JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.company import CompanyContent
from services.intake.importing import cells
from services.intake.importing.columns import PROFILES, SEVERAL, Columns

ENTRIES_MAX = 1_000
"""Texts taken from one row: twice what a profile may hold, so that validation can say that it is too many
without a file of separators costing gigabytes."""

_PART_FIELDS = frozenset({"language", "trl", "certifications"})
"""Columns about the texts of the row, not about the company."""


def from_cells(columns: Columns, row: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Fields that the row fills, and the heading each came from. An empty cell fills nothing."""
    fields: dict[str, Any] = {}
    headings: dict[str, str] = {}
    for column in columns.found:
        cell = row[column.index] if column.index < len(row) else ""
        if cells.is_blank(cell, column.field):
            continue
        headings.setdefault(column.field, column.heading)
        if column.field in SEVERAL:
            several = [cell.strip()] if column.numbered else cells.texts(cell)
            _add_texts(fields, column.field, several)
        else:
            fields[column.field] = cells.value(column.field, cell)
    _share(fields)
    return fields, headings


def from_object(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """The same for an object of a JSON Lines file, whose keys are field names or headings; also the keys that
    mean nothing here."""
    fields: dict[str, Any] = {}
    headings: dict[str, str] = {}
    ignored: list[str] = []
    ranks: dict[str, int] = {}
    for key, value in document.items():
        name, rank = _field(key)
        if name is None:
            ignored.append(key)
            continue
        if value is None or (isinstance(value, str) and cells.is_blank(value, name)):
            continue
        if name in SEVERAL:
            headings.setdefault(name, key)
            _add_texts(fields, name, cells.texts(value) if isinstance(value, str) else value)
        elif name not in ranks or rank < ranks[name]:
            ranks[name] = rank
            headings[name] = key
            fields[name] = _plain(name, value)
    _share(fields)
    return fields, headings, ignored


def _field(key: str) -> tuple[str | None, int]:
    if key in CompanyContent.model_fields:
        return key, -1
    known = PROFILES.field_of(key)
    return (known[0], known[1]) if known else (None, 0)


def _plain(name: str, value: Any) -> Any:
    """JSON's own types as they are; a text or a number as if it stood in a cell."""
    if isinstance(value, bool | list | dict):
        return value
    return cells.value(name, str(value))


def _add_texts(fields: dict[str, Any], name: str, found: Any) -> None:
    """Append to the entries of `name` what is new among `found`; anything that is no list goes through as it
    is, for validation to refuse."""
    present = fields.setdefault(name, [])
    if not isinstance(found, list) or not isinstance(present, list):
        fields[name] = found
        return
    known = {one["text"] for one in present if isinstance(one.get("text"), str)}
    for one in found[:ENTRIES_MAX]:
        entry = one if isinstance(one, dict) else {"text": one}
        text = entry.get("text")
        if len(present) < ENTRIES_MAX and not (isinstance(text, str) and text in known):
            present.append(dict(entry))
            if isinstance(text, str):
                known.add(text)


def _share(fields: dict[str, Any]) -> None:
    """Language, TRL and certificates of the row go to each of its texts that names none itself."""
    shared = {name: fields.pop(name) for name in _PART_FIELDS if name in fields}
    for name in SEVERAL:
        entries = fields.get(name)
        if not isinstance(entries, list):
            continue
        for entry in entries:
            for key, value in shared.items():
                if key != "certifications" or name == "capabilities":
                    entry.setdefault(key, value)
