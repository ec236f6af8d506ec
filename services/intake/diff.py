"""What an amendment changed, field by field, so that a person sees it and nothing else.

Parts with ids of their own (requirements, lots) are compared one by one: `requirements/r2` is one change,
however many others there are; `requirements` alone lists the ids where their sequence changed. Applied to
the old content, the changes give the new one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson
from pydantic import BaseModel

from schemas.challenge import Change


def changes(before: BaseModel, after: BaseModel, fields: Collection[str] | None = None) -> tuple[Change, ...]:
    """The differences between two models of one class, in these of its fields (None: all, in their order);
    none: ()."""
    names = list(type(after).model_fields) if fields is None else list(fields)
    old, new = (one.model_dump(mode="json", include=set(names)) for one in (before, after))
    return tuple(change for name in names for change in _field(name, old[name], new[name]))


def _field(name: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if not (_has_ids(old) and _has_ids(new)):
        yield Change(field=name, before=_text(old), after=_text(new))
        return
    old_ids, new_ids = [part["id"] for part in old], [part["id"] for part in new]
    if old_ids != new_ids:
        yield Change(field=name, before=_text(old_ids), after=_text(new_ids))
    was = {part["id"]: part for part in old}
    now = {part["id"]: part for part in new}
    for part in [*new_ids, *(one for one in old_ids if one not in now)]:
        if was.get(part) != now.get(part):
            yield Change(
                field=f"{name}/{_escaped(part)}", before=_optional(was, part), after=_optional(now, part)
            )


def _has_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, dict) and "id" in part for part in value)


def _optional(parts: Mapping[str, Any], part: str) -> str | None:
    return _text(parts[part]) if part in parts else None


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _escaped(part: str) -> str:
    """As in a JSON pointer (RFC 6901): an id may hold a slash."""
    return part.replace("~", "~0").replace("/", "~1")
