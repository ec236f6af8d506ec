"""Templates into answers."""

from __future__ import annotations

from gzip import compress
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from services.gateway.board import wording
from services.gateway.board.assets import address, takes_gzip
from services.gateway.board.views import teams
from services.gateway.board.visit import Visit
from services.kernel.clock import Clock
from services.kernel.once import once

COMPRESSED_FROM = 1_400
"""Bytes; what fits into one packet gains nothing."""
EFFORT = 5
"""Of gzip: a millisecond for a page, and within a few per cent of the best."""
HTML = "text/html; charset=utf-8"


@once
def environment() -> Environment:
    """Of all pages: what is particular to a visit is handed to each template."""
    made = Environment(
        loader=PackageLoader("services.gateway.board", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(wording.FILTERS)
    made.filters.update({"team_lines": teams.lines, "member_name": teams.name})
    made.globals["asset"] = address
    made.globals["dismissal_reasons"] = wording.REASONS
    return made


class Renderer:
    """Renders templates for whoever visits. Everything put into them is escaped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._environment = environment()

    def text(self, template: str, visit: Visit, **shown: Any) -> str:
        now = self._clock.now()

        def left(deadline: Any) -> str:
            return wording.left(deadline, now)

        return self._environment.get_template(template).render(visit=visit, now=now, left=left, **shown)

    def page(
        self, template: str, visit: Visit, *, status: int = 200, secret: bool = False, **shown: Any
    ) -> Response:
        """A page or a part of one. `secret`: it shows something that is shown once; it is kept nowhere, and
        not compressed, because a compressed length can give away a secret beside a text of others."""
        body = self.text(template, visit, **shown).encode()
        headers = {
            "cache-control": "no-store" if secret else "private, no-cache",
            "vary": "Accept, Accept-Encoding, Authorization, Cookie, HX-Request",
        }
        if not secret and len(body) >= COMPRESSED_FROM and takes_gzip(visit.request):
            body = compress(body, EFFORT, mtime=0)
            headers["content-encoding"] = "gzip"
        return Response(body, status, headers, media_type=HTML)
