"""CSV and JSON Lines as they are found in the wild."""

from __future__ import annotations

import csv
import io
import time
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.importing import Problem, Row, read
from services.intake.importing import reading as reading_module
from services.kernel.problems import InvalidInput, TooLarge
from tests.intake.importing.files import everything, problems_of, rows_of, texts

PLAIN = "name,country,capabilities\nAlpha,FR,lasers\nBeta,DE,pumps|valves\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_delimiter_encoding_and_line_end(delimiter: str, encoding: str, end: str) -> None:
    lines = [["Firma", "Land", "Kompetenzen"], ["Äpfel & Söhne", "Österreich", "Kühlung; Vakuum"]]
    text = end.join(delimiter.join(cells) for cells in lines) + end
    if delimiter == ";":
        text = text.replace("Kühlung; Vakuum", '"Kühlung; Vakuum"')
    [row] = rows_of(text.encode(encoding))
    assert (row.line, row.name, row.fields["country"]) == (2, "Äpfel & Söhne", "AT")
    assert texts(row) == ["Kühlung", "Vakuum"]


def test_excel_in_western_europe_writes_windows_1252() -> None:
    reading = read("Nom;Pays\nSociété générale d’optique;Suède\n".encode("cp1252"))
    assert reading.encoding == "windows-1252"
    [row] = list(reading.rows)
    assert isinstance(row, Row)
    assert row.fields == {"name": "Société générale d’optique", "country": "SE"}


def test_broken_bytes_cost_their_row_alone() -> None:
    data = b"name,country\nAlpha\xff\xfe,FR\nSoci\xc3\xa9t\xc3\xa9,FR\nB\xc3\x28,FR\n"
    assert [row.name for row in rows_of(data)] == ["Société"]
    assert [(one.line, "UTF-8" in one.reason) for one in problems_of(data)] == [(2, True), (4, True)]


@pytest.mark.parametrize("order", ["little", "big"])
def test_broken_units_of_utf_16_cost_their_row_alone(order: Literal["little", "big"]) -> None:
    codec = f"utf-16-{order[0]}e"
    half, mark = (number.to_bytes(2, order) for number in (0xD800, 0xFEFF))
    pieces = ("name,country\nAlpha", half, ",FR\nSociété \ufffd 😀,FR\nBeta", half, ",FR\nGamma,FR\nD")
    data = mark + b"".join(one if isinstance(one, bytes) else one.encode(codec) for one in pieces) + b"\0"
    assert [row.name for row in rows_of(data)] == ["Société \ufffd 😀", "Gamma"]
    assert [(one.line, "UTF-8" in one.reason) for one in problems_of(data)] == [
        (2, True),
        (4, True),
        (6, True),
    ]


def test_titles_above_the_header_and_blank_rows_do_no_harm() -> None:
    text = "Members 2026;;\n;;\n\nprinted on;21.11.2026;\nFirma;Land;\n;;\nAlpha;FR;\n \nBeta;DE;\n"
    assert [(row.line, row.name) for row in rows_of(text.encode())] == [(7, "Alpha"), (9, "Beta")]


def test_a_line_that_names_the_separator_is_obeyed() -> None:
    assert [row.name for row in rows_of(b"sep=;\nname;country\nA,B;FR\n")] == ["A,B"]


def test_cells_with_line_breaks_keep_line_numbers_right() -> None:
    text = 'name;country;capabilities\nAlpha;FR;"a\nb\r\nc"\nBeta;FR;d\n'
    assert [(row.line, texts(row)) for row in rows_of(text.encode())] == [(2, ["a", "b", "c"]), (5, ["d"])]


def test_an_unclosed_quote_costs_its_row_alone() -> None:
    text = 'name;country;capabilities\n"Alpha;FR;lasers\nBeta;FR;pumps\nGamma;FR;"valves\n'
    assert [row.name for row in rows_of(text.encode())] == ["Beta"]
    assert [one.line for one in problems_of(text.encode())] == [2, 4]


def test_text_after_a_quote_and_too_many_cells_are_told() -> None:
    text = 'name,country,capabilities\n"Alpha" AG,FR,x\nBeta,FR,one, two\nGamma,FR\n'
    first, second = problems_of(text.encode())
    assert (first.line, second.line) == (2, 3)
    assert "closing quotation mark" in first.reason
    assert "4 cells" in second.reason
    assert [row.name for row in rows_of(text.encode())] == ["Gamma"]


def test_a_quote_inside_a_text_is_no_quote() -> None:
    assert texts(rows_of(b'name;country;capabilities\nA;FR;pipes of 5" and 7"\n')[0]) == [
        'pipes of 5" and 7"'
    ]


def test_a_file_of_lonely_quotes_is_read_in_bounded_time() -> None:
    data = b"name;country\n" + b'"x\n' * 40_000
    start = time.process_time()
    assert len(problems_of(data)) == 40_000
    assert time.process_time() - start < 10


