"""Feeds and calendars read back: by the rules of their RFCs, and by programs of others."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import feedparser
import httpx
from icalendar import Calendar

ATOM = "{http://www.w3.org/2005/Atom}"


def feed(answer: httpx.Response) -> Any:
    """A feed as feedparser has it, once it is what RFC 4287 asks for."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/atom+xml"
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{ATOM}feed"
    for place in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            found = place.findall(f"{ATOM}{name}")
            assert len(found) == 1, name
            assert found[0].text, name
        assert len(place.findall(f"{ATOM}link[@rel='alternate']")) == 1
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    ids = [one.text or "" for one in root.findall(f"{ATOM}entry/{ATOM}id")]
    assert len(set(ids)) == len(ids)
    assert all(one.startswith("urn:uuid:") for one in ids)
    parsed = feedparser.parse(answer.content)
    assert not parsed.bozo, parsed.get("bozo_exception")
    assert len(parsed.entries) == len(ids)
    return parsed


def events(answer: httpx.Response) -> list[Any]:
    """The events of a calendar, once it is what RFC 5545 asks for."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    lines = answer.content.split(b"\r\n")
    assert b"\n" not in b"".join(lines), "lines end with CR LF"
    assert max(map(len, lines)) <= 75, "lines are folded"
    calendar = Calendar.from_ical(answer.content)
    assert isinstance(calendar, Calendar)
    assert calendar["version"] == "2.0"
    assert calendar["prodid"]
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT4H\r\n" in answer.content, "as RFC 7986 has it"
    found: list[Any] = calendar.walk("VEVENT")
    assert not any(one.errors for one in found)
    for one in found:
        assert one["uid"]
        assert one["dtstamp"].dt.tzinfo is not None
    assert len({str(one["uid"]) for one in found}) == len(found)
    return found
