"""Rows of one company become one; rows of two never do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.intake.importing.files import collated, texts


def test_a_row_per_capability_is_one_company() -> None:
    found = collated(b"name;country;capabilities\nA;FR;x\nB;FR;z\nA;FR;y\na.;FR;x\n")
    assert [(row.line, row.name, texts(row)) for row in found.rows] == [
        (2, "A", ["x", "y", "x"]),
        (3, "B", ["z"]),
    ]
    assert (found.combined, found.read) == (2, 4)


def test_the_first_row_that_fills_a_field_counts() -> None:
    found = collated(b"name;country;website;VAT\nA;FR;;1\nA;FR;a.example;\nA;FR;b.example;1\n")
    [row] = found.rows
    assert (row.fields["website"], row.fields["legal_id"]) == ("https://a.example", "1")


def test_a_further_row_of_a_merged_name_has_the_country_of_the_first() -> None:
    [row] = collated("name;country;capabilities\nA;Suède;x\nA;;y\n".encode(), "FR").rows
    assert (row.fields["country"], texts(row)) == ("SE", ["x", "y"])


def test_a_row_without_a_country_has_the_files() -> None:
    rows = collated(b"name;country\nA;\nB;DE\n", "FR").rows
    assert [row.fields["country"] for row in rows] == ["FR", "DE"]
    assert "country" not in collated(b"name\nA\n").rows[0].fields


def test_the_legal_id_is_stronger_than_the_name() -> None:
    text = "name;country;VAT\nA;FR;1\nRenamed;FR;FR 1\nA;FR;2\nA;FR;\nA;DE;1\n"
    found = collated(text.encode())
    assert [(row.name, row.fields["legal_id"], row.fields["country"]) for row in found.rows] == [
        ("A", "1", "FR"),
        ("A", "2", "FR"),
        ("A", "1", "DE"),
    ]
    [problem] = found.problems
    assert (problem.line, "several companies of this name" in problem.reason) == (5, True)


def test_a_row_without_a_name_is_told() -> None:
    [problem] = collated(b"name;country\n;FR\n").problems
    assert (problem.line, problem.reason) == (2, "The row has no company name.")


companies = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["", "1", "2"]), st.sampled_from("xyz")), max_size=12
)


@given(companies)
def test_every_row_is_accounted_for(found: list[tuple[str, str, str]]) -> None:
    text = "name;VAT;capabilities\n" + "".join(f"{';'.join(row)}\n" for row in found)
    made = collated(text.encode(), "FR")
    assert made.read == len(found) == len(made.rows) + made.combined + len(made.problems)
    legal = [row.fields["legal_id"] for row in made.rows if "legal_id" in row.fields]
    assert len(set(legal)) == len(legal)
    nameless = [row.name for row in made.rows if "legal_id" not in row.fields]
    assert len(set(nameless)) == len(nameless)
