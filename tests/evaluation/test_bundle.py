"""A judged bundle is read, and what is wrong with one is said with file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from services.evaluation.bundle import BundleChallenge, BundleCompany, BundleError, BundleText, read_bundle

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
