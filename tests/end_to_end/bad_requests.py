"""Requests that must be refused, with the status and what the answer must say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CHALLENGE: dict[str, Any] = {
    "title": "Radiation-hard pressure sensor",
    "need": "We need to measure pressure between 0.1 and 20 bar at 4 K.",
    "buyer": "cern",
    "deadline": "2027-06-01",
}
COMPANY: dict[str, Any] = {
    "name": "Cryosense",
    "country": "FR",
    "capabilities": [{"id": "c1", "text": "pressure sensors at 4 K"}],
}
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Bad:
    """`says`: what the answer must contain. `who`: whose key; `sent`: the body as bytes or in chunks."""

    name: str
    status: int
    says: str
    sent: bytes | list[bytes] = b""
    method: str = "POST"
    path: str = "/v1/challenges"
    who: str = "cern"
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def _challenge(name: str, status: int, says: str, **changes: Any) -> Bad:
    return Bad(name, status, says, json.dumps({**CHALLENGE, **changes}).encode())


def _company(name: str, status: int, says: str, **changes: Any) -> Bad:
    content = json.dumps({**COMPANY, **changes}).encode()
    return Bad(name, status, says, content, path="/v1/companies", who="cryosense")


def _get(name: str, status: int, says: str, path: str, **headers: str) -> Bad:
    return Bad(name, status, says, method="GET", path=path, headers=headers)


def _raw(name: str, status: int, says: str, sent: bytes | list[bytes], **more: Any) -> Bad:
    return Bad(name, status, says, sent, **more)


def _with(member: bytes) -> bytes:
    """The good challenge with one more member, written as these bytes."""
    return json.dumps(CHALLENGE)[:-1].encode() + b", " + member + b"}"


def fields() -> Iterator[Bad]:
    """Unknown, missing, of the wrong kind, twice."""
    yield _challenge("unknown field", 422, "/budjet", budjet=1)
    misspelt = {name: value for name, value in CHALLENGE.items() if name != "deadline"}
    misspelt["deadlin"] = "2027-06-01"
    yield _raw("misspelt field", 422, "Is 'deadlin' meant for it?", json.dumps(misspelt).encode())
    yield _raw("no fields", 422, "This is required.", b"{}")
    yield _challenge("a text for a number", 422, "/trl_start", trl_start="5")
    yield _challenge("a number for a text", 422, "must be a text", title=5)
    yield _challenge("a text for a flag", 422, "true or false", requirements=[_requirement(mandatory="yes")])
    yield _challenge("an object for a list", 422, "/requirements", requirements={})
    yield _challenge(
        "one id twice", 422, "'r1' is used more than once", requirements=[_requirement(), _requirement()]
    )
    twice = [{"id": "c1", "text": "a"}, {"id": "c1", "text": "b"}]
    yield _company("one capability twice", 422, "'c1' is used more than once", capabilities=twice)
    many = [_requirement(id=f"r{number}") for number in range(51)]
    yield _challenge("too many requirements", 422, "at most 50 entries, not 51", requirements=many)
    yield _challenge("5,000 unknown fields", 422, "first 50", **{f"x{number}": 1 for number in range(5_000)})
    yield _challenge("unknown buyer", 422, "no buyer that is known here", buyer="cerm")
    yield _challenge("two fields at odds", 422, "trl_target is below", trl_start=6, trl_target=3)


def codes() -> Iterator[Bad]:
    """CPV, NUTS, countries, languages: the nearest right one is proposed."""
    yield _challenge("short CPV", 422, "Did you mean 38423000", cpv=["3842300"])
    yield _challenge("CPV in words", 422, "Did you mean 38423100", cpv=["pressure gauges"])
    yield _company("unknown region", 422, "Did you mean FRK2 (Rhône-Alpes)?", nuts="FRK2X")
    yield _company("region in the UK", 422, "none since 2021", nuts="UKI31")
    yield _company("a country for a region", 422, "whole country", nuts="FR")
    yield _company("three letters", 422, "Did you mean FR (France)?", country="FRA")
    yield _company("small letters", 422, "Did you mean FR (France)?", country="fr")
    yield _company("slip of the keyboard", 422, "Did you mean CH (Switzerland)?", country="Swizerland")
    yield _challenge("language in full", 422, "Did you mean en (English)?", language="english")
    yield _challenge("language with a region", 422, "Did you mean de (German)?", language="de-AT")
    yield _get("country asked for", 422, "Did you mean FR (France)?", "/v1/companies?country=France")


def days() -> Iterator[Bad]:
    yield _challenge("past", 422, "has passed", deadline="2020-01-01")
    yield _challenge("far ahead", 422, "more than ten years ahead", deadline="2099-01-01")
    yield _challenge("no such day", 422, "no such day", deadline="2027-02-30")
    yield _challenge("no date", 422, "YYYY-MM-DD", deadline="next week")
    yield _challenge("a number", 422, "YYYY-MM-DD", deadline=1_893_456_000)
    yield _company("confirmed tomorrow", 422, "yet to come", last_confirmed="2099-01-01")
    yield _get("asked for", 422, "YYYY-MM-DD", "/v1/challenges?due_until=0")
    expired = json.dumps({"label": "old", "expires_at": "2020-01-01T00:00:00Z"}).encode()
    yield _raw("a key for yesterday", 422, "expires_at", expired, path="/v1/keys")


def texts() -> Iterator[Bad]:
    yield _challenge("empty", 422, "at least one visible character", title="")
    yield _challenge("blank", 422, "at least one visible character", title=" \u00a0\u200b ")
    yield _challenge("enormous", 422, "20001 characters; at most 20000", need="x" * 20_001)
    yield _challenge("NUL", 422, "a control character (U+0000)", title="a\x00b")
    yield _challenge("escape", 422, "a control character (U+001B)", need="a\x1b[31mb")
    yield _challenge("writing direction", 422, "overrides the writing direction", title="a\u202eb")
    yield _challenge("line break in a title", 422, "put it on one line", title="a\nb")
    yield _challenge("half a character", 422, "half of a surrogate pair", title="a\ud800b")
    yield _raw("broken UTF-8", 400, "UTF-8", json.dumps(CHALLENGE).encode().replace(b"hard", b"h\xffrd"))
    latin = json.dumps({**CHALLENGE, "title": "Käse"}, ensure_ascii=False).encode("latin-1")
    yield _raw("Latin-1", 400, "UTF-8", latin)
    yield _get("NUL in the address", 400, "NUL", "/v1/challenges?text=%00")


def bodies() -> Iterator[Bad]:
    yield _raw("none", 422, "This is required.", b"")
    yield _raw("null", 422, "must be a JSON object", b"null")
    yield _raw("a list", 422, "must be a JSON object", b"[]")
    yield _raw("cut off", 400, "not valid JSON", json.dumps(CHALLENGE)[:-4].encode())
    yield _raw("two of them", 400, "Extra data", json.dumps(CHALLENGE).encode() * 2)
    yield _raw("nested lists", 400, "nesting", b'{"title":' + b"[" * 100_000)
    yield _raw("nested objects", 400, "nesting", b'{"title":' + b'{"a":' * 100_000)
    yield _raw("a number of 5,000 digits", 400, "thousands", _with(b'"trl_start": ' + b"9" * 5_000))
    yield _raw("an amount beyond 64 bits", 422, "less than or equal", _with(_budget(10**30)))
    yield _raw("infinite", 422, "finite number", _with(_weight(b"1e400")))
    yield _raw("not a number", 422, "finite number", _with(_weight(b"NaN")))
    yield _raw("XML", 415, "application/json", b"<challenge/>", kind="application/xml")
    yield _raw("plain text", 415, "application/json", json.dumps(CHALLENGE).encode(), kind="text/plain")
    yield _raw("too large", 413, "2 MB", b'{"title":"' + b"x" * 2_000_001 + b'"}')
    yield _raw("too large, in chunks", 413, "2 MB", [b'{"title":"', *[b"x" * 100_000] * 40, b'"}'])


def addresses() -> Iterator[Bad]:
    """Parameters, headers, methods."""
    yield _get("unknown parameter", 422, "Did you mean 'country'?", "/v1/challenges?contry=FR")
    yield _get("no id", 422, "chl_", "/v1/challenges/1")
    yield _get("unknown id", 404, "no challenge", "/v1/challenges/chl_01J00000000000000000000000")
    yield _get("a foreign cursor", 404, "cursor", "/v1/challenges?cursor=abc")
    yield _get("a huge limit", 422, "200", "/v1/challenges?limit=99999999999999999999")
    yield _get("a huge position", 422, "after", "/v1/journal?after=99999999999999999999")
    yield _get("nothing to search for", 422, "required", "/v1/search")
    yield _get("a question of a page", 422, "at most 300", "/v1/search?q=" + "x" * 301)
    yield _get("a kind that is none", 422, "challenge", "/v1/search?q=pump&kind=firm")
    yield _get("a foreign cursor of a search", 404, "cursor", "/v1/search?q=pump&cursor=abc")
    yield _get("nowhere", 404, "/docs", "/v1/nowhere")
    resume = {"last-event-id": "yesterday"}
    yield Bad("no position", 422, "last-event-id", method="GET", path="/v1/stream", headers=resume)
    yield Bad("no such method", 405, "Allow", method="DELETE", path="/v1/challenges")
    content = json.dumps(CHALLENGE).encode()
    long = {"Idempotency-Key": "x" * 256}
    yield Bad("a long Idempotency-Key", 422, "255", content, headers=long)
    one = "/v1/challenges/chl_01J00000000000000000000000"
    yield Bad("no If-Match", 428, "If-Match", b'{"title": "x"}', method="PATCH", path=one)
    bare = {"If-Match": "3"}
    yield Bad("a bare If-Match", 422, "if-match", b'{"title": "x"}', method="PATCH", path=one, headers=bare)
    hidden = b'{"url": "https://10.0.0.1/hook"}'
    yield _raw("a private address", 422, "/url", hidden, path="/v1/endpoints")


def _requirement(**changes: Any) -> dict[str, Any]:
    return {"id": "r1", "text": "measure pressure at 4 K", **changes}


def _budget(least: int) -> bytes:
    return b'"phases": ' + json.dumps([{"stage": "design", "budget": {"minimum": least}}]).encode()


def _weight(written: bytes) -> bytes:
    return b'"requirements": [{"id": "r1", "text": "t", "weight": ' + written + b"}]"


GROUPS = (fields, codes, days, texts, bodies, addresses)
EVERY = [(f"{group.__name__}: {one.name}", one) for group in GROUPS for one in group()]
