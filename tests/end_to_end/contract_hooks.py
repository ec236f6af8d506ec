"""What Schemathesis cannot know of our contract: the code lists, a workbook, and who is in the market.

Loaded by Schemathesis itself (SCHEMATHESIS_HOOKS), in its own process.
"""

from __future__ import annotations

import datetime
import io
import os
import re
import uuid
from typing import Any

import schemathesis
from hypothesis import strategies as st
from openpyxl import Workbook
from schemathesis.generation import GenerationMode

from schemas import codes

JSON_LINES = "application/x-ndjson"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NAMES = ("Cryosense", "Optiek", "Vakuumtechnik")
BUYER, RECEIVER = "cern", "https://receiver.example/hook"
OWNED = ("POST /v1/companies", "POST /v1/companies/import")
OWN_KEY, SPARE_KEY = os.environ["CONTRACT_OWN_KEY"], os.environ["CONTRACT_SPARE_KEY"]
"""Ids of the key that all requests are made with, and of one that may be rotated and revoked."""

REGIONS = [code for code in codes.nuts_labels() if len(code) > codes.COUNTRY_LETTERS]
FORMATS = {
    codes.CPV_FORMAT: list(codes.cpv_labels()),
    codes.NUTS_FORMAT: REGIONS,
    codes.NUTS_3_FORMAT: [code for code in REGIONS if len(code) == codes.COUNTRY_LETTERS + 3],
    codes.COUNTRY_FORMAT: list(codes.country_names()),
    codes.LANGUAGE_FORMAT: list(codes.language_names()),
}
for name, known in FORMATS.items():
    schemathesis.openapi.format(name, st.sampled_from(known))


IF_MATCH = re.compile(r'\*|(?:W/)?"[^"]*"')


def _workbook(names: list[str]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["name", "country", "capabilities"])
    for name in names:
        sheet.append([name, "FR", "pressure sensors at 4 K"])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


schemathesis.serializer.alias(JSON_LINES, "text/plain")
schemathesis.openapi.media_type(XLSX, st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(_workbook))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Lets valid cases reach what lies behind the checks of references: a key for each request, a buyer
    that is there, a deadline to come. What was made invalid stays as it is. Schemathesis learns the ids of
    what is there: it would end its own key, and find nothing but 401 from then on."""
    if case.path_parameters.get("key") == OWN_KEY:
        case.path_parameters["key"] = SPARE_KEY
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    headers = case.headers or {}
    if "idempotency-key" in headers:
        headers["idempotency-key"] = str(uuid.uuid4())
    if not IF_MATCH.match(headers.get("if-match", "*")):
        headers["if-match"] = "*"  # what its generator gives is not of the pattern that the contract states
    name = case.operation.label
    if name in OWNED and case.query and "owner" in case.query:
        case.query["owner"] = "north"
    if isinstance(case.body, dict):
        _acceptable(case.body)


def _acceptable(body: dict[str, Any]) -> None:
    ahead = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=300)
    fixed: dict[str, Any] = {
        "buyer": BUYER,
        "deadline": ahead.date().isoformat(),
        "expires_at": ahead.isoformat(),
        "url": RECEIVER,
        "channel": "sse",
        "endpoint": None,
        "follow": {"kind": "country", "country": "FR"},
        "appointed_to": [],
        "eligible_countries": [],
        "last_confirmed": None,
    }
    body.update({name: value for name, value in fixed.items() if name in body})
    parts = [*(body.get("capabilities") or ()), *(body.get("references") or ())]
    for number, part in enumerate([*parts, *(body.get("requirements") or ())]):
        part["id"] = str(number)
        part.pop("source", None)
