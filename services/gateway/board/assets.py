"""The board's style and scripts: read once, compressed once, at addresses that change with their content."""

from dataclasses import dataclass
from gzip import compress
from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.kernel.problems import NotFound

PACKAGE = "services.gateway.board.static"
MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
DIGEST_SHOWN = 12
"""Hex digits of a file's digest in its address: 48 bits never meet by chance among a dozen files."""
FOR_EVER = "public, max-age=31536000, immutable"
"""A year, the most that caches honour: another content has another address."""


@dataclass(frozen=True, slots=True)
class Asset:
    address: str
    media: str
    content: bytes
    compressed: bytes


def _read() -> dict[str, Asset]:
    found = {}
    for file in files(PACKAGE).iterdir():
        ending = file.name[file.name.rfind(".") :]
        if ending in MEDIA:
            content = file.read_bytes()
            address = f"/static/{sha256(content).hexdigest()[:DIGEST_SHOWN]}/{file.name}"
            found[file.name] = Asset(address, MEDIA[ending], content, compress(content, 9, mtime=0))
    return found


ASSETS = _read()


def address(name: str) -> str:
    """Where a file of `static/` is served; KeyError if there is none."""
    return ASSETS[name].address


def takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def router() -> APIRouter:
    """GET /static/…"""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/{digest}/{name}")
    async def static(request: Request, digest: str, name: str) -> Response:
        asset = ASSETS.get(name)
        if asset is None or asset.address != f"/static/{digest}/{name}":
            raise NotFound("There is no such file; load the page again.")
        headers = {"cache-control": FOR_EVER, "vary": "Accept-Encoding"}
        if takes_gzip(request):
            headers["content-encoding"] = "gzip"
            return Response(asset.compressed, headers=headers, media_type=asset.media)
        return Response(asset.content, headers=headers, media_type=asset.media)

    return routes
