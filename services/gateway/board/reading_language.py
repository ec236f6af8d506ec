"""The language in which a visitor would rather read: what the address asks for, else what the browser
says."""

from __future__ import annotations

from fastapi import Request

from schemas.codes import CPV_LANGUAGES

DEFAULT = "en"
ASKED_MAX = 20
"""Languages of a browser's list that are looked at; people name three."""


def reading_language(request: Request, asked: str = "") -> str:
    """ISO 639-1, one of those that codes have labels in: the board itself is in English. `asked`: by the
    address; empty or unknown: not at all."""
    wanted = [asked, *_accepted(request)]
    return next((one for one in wanted if one in CPV_LANGUAGES), DEFAULT)


def _accepted(request: Request) -> list[str]:
    """RFC 9110, 12.5.4: the best first."""
    found: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "").split(",")[:ASKED_MAX]:
        name, _, weight = part.partition(";q=")
        try:
            found.append((float(weight or 1.0), name.strip().split("-")[0].lower()))
        except ValueError:
            continue
    return [name for weight, name in sorted(found, key=lambda one: -one[0]) if weight > 0.0]
