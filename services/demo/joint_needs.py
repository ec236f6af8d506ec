"""Two needs of two public buyers in two languages, from their notices: one is planned, one is announced
live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.demo.needs import CPV_MAX, Entity
from services.demo.prose import readable

NOTICES = {
    "053638-2018": ("madrid", "planned"),
    "620325-2021": ("goethe-institut", "live"),
}
"""Notices of the Tenders Electronic Daily, with a handle for the buyer, and what becomes of the need."""


def build(notices: Iterable[Mapping[str, Any]]) -> list[Entity]:
    """KeyError names a notice that the source lacks."""
    found = {notice["id"]: notice for notice in notices if notice["id"] in NOTICES}
    return [_joint(found[number]) for number in NOTICES]


def _joint(notice: Mapping[str, Any]) -> Entity:
    handle, becomes = NOTICES[notice["id"]]
    return {
        "becomes": becomes,
        "source": f"https://ted.europa.eu/en/notice/-/detail/{notice['id']}",
        "buyer": {
            "handle": handle,
            "name": readable(notice["buyer"]),
            "kind": "bso",
            "country": notice["country"],
        },
        "need": {
            "reference": notice["id"],
            "title": readable(notice["title"]).rstrip("."),
            "need": readable(notice["need"]),
            "language": notice["language"],
            "cpv": notice["cpv"][:CPV_MAX],
        },
    }
