"""Documents that are read again and again: who holds the present one is told so, and nothing is sent (RFC
9110, section 13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256

from fastapi import Request
from starlette.responses import Response

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def document(
    request: Request, body: bytes, *, media: str, modified: datetime | None, headers: Mapping[str, str]
) -> Response:
    """The document, or 304. Its tag is a digest of its bytes. `modified`: when it was changed last, for those
    who do not send the tag; None: never. To HEAD the headers alone are answered."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    found = {**headers, "etag": tag}
    if modified is not None:
        found["last-modified"] = format_datetime(modified.astimezone(UTC), usegmt=True)
    if _holds(request, tag, modified):
        return Response(status_code=304, headers=found)
    found["content-length"] = str(len(body))
    return Response(b"" if request.method == "HEAD" else body, headers=found, media_type=media)


def _holds(request: Request, tag: str, modified: datetime | None) -> bool:
    """By the tag where one is sent, whatever proxies have made of it; else by the time, to the second."""
    held = request.headers.get("if-none-match")
    if held is not None:
        return held.strip() == "*" or tag.strip('"') in (one.partition("-")[0] for one in _TAG.findall(held))
    since = request.headers.get("if-modified-since")
    if since is None or modified is None:
        return False
    try:
        at = parsedate_to_datetime(since)
    except ValueError:
        return False
    return modified.replace(microsecond=0) <= (at if at.tzinfo else at.replace(tzinfo=UTC))
