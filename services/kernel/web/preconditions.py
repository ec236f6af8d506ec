"""ETag, If-Match and If-None-Match over an entity's version: nobody overwrites what they have not seen."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.responses import Response

from services.kernel.problems import MalformedRequest, PreconditionFailed, PreconditionRequired

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_LIST = re.compile(r'(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*')
_SHAPE = rf"^(?:\*|{_LIST.pattern})$"
_VERSION = re.compile("[1-9][0-9]{0,17}", re.ASCII)


_SAY_WHICH = (
    "Send If-Match with the ETag of the version you read, so that nobody's change is overwritten unseen; "
    "If-Match: * if you do not care."
)


def etag(version: int) -> str:
    """The entity tag of a version: `"3"`."""
    return f'"{version}"'


@dataclass(frozen=True, slots=True)
class Precondition:
    """Versions that the client accepts to change; None accepts whichever there is. `is_missing`: it has not
    said, where it has to as soon as there is something."""

    versions: frozenset[int] | None = None
    is_missing: bool = False

    def check(self, version: int) -> None:
        """Raises `PreconditionFailed` (412) unless the present version is one the client has seen, 0 where
        there is none yet; `PreconditionRequired` (428) if it has not said which. Call it in the transaction
        that writes."""
        if self.is_missing and version:
            raise PreconditionRequired(_SAY_WHICH)
        if self.versions is not None and version not in self.versions:
            if not version:
                raise PreconditionFailed(
                    "It is not there any more, or not yet. Leave If-Match out to make it."
                )
            raise PreconditionFailed(
                f"It is at version {version} now, which is not the one named in If-Match. Read it again, "
                f'apply your change to that, and send If-Match: "{version}".'
            )


ANY_VERSION = Precondition()


def parse_if_match(header: str) -> Precondition:
    """Accepts `"3"`, `W/"3"`, lists of them, and `*`. A weak tag counts: proxies that compress weaken tags,
    and our tags name versions, not bytes. A tag that is no version of ours matches nothing."""
    if header.strip() == "*":
        return ANY_VERSION
    if not _LIST.fullmatch(header.strip()):
        raise MalformedRequest('If-Match must be an entity tag as we sent it, e.g. "3", or *.')
    tags = _TAG.findall(header)
    return Precondition(frozenset(int(tag) for tag in tags if _VERSION.fullmatch(tag)))


_Header = Annotated[
    str | None,
    Header(
        pattern=_SHAPE,
        description='The ETag of the version you read, e.g. `"3"`; `*` for whichever there is.',
        examples=['"3"', "*"],
    ),
]


async def _required(if_match: _Header = None) -> Precondition:
    if if_match is None:
        raise PreconditionRequired(_SAY_WHICH)
    return parse_if_match(if_match)


async def _required_of_what_is_there(if_match: _Header = None) -> Precondition:
    return Precondition(is_missing=True) if if_match is None else parse_if_match(if_match)


async def _optional(if_match: _Header = None) -> Precondition:
    return ANY_VERSION if if_match is None else parse_if_match(if_match)


IfMatch = Annotated[Precondition, Depends(_required)]
"""Asks for If-Match; without it the answer is 428."""
IfMatchUnlessNew = Annotated[Precondition, Depends(_required_of_what_is_there)]
"""Of a PUT that makes what is not there yet: asks for If-Match only where something is changed."""
MaybeIfMatch = Annotated[Precondition, Depends(_optional)]
"""Honours If-Match where it is sent."""


def unchanged(request: Request, version: int) -> Response | None:
    """304 if the client holds this version already (If-None-Match), else None."""
    header = request.headers.get("if-none-match")
    if header is None:
        return None
    held = header.strip() == "*" or str(version) in _TAG.findall(header)
    return Response(status_code=304, headers={"etag": etag(version)}) if held else None