def test_capabilities_in_one_column_or_several() -> None:
    text = (
        "name,country,Capability 1,Capability 2,Products\n"
        'A,FR,"first; with a semicolon",second,"- pumps\n2. valves\n• seals|pumps"\n'
    )
    assert texts(rows_of(text.encode())[0]) == [
        "first; with a semicolon", "second", "pumps", "valves", "seals",
    ]  # fmt: skip


def test_cells_are_read_as_people_write_them() -> None:
    text = (
        "name;country;size;languages;language;cpv;website;trl;certifications;capabilities;VAT;NUTS3\n"
        "A;uk;KMU;English, fr;German;9000000 38423000-9;a.example;TRL 5-7;ISO 9001|ISO 14001;x;GB 1;n/a\n"
    )
    [row] = rows_of(text.encode())
    assert row.fields == {
        "name": "A",
        "country": "GB",
        "size_class": "kmu",
        "languages": ["en", "fr"],
        "cpv": ["09000000", "38423000-9"],
        "website": "https://a.example",
        "legal_id": "GB 1",
        "capabilities": [
            {"text": "x", "language": "de", "trl": 5, "certifications": ["ISO 9001", "ISO 14001"]}
        ],
    }
    assert row.headings["legal_id"] == "VAT"


def test_what_is_not_understood_is_named() -> None:
    reading = read(b"name;country;Contact;E-Mail\nA;FR;Marie;m@a.example\n")
    assert reading.ignored == ["Contact", "E-Mail"]
    [row] = list(reading.rows)
    assert isinstance(row, Row)
    assert "Marie" not in str(row)


def test_json_lines_in_the_profiles_own_words_or_in_headings() -> None:
    data = (
        b'{"name": "A", "country": "FR", "capabilities": [{"id": "c9", "text": "x", "trl": 4}, "y"], '
        b'"id": "7"}\n'
        b"\n"
        b'{"Firma": "B", "Land": "Schweiz", "Kompetenzen": "x|y", "TVA": 552081317}\r\n'
    )
    reading = read(data)
    first, second = list(reading.rows)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.fields["capabilities"] == [{"id": "c9", "text": "x", "trl": 4}, {"text": "y"}]
    assert second.fields == {
        "name": "B", "country": "CH", "legal_id": "552081317", "capabilities": [{"text": "x"}, {"text": "y"}],
    }  # fmt: skip
    assert (second.line, reading.ignored) == (3, ["id"])


@pytest.mark.parametrize(
    "line", [b"{bad", b"[1]", b'"x"', b"null", b'{"name": "\xff"}', b'{"name": "\\ud800"}']
)
def test_a_broken_json_line_costs_itself_alone(line: bytes) -> None:
    data = b'{"name": "A"}\n' + line + b'\n{"name": "B"}\n'
    assert [row.name for row in rows_of(data)] == ["A", "B"]
    assert [one.line for one in problems_of(data)] == [2]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b" \n\r\n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b'[{"name": "A"}]', "JSON array"),
        (b"a,b,c\n1,2,3\n", "No column"),
        (b"\x00\x01\x02" * 100, "No column"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "old (.xls)"),
        (b"PK\x03\x04 no zip", "no Excel file"),
        (b"%PDF-1.7 \xff\xd8", "No column"),
    ],
)
def test_what_is_no_table_is_refused_with_advice(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(data)
    assert said in caught.value.detail


def test_too_much_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "ROWS_MAX", 1)
    assert len(rows_of(PLAIN.encode())) == 1
    [problem] = problems_of(PLAIN.encode())
    assert (problem.line, "more than 1 rows" in problem.reason) == (3, True)
    monkeypatch.setattr(reading_module, "FILE_MAX", 10)
    with pytest.raises(TooLarge, match="Split"):
        read(PLAIN.encode())


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda text: text == text.strip() and any(letter.isalnum() for letter in text)
)


@given(st.lists(names, min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_what_a_csv_writer_writes_is_read_back(found: list[str], delimiter: str, quoted: bool) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerow(["name", "country"])
    writer.writerows([[name, "FR"] for name in found])
    rows = rows_of(out.getvalue().encode())
    assert [row.name for row in rows] == found


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for head in (b"", b"name;country\n", b'{"name": "A"}\n', b"PK\x03\x04", b"\xff\xfe"):
        try:
            found = everything(head + data)
        except InvalidInput:
            continue
        lines = (head + data).count(b"\n") + (head + data).count(b"\r") + 2
        assert all(isinstance(one, Row | Problem) and 0 < one.line <= lines * 2 for one in found)


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_no_text_breaks_a_row(text: str) -> None:
    everything(f"name;country;capabilities;cpv;trl\n{text}\nLast;FR;x;;\n".encode(errors="replace"))
