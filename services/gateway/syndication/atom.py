"""Atom (RFC 4287). Pure: the same feed gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from ulid import ULID

MEDIA = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"
CPV = "http://data.europa.eu/cpv/cpv"
"""The authority list of CPV codes, as the Publications Office names it."""
NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)
"""When a feed without entries was updated last: RFC 4287 wants an instant, and there was none."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write (section 2.2)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`text` is plain; `language`: of title and text, where it is not the feed's; `codes`: CPV codes with
    their labels."""

    id: str
    title: str
    text: str
    link: str
    updated: datetime
    published: datetime | None = None
    author: str | None = None
    language: str | None = None
    codes: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """`page`: for people; `own`: its own address, None where that is a secret."""

    id: str
    title: str
    subtitle: str
    page: str
    own: str | None
    entries: Sequence[Entry]
    language: str = "en"


def urn(identifier: str) -> str:
    """What an identifier of ours is called everywhere, whatever the address of the server: its ULID is a
    UUID."""
    return f"urn:uuid:{ULID.from_str(identifier.rpartition('_')[2]).to_uuid()}"


def rendered(feed: Feed) -> bytes:
    root = Element("feed", {"xmlns": NAMESPACE, "xml:lang": feed.language})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    _add(root, "subtitle", feed.subtitle)
    updated = max((entry.updated for entry in feed.entries), default=NOTHING_YET)
    _add(root, "updated", _moment(updated))
    _add(SubElement(root, "author"), "name", "Liaison")
    SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": feed.page})
    if feed.own is not None:
        SubElement(root, "link", {"rel": "self", "type": MEDIA, "href": feed.own})
    for entry in feed.entries:
        _entry(root, entry)
    written: bytes = tostring(root, "utf-8", xml_declaration=True)
    return written


def _entry(root: Element, entry: Entry) -> None:
    spoken = {"xml:lang": entry.language} if entry.language else {}
    found = SubElement(root, "entry", spoken)
    _add(found, "id", entry.id)
    _add(found, "title", entry.title)
    _add(found, "updated", _moment(entry.updated))
    if entry.published is not None:
        _add(found, "published", _moment(entry.published))
    if entry.author is not None:
        _add(SubElement(found, "author"), "name", entry.author)
    SubElement(found, "link", {"rel": "alternate", "type": "text/html", "href": entry.link})
    for code, label in entry.codes:
        SubElement(found, "category", {"scheme": CPV, "term": code, "label": label})
    _add(found, "summary", entry.text)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _NOT_XML.sub("\ufffd", text)


def _moment(at: datetime) -> str:
    """RFC 3339, to the second: more is news to nobody."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
