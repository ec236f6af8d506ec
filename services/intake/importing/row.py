"""What comes out of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One row that could be read.

    `line` is the number that a person sees in an editor or in Excel. `fields` has the fields of
    `CompanyContent` that the row fills; capabilities and references are dictionaries, mostly without an id.
    `headings` tells which column each field came from. Nothing is validated yet.
    """

    line: int
    fields: Mapping[str, Any]
    headings: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        name = self.fields.get("name")
        return name if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class Problem:
    """One row that could not be taken, and why. `name` helps to find it, where there is one."""

    line: int
    reason: str
    name: str | None = None
