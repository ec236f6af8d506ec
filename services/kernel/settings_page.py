"""The page of documentation of all settings, generated from them, so that it cannot lie."""

from __future__ import annotations

from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from services.kernel.settings import (
    CONFIG_DEFAULT,
    CONFIG_VARIABLE,
    PREFIX,
    SECRETS_DEFAULT,
    SECRETS_VARIABLE,
    Settings,
)

INTRODUCTION = f"""\
# Settings

Generated from `services/kernel/settings.py` by `liaison schemas export`; do not edit.

Every setting has a default: `liaison serve` starts without any. A setting comes from, first found first:

1. the environment, under the name below;
2. a file named after the variable, in small letters, in the folder `{SECRETS_VARIABLE}` (default
   `{SECRETS_DEFAULT}`): for passwords and keys;
3. a TOML file: `{CONFIG_DEFAULT}` in the working folder, or the one that `{CONFIG_VARIABLE}` names. There the
   names are in small letters and without `{PREFIX}`: `port = 8000`.

A wrong value stops the start with one sentence that says what to change.
"""


def settings_markdown() -> str:
    """The page, as Markdown: one table a section, in the order of the class."""
    lines = [INTRODUCTION]
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "section" in extra:
            lines += [f"\n## {extra['section']}\n", "| variable | value | default | |", "|---|---|---|---|"]
        shown = (
            f"`{PREFIX}{name.upper()}`",
            _kind(field.annotation),
            _default(field),
            field.description or "",
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in shown) + " |")
    return "\n".join(lines) + "\n"


def _kind(annotation: Any) -> str:
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_kind(part) for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is tuple:
        return f"{_kind(get_args(annotation)[0])}, …"
    if hasattr(annotation, "__metadata__"):
        return _kind(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    names: dict[Any, str] = {int: "number", float: "number", bool: "`true`, `false`", SecretStr: "secret"}
    return names.get(annotation, "text")


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.default_factory is not None or value is None or value == ():
        return ""
    if isinstance(value, Enum):
        value = value.value
    elif isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, tuple):
        value = ",".join(value)
    return f"`{value}`"
