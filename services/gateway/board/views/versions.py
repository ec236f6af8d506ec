"""`/challenges/{id}/versions`: what each amendment changed, word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from schemas.challenge import Change
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits

PAGE = 20
WORDS_MAX = 4_000
"""Words of both texts together that are compared one by one: a few tens of milliseconds. Longer texts are
shown whole, before and after."""

_WORD = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of words: `kept`, `added` or `removed`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    runs: list[Run]


def difference(change: Change) -> Difference:
    """One changed field. Values that are no text are shown as they are written in JSON."""
    before, after = _text(change.before), _text(change.after)
    return Difference(change.field.replace("/", " "), compare(before, after))


def compare(before: str, after: str) -> list[Run]:
    """What to strike out of the one text and to put in to get the other; white space included."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) + len(new) > WORDS_MAX:
        return [Run("removed", before), Run("added", after)]
    runs: list[Run] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            runs.append(Run("kept", "".join(old[a:b])))
            continue
        runs += [Run("removed", "".join(old[a:b]))] if b > a else []
        runs += [Run("added", "".join(new[c:d]))] if d > c else []
    return runs


def _text(value: str | None) -> str:
    if value is None:
        return ""
    found: Any = orjson.loads(value)
    if isinstance(found, dict) and isinstance(found.get("text"), str):
        return _requirement(found)
    if isinstance(found, dict) and not any(isinstance(one, dict | list) for one in found.values()):
        said = {name.replace("_", " "): one for name, one in found.items() if one is not None}
        return "; ".join(f"{name}: {one}" for name, one in said.items())
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return ", ".join(found)
    if isinstance(found, str):
        return found
    return "" if found is None else value


def _requirement(part: dict[str, Any]) -> str:
    """A requirement: its text, then what else is said of it."""
    said = [part["text"]]
    for name, value in part.items():
        if name in ("id", "text", "source") or value in (None, [], "", False, 1.0):
            continue
        words = name.replace("_", " ")
        said.append(words if value is True else f"{words}: {value}")
    return "; ".join(said)


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/challenges/{challenge}/versions")
    async def page(
        visit: Annotated[Visit, Depends(visits)],
        challenge: str,
        before: Annotated[int | None, Query(ge=1, le=2**31)] = None,
    ) -> Response:
        found = await ports.intake.challenges.get(visit.principal, challenge)
        versions = await ports.intake.challenges.versions(
            visit.principal, found.id, before=before, limit=PAGE + 1
        )
        shown = versions[:PAGE]
        names = await ports.directory.organisations.many({one.changed_by for one in shown})
        return renderer.page(
            "versions.html",
            visit,
            challenge=found,
            versions=[(one, _differences(one.changes)) for one in shown],
            names={one.id: one.name for one in names.values()},
            older=shown[-1].version if len(versions) > PAGE else None,
        )

    return made


def _differences(changes: Sequence[Change]) -> list[Difference]:
    return [difference(one) for one in changes]
