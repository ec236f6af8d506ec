"""Addresses that go with an answer."""

from __future__ import annotations

from schemas.base import Contract


class Links(Contract):
    """Absolute paths on this server. A link that does not apply is absent."""

    self: str
    page: str | None = None
    matches: str | None = None
    stream: str | None = None
    versions: str | None = None
    scores: str | None = None
