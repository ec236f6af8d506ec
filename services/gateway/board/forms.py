"""Forms of the board: read within bounds, from our own pages alone; sent twice they have one effect."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from services.kernel.identifiers import new_id
from services.kernel.problems import InvalidInput, MalformedRequest, PreconditionFailed
from services.kernel.security import Principal
from services.kernel.versions import VersionCheck
from services.kernel.web.idempotency import Guard
from services.kernel.web.ports import ports_of
from services.kernel.web.session import refuse_cross_site
from services.kernel.web.validation import invalid_input

Model = TypeVar("Model", bound=BaseModel)
Written = TypeVar("Written")

FIELDS_MAX = 1_000
"""A challenge with 50 requirements has some 300 fields."""
ONCE = "once"
"""Name of the hidden field that tells one filling in of a form from another."""
VERSION = "version"
"""Name of the hidden field with the version of what the page shows."""

_SEPARATORS = re.compile(r"[,;\n]+")


class Form:
    """The fields that somebody sent."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str:
        """The value, trimmed; empty if it was left out. Browsers end lines with CR LF; we with LF."""
        value = self._data.get(name)
        return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        return [value for value in self._data.getlist(name) if isinstance(value, str)]

    def flag(self, name: str) -> bool:
        return bool(self.text(name))

    def file(self, name: str) -> UploadFile | None:
        value = self._data.get(name)
        return value if isinstance(value, UploadFile) and (value.filename or value.size) else None

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name, value in self._data.multi_items():
            digest.update(f"{name}\0{value if isinstance(value, str) else value.filename}\0".encode())
        return digest.hexdigest()


async def read_form(request: Request, *, files: int = 0, fields: int = FIELDS_MAX) -> Form:
    """At most so many files and fields are taken; the caller closes the files.

    Raises `Forbidden` for a form that another site's page has sent, `MalformedRequest` for none at all.
    """
    refuse_cross_site(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise MalformedRequest("Send this as a form, from the page it belongs to.")
    return Form(await request.form(max_files=files, max_fields=fields))


def number(text: str) -> int | float | str:
    """What somebody typed as a number; what is none stays as it is, and is refused with a reason."""
    for parsed in (int, float):
        try:
            return parsed(text.replace(",", "."))
        except ValueError:
            continue
    return text


def listed(text: str) -> list[str]:
    """What somebody typed as a list, in one field: between commas, semicolons and line ends."""
    return [part for part in (part.strip() for part in _SEPARATORS.split(text)) if part]


def guard(request: Request, principal: Principal, form: Form) -> Guard:
    """Runs what the form asks for at most once, however often the button was pressed."""
    once = form.text(ONCE)
    if not once.isascii() or len(once) > 64:
        raise MalformedRequest("Load the page again, and send the form from there.")
    name = f"form:{request.url.path}:{once}" if once else None
    return Guard(ports_of(request), principal.organisation, name, form.fingerprint())


def seen(form: Form) -> VersionCheck:
    """For a form that shows what it changes: raises `PreconditionFailed` unless the version that the page
    showed, in its hidden field, is the present one."""

    def check(version: int) -> None:
        if form.text(VERSION) != str(version):
            raise PreconditionFailed(
                "It has been changed since this page was loaded, so nothing was overwritten. Load the page "
                "again, and make your change there."
            )

    return check


def new_once() -> str:
    return new_id("frm")


def onward(address: str) -> Response:
    """The page to look at after a change; loading it again changes nothing."""
    return RedirectResponse(address, 303)


def going_on(
    write: Callable[[AsyncSession], Awaitable[object]], address: str
) -> Callable[[AsyncSession], Awaitable[Response]]:
    """What a guard runs: write, then the page to look at."""
    return going_on_to(write, lambda _: address)


def going_on_to(
    write: Callable[[AsyncSession], Awaitable[Written]], address: Callable[[Written], str]
) -> Callable[[AsyncSession], Awaitable[Response]]:
    """The same where what was written decides the page."""

    async def effect(tx: AsyncSession) -> Response:
        return onward(address(await write(tx)))

    return effect


def build(model: type[Model], values: Mapping[str, object]) -> Model:
    """The model of these values. Raises `InvalidInput` with a sentence for each wrong field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid_input(error.errors(), dict(values)) from None


def said(problem: InvalidInput) -> str:
    """All that is wrong, where a form says it in one place."""
    return " ".join(complaints(problem).values())


def complaints(problem: InvalidInput, fields: Sequence[str] = ()) -> dict[str, str]:
    """What is wrong, by the name of the form's field (the JSON pointer without its first slash).

    What concerns none of `fields` comes under the empty name.
    """
    found: dict[str, list[str]] = {}
    for one in problem.errors:
        name = (one.pointer or "").lstrip("/") or one.parameter or ""
        known = next((field for field in fields if name == field or name.startswith(field + "/")), "")
        found.setdefault(name if not fields or name in fields else known, []).append(one.detail)
    if not problem.errors:
        found[""] = [problem.detail]
    return {name: " ".join(details) for name, details in found.items()}
