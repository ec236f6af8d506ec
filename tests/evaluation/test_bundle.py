"""A judged bundle is read, and what is wrong with one is said with file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from services.evaluation.bundle import (
    BundleChallenge,
    BundleCompany,
    BundleError,
    BundleText,
    read_bundle,
    read_pairs,
    read_translations,
)

CHALLENGES: list[dict[str, Any]] = [
    {"id": "p1", "title": "Pressure", "need": "We need to measure pressure.", "language": "en"},
    {
        "id": "p2",
        "title": "Mirrors",
        "need": "We need mirrors.",
        "buyer": "An observatory",
        "lots": [{"id": "1", "title": "", "text": "Two mirrors"}, {"title": "Coating"}],
        "deadline": "ignored",
    },
]
COMPANIES: list[dict[str, Any]] = [
    {"id": "c1", "name": "Cryosense", "capabilities": [{"id": "t1", "text": "Sensors", "language": "en"}]},
    {"id": 2, "name": "Optique", "capabilities": [{"id": 7, "text": "Optique adaptative", "language": "fr"}]},
    {"id": "c3", "name": "Nobody", "capabilities": []},
]
JUDGEMENTS = "challenge\tcompany\tgrade\np1\tc1\t1\np1\t2\t0\np2\t2\t2.5\np2\tunknown\t1\n"


def write(folder: Path, files: dict[str, str] | None = None, *, compressed: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    contents = {
        "challenges.jsonl": "\n".join(json.dumps(row) for row in CHALLENGES),
        "companies.jsonl": "\n".join(json.dumps(row) for row in COMPANIES) + "\n\n",
        "judgements.tsv": JUDGEMENTS,
        **(files or {}),
    }
    for name, text in contents.items():
        if compressed and name.endswith(".jsonl"):
            (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("compressed", [False, True])
def test_a_bundle_is_read_compressed_or_not(tmp_path: Path, compressed: bool) -> None:
    bundle = read_bundle(write(tmp_path / "small", compressed=compressed))

    assert bundle.name == "small"
    assert bundle.challenges == (
        BundleChallenge("p1", "Pressure", "We need to measure pressure.", "en"),
        BundleChallenge(
            "p2", "Mirrors", "We need mirrors.", "en", "An observatory", ("Two mirrors", "Coating")
        ),
    )
    assert bundle.companies == (
        BundleCompany("c1", "Cryosense", (BundleText("t1", "Sensors", "en"),)),
        BundleCompany("2", "Optique", (BundleText("7", "Optique adaptative", "fr"),)),
        BundleCompany("c3", "Nobody", ()),
    )
    assert bundle.judgements == {"p1": {"c1": 1.0}, "p2": {"2": 2.5}}
    assert [one.id for one in bundle.judged] == ["p1", "p2"]


def test_challenges_that_nobody_is_known_to_answer_are_not_judged(tmp_path: Path) -> None:
    bundle = read_bundle(write(tmp_path, {"judgements.tsv": "p2\t2\t1\n\np1\tc1\t0\n"}))
    assert [one.id for one in bundle.judged] == ["p2"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"challenges.jsonl": '{"id": "p1", "title": "x", "need": "y"}\nnot json'},
            "challenges.jsonl, line 2: not JSON",
        ),
        (
            {"challenges.jsonl": '\n{"id": "p1", "title": "x"}'},
            "challenges.jsonl, line 2: the field 'need' is missing",
        ),
        ({"challenges.jsonl": "[1, 2]"}, "challenges.jsonl, line 1: an object is missing"),
        ({"challenges.jsonl": "5"}, "challenges.jsonl, line 1: an object is missing"),
        (
            {"companies.jsonl": '{"id": "c1", "name": "x"}'},
            "companies.jsonl, line 1: capabilities: a list is missing",
        ),
        (
            {"companies.jsonl": '{"id": "c1", "name": "x", "capabilities": [{"id": "t1"}]}'},
            "companies.jsonl, line 1: capabilities: the field 'text' is missing",
        ),
        (
            {"companies.jsonl": '{"id": "c1", "name": "x", "capabilities": ["text"]}'},
            "companies.jsonl, line 1: capabilities: an object is missing",
        ),
        ({"judgements.tsv": "challenge\tcompany\tgrade\np1\tc1\n"}, "judgements.tsv, line 2: expected"),
        ({"judgements.tsv": "p1\tc1\tgood\n"}, "judgements.tsv, line 1: expected"),
        ({"judgements.tsv": "p1\tc9\t1\n"}, "no judgement names a challenge and a company"),
        ({"judgements.tsv": ""}, "no judgement names"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, files: dict[str, str], said: str) -> None:
    with pytest.raises(BundleError) as caught:
        read_bundle(write(tmp_path, files))
    assert said in str(caught.value)


def test_files_that_are_missing_broken_or_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a folder"):
        read_bundle(tmp_path / "nowhere")
    folder = write(tmp_path / "one")
    (folder / "judgements.tsv").unlink()
    with pytest.raises(BundleError, match=r"has no judgements\.tsv \(nor judgements\.tsv\.gz\)"):
        read_bundle(folder)

    folder = write(tmp_path / "two")
    (folder / "companies.jsonl").write_bytes(b'{"id": "c1", "name": "\xff"}')
    with pytest.raises(BundleError, match=r"companies\.jsonl, after line 0: not UTF-8"):
        read_bundle(folder)

    folder = write(tmp_path / "three", compressed=True)
    whole = (folder / "companies.jsonl.gz").read_bytes()
    (folder / "companies.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BundleError, match=r"companies\.jsonl\.gz, after line \d: cannot be read"):
        read_bundle(folder)
    (folder / "companies.jsonl.gz").write_bytes(b"no archive")
    with pytest.raises(BundleError, match=r"companies\.jsonl\.gz, after line 0: cannot be read"):
        read_bundle(folder)


def test_what_somebody_graded_0_is_kept_as_a_rating_and_is_no_match(tmp_path: Path) -> None:
    bundle = read_bundle(write(tmp_path))

    assert bundle.ratings == {"p1": {"c1": 1.0, "2": 0.0}, "p2": {"2": 2.5}}
    assert bundle.judgements == {"p1": {"c1": 1.0}, "p2": {"2": 2.5}}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"challenges.jsonl": "\n".join([json.dumps(CHALLENGES[0])] * 2)},
            "challenges.jsonl, line 2: the id 'p1' is on line 1, too",
        ),
        (
            {"challenges.jsonl": json.dumps({**CHALLENGES[0], "language": 7})},
            "challenges.jsonl, line 1: the field 'language' is no text",
        ),
        (
            {"challenges.jsonl": json.dumps({**CHALLENGES[0], "lots": "all"})},
            "challenges.jsonl, line 1: lots: a list of objects is missing",
        ),
        (
            {"challenges.jsonl": json.dumps({**CHALLENGES[0], "lots": [{"text": 1}]})},
            "challenges.jsonl, line 1: lots: the field 'text' is no text",
        ),
        ({"judgements.tsv": "p1\tc1\t-1\n"}, "judgements.tsv, line 1: expected a grade of 0 or more, not -1"),
        ({"judgements.tsv": "p1\tc1\tnan\n"}, "judgements.tsv, line 1: expected a grade of 0 or more"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    with pytest.raises(BundleError) as caught:
        read_bundle(write(tmp_path, files))
    assert said in str(caught.value)


def test_pairs_of_the_bundle_are_read(tmp_path: Path) -> None:
    table = "challenge\tother\tgrade\np1\tp2\t1\np2\tp1\t2\np1\tunknown\t1\n"
    bundle = read_pairs(write(tmp_path, {"pairs.tsv": table}))

    assert [one.id for one in bundle.challenges] == ["p1", "p2"]
    assert bundle.grades == {"p1": {"p2": 1.0}, "p2": {"p1": 2.0}}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("p1\tp2\t1\np1\tp1\t1\n", "pairs.tsv, line 2: a challenge is paired with itself"),
        ("p1\tp2\n", "pairs.tsv, line 1: expected challenge, other, grade"),
        ("p1\tp2\t0\np1\tunknown\t1\n", "no pair names two challenges of the bundle"),
    ],
)
def test_wrong_pairs_are_refused(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(BundleError) as caught:
        read_pairs(write(tmp_path, {"pairs.tsv": table}))
    assert said in str(caught.value)


def translation(language: str, name: str = "p1") -> str:
    return json.dumps({"id": name, "language": language, "title": f"Title ({language})", "need": "A need"})


def test_candidates_are_all_english_needs_and_a_translation_is_preferred_to_the_challenge(
    tmp_path: Path,
) -> None:
    rows = "\n".join([translation("fr"), translation("en"), translation("en", "x"), translation("de", "x")])
    bundle = read_translations(write(tmp_path, {"translations.jsonl": rows}))

    assert [(one.id, one.title) for one in bundle.candidates] == [
        ("p1", "Title (en)"),
        ("p2", "Mirrors"),
        ("x", "Title (en)"),
    ]
    assert [(one.id, one.language) for one in bundle.versions] == [("p1", "fr"), ("x", "de")]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([translation("fr")], "translations.jsonl, line 1: 'p1' has no English version"),
        (
            [translation("en"), translation("fr"), translation("fr")],
            "translations.jsonl, line 3: 'p1' is there twice in the language 'fr'",
        ),
        ([translation("en")], "the translations are all in English"),
        (['{"id": "p1", "title": "x", "need": "y"}'], "line 1: the field 'language' is missing"),
    ],
)
def test_wrong_translations_are_refused(tmp_path: Path, rows: list[str], said: str) -> None:
    with pytest.raises(BundleError) as caught:
        read_translations(write(tmp_path, {"translations.jsonl": "\n".join(rows)}))
    assert said in str(caught.value)
