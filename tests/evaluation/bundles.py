"""Small bundles of every task: a market of four companies, needs of several buyers, some translated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.intake.people import NEED
from tests.matching.market import COMPETENCES, MIRROR

PRESSURE = {"id": "pressure", "title": "Radiation-hard pressure sensor for a 4 K helium line", "need": NEED}
CHALLENGES: Sequence[Mapping[str, Any]] = (
    PRESSURE,
    {"id": "mirror", "title": MIRROR["title"], "need": MIRROR["need"]},
    {"id": "bread", "title": "Bread for the canteen", "need": "We need bread and cakes every morning."},
)
COMPANIES: Sequence[Mapping[str, Any]] = (
    *(
        {
            "id": name,
            "name": name,
            "country": country,
            "capabilities": [{"id": str(n), "text": text} for n, text in enumerate(texts)],
        }
        for (name, texts), country in zip(COMPETENCES.items(), ("FR", "DE", "FR", "BE"), strict=True)
    ),
    {"id": "silent", "name": "Silent", "capabilities": [{"id": "1", "text": "  "}]},
)
RATINGS = (
    ("pressure", "Cryosense", 5.0),
    ("mirror", "Cryosense", 2.0),
    ("bread", "Cryosense", 0.0),
    ("mirror", "Optique Grenoble", 4.5),
    ("pressure", "Optique Grenoble", 1.0),
)
"""How well a challenge suits a company, somebody says."""

NEEDS: Sequence[Mapping[str, Any]] = (
    {
        "id": "windows",
        "buyer": "A laboratory",
        "title": "Cleaning of windows",
        "need": "Windows of two buildings are cleaned.",
    },
    {"id": "glass", "buyer": "An observatory", "title": "Window cleaning", "need": ""},
    {
        "id": "fenster",
        "buyer": "Ein Institut",
        "title": "Reinigung",
        "need": "",
        "language": "de",
        "lots": [{"id": "1", "title": "Fenster", "text": "Cleaning of windows, Reinigung der Fenster"}],
    },
    {
        "id": "again",
        "buyer": "A laboratory",
        "title": "Cleaning of windows",
        "need": "Windows of two buildings are cleaned.",
    },
    {"id": "helium", "buyer": "A reactor", "title": "Liquid helium", "need": "Helium for magnets."},
)
PAIRS = (
    ("windows", "glass"),
    ("windows", "fenster"),
    ("windows", "again"),
    ("glass", "again"),
    ("glass", "fenster"),
    ("again", "fenster"),
)
"""Alike, in both directions; the one of `windows` and `again` is no joint procurement: it is one buyer."""

TOGETHER = {"id": "joint", "text": "Cryogenic sensors for a helium line, built together"}
TEAM = ("Cryosense", "Vakuumtechnik", "Optique Grenoble")

TRANSLATIONS: Sequence[Mapping[str, Any]] = (
    {"id": "helium", "language": "en", "title": "Liquid helium", "need": "Liquid helium for magnets."},
    {"id": "helium", "language": "fr", "title": "Hélium liquide", "need": "Hélium liquide pour aimants."},
    {"id": "helium", "language": "it", "title": "Pulizia", "need": "Cleaning windows, two buildings."},
    {"id": "paper", "language": "en", "title": "Printing paper", "need": "Paper for printers and copiers."},
    {"id": "paper", "language": "fr", "title": "Papier", "need": "Paper for printers, en français."},
)
"""The Italian version is wrong on purpose: it says something else."""


def write(folder: Path, **files: str | Sequence[Mapping[str, Any]]) -> Path:
    """Files by name, without their ending: rows as JSON lines, text as a table."""
    folder.mkdir()
    for name, content in files.items():
        if isinstance(content, str):
            (folder / f"{name}.tsv").write_text(content, "utf-8")
        else:
            (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, content)), "utf-8")
    return folder


def judged(folder: Path, *, challenges: Sequence[Mapping[str, Any]] = CHALLENGES) -> Path:
    """Of task match."""
    table = "challenge\tcompany\tgrade\npressure\tCryosense\t1\nmirror\tOptique Grenoble\t1\n"
    return write(folder, challenges=challenges, companies=COMPANIES, judgements=table)


def rated(folder: Path) -> Path:
    """Of task reverse."""
    table = "".join(f"{challenge}\t{company}\t{grade}\n" for challenge, company, grade in RATINGS)
    return write(folder, challenges=CHALLENGES, companies=COMPANIES, judgements=table)


def teams(folder: Path) -> Path:
    """Of task consortium: three companies that state one project, and took part in one challenge."""
    companies = [
        {**one, "capabilities": [*one["capabilities"], TOGETHER]} if one["id"] in TEAM else one
        for one in COMPANIES
    ]
    table = "".join(f"pressure\t{name}\t1\n" for name in TEAM)
    return write(folder, challenges=CHALLENGES, companies=companies, judgements=table)


def paired(folder: Path, *, needs: Sequence[Mapping[str, Any]] = NEEDS) -> Path:
    both = [*PAIRS, *((other, one) for one, other in PAIRS)]
    table = "challenge\tother\tgrade\n" + "".join(f"{one}\t{other}\t1\n" for one, other in both)
    return write(folder, challenges=needs, pairs=table)


def translated(folder: Path) -> Path:
    return write(folder, challenges=NEEDS, translations=TRANSLATIONS)
