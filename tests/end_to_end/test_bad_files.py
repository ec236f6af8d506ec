"""Half-broken files of companies: the good rows come in, the bad ones are told, nothing comes twice."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openpyxl import Workbook

from tests.end_to_end.process import Liaison
from tests.end_to_end.town import client, is_problem, register, stored

pytestmark = pytest.mark.slow

UPLOAD_LIMIT = 300_000
SETTINGS = {"LIAISON_UPLOAD_LIMIT_BYTES": str(UPLOAD_LIMIT)}

ROWS: list[tuple[str, str, str, str]] = [
    ("name", "country", "capabilities", "nuts"),
    ("Cryosense", "FR", "pressure sensors at 4 K|calibration", "FRK24"),
    ("Nowhere GmbH", "XX", "sensors", ""),
    ("Optiek Delft", "Netherlands", "adaptive optics", ""),
    ("", "DE", "a company without a name", ""),
    ("Vakuum Nord", "DE", "vacuum chambers", "DE99X"),
    ("Cryosense", "FR", "strain gauges", "FRK24"),
    ("Backstube", "DE", "bread", ""),
]
BAD = {3: "'XX'", 5: "name", 6: "'DE99X'"}
"""By the line that an editor shows, a part of the reason."""
FORM = b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nno file\r\n--x--\r\n'
GOOD = {"Cryosense", "Optiek Delft", "Backstube"}


def csv(rows: list[tuple[str, ...]], *, delimiter: str = ";", encoding: str = "utf-8") -> bytes:
    return "\r\n".join(delimiter.join(row) for row in rows).encode(encoding)


def xlsx(rows: list[tuple[str, ...]]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


@pytest.fixture(scope="module")
def admin(served: Liaison) -> Iterator[httpx.Client]:
    with client(served) as found:
        yield found


def cluster(served: Liaison, admin: httpx.Client, handle: str) -> httpx.Client:
    """A cluster of the test's own, so that what another test brought in is not its."""
    return client(served, register(admin, handle, "cluster"))


def send(who: httpx.Client, data: bytes, kind: str = "text/csv") -> dict[str, Any]:
    answer = who.post("/v1/companies/import", content=data, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def names(who: httpx.Client) -> list[str]:
    return sorted(one["name"] for one in who.get("/v1/companies?limit=200").json()["items"])


@pytest.mark.parametrize(
    ("handle", "data"),
    [
        ("comma", csv(list(ROWS), delimiter=",")),
        ("windows", csv(list(ROWS), encoding="cp1252")),
        ("wide", csv(list(ROWS), delimiter="\t", encoding="utf-16")),
        ("excel", xlsx(list(ROWS))),
    ],
)
def test_good_rows_come_in_and_bad_ones_are_told(
    served: Liaison, admin: httpx.Client, handle: str, data: bytes
) -> None:
    with cluster(served, admin, handle) as who:
        report = send(who, data)
        assert (report["rows"], report["created"], report["combined"]) == (7, 3, 1)
        assert {one["line"] for one in report["problems"]} == set(BAD)
        for one in report["problems"]:
            assert BAD[one["line"]] in one["reason"], one
        assert names(who) == sorted(GOOD)

        before = stored(served)
        again = send(who, data)
        assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 3)
        assert stored(served) == before, "the same file again changes nothing"

        mended = [(*row[:3], "") for row in ROWS if row[0] and row[1] != "XX"]
        report = send(who, csv([*mended, ("Optiek Delft", "NL", "laser guide stars", "")]))
        assert report["problem_count"] == 0
        assert (report["created"], report["updated"]) == (1, 1), "Vakuum Nord is new, Optiek has one more"
        assert names(who) == sorted({*GOOD, "Vakuum Nord"})


def test_broken_bytes_and_lines_cost_their_rows_alone(served: Liaison, admin: httpx.Client) -> None:
    data = b"name;country;capabilities\nA\xff\xfe\xfa;FR;optics\nB;FR;\x00\nC;FR;lasers\nD;FR;a;b;c;d;e\n"
    with cluster(served, admin, "bytes") as who:
        report = send(who, data)
        assert "C" in names(who)
        assert report["created"] + report["problem_count"] >= report["rows"]
        assert all(one["line"] and one["reason"] for one in report["problems"])


def test_json_lines_are_told_by_line_too(served: Liaison, admin: httpx.Client) -> None:
    data = b'{"name": "A", "country": "FR"}\n{"name": "B", \n\n[]\n{"name": "C", "country": "FRA"}\n'
    with cluster(served, admin, "lines") as who:
        report = send(who, data, "application/x-ndjson")
        assert names(who) == ["A"]
        assert [one["line"] for one in report["problems"]] == [2, 4, 5]
        assert "Did you mean FR" in report["problems"][2]["reason"]


@pytest.mark.parametrize(
    ("status", "says", "data", "kind"),
    [
        (422, "empty", b"", "text/csv"),
        (422, "headings", b"\x89PNG\r\n\x1a\n" + bytes(100), "text/csv"),
        (422, "save it as .xlsx", xlsx(list(ROWS))[:-200], "application/vnd.ms-excel"),
        (422, "save it as .xlsx", b"PK\x03\x04" + b"x" * 500, "text/csv"),
        (422, "name", b"colour;size\nred;3\n", "text/csv"),
        (422, "holds no file", FORM, "multipart/form-data; boundary=x"),
        (413, "0.3 MB", b"name\n" + b"x" * UPLOAD_LIMIT, "text/csv"),
    ],
    ids=["empty", "a picture", "a torn workbook", "no workbook", "another table", "no file", "too large"],
)
def test_what_is_no_file_of_companies_is_refused_as_a_whole(
    served: Liaison, admin: httpx.Client, status: int, says: str, data: bytes, kind: str
) -> None:
    before = stored(served)
    answer = admin.post("/v1/companies/import?owner=comma", content=data, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert says in is_problem(answer)["detail"]
    assert stored(served) == before


def test_a_form_without_its_boundary_is_refused(served: Liaison, admin: httpx.Client) -> None:
    answer = admin.post(
        "/v1/companies/import?owner=comma", content=b"x", headers={"Content-Type": "multipart/form-data"}
    )
    assert answer.status_code in (400, 422), answer.text
    is_problem(answer)
