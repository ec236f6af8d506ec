"""The demo data, read and checked against the contracts.

Deadlines are kept in days from the day of loading, so that the demo never shows a closed market.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from schemas.challenge import ChallengeContent
from schemas.company import CompanyContent
from schemas.organisation import OrganisationContent

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class DemoChallenge:
    """`fields` are those of ChallengeContent but the deadline. `source` is its address at the publisher."""

    fields: dict[str, Any]
    deadline_in_days: int
    source: str

    def content(self, today: date) -> ChallengeContent:
        deadline = today + timedelta(days=self.deadline_in_days)
        return ChallengeContent.model_validate({**self.fields, "deadline": deadline})


@dataclass(frozen=True, slots=True)
class DemoCluster:
    """A grouping by region made for the demo, not an association; `members` are ids of DemoData.companies."""

    organisation: OrganisationContent
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoData:
    """`live` is the challenge that is announced before the eyes of the audience; it is in no other list."""

    buyers: tuple[OrganisationContent, ...]
    challenges: tuple[DemoChallenge, ...]
    live: DemoChallenge
    companies: dict[str, CompanyContent]
    clusters: tuple[DemoCluster, ...]


def load(folder: Path = DATA) -> DemoData:
    """Everything; raises ValueError (pydantic's ValidationError is one) where a line is wrong."""
    challenges: list[DemoChallenge] = []
    live: list[DemoChallenge] = []
    for line in _lines(folder, "challenges"):
        place = live if line.pop("live", False) else challenges
        days, source = line.pop("deadline_in_days"), line.pop("source")
        place.append(DemoChallenge(line, days, source))
        place[-1].content(date(2000, 1, 1))
    (announced_live,) = live
    companies: dict[str, CompanyContent] = {}
    for line in _lines(folder, "companies"):
        key = line.pop("id")
        if key in companies:
            raise ValueError(f"companies: the id {key!r} is used more than once")
        companies[key] = CompanyContent.model_validate(line)
    clusters = []
    for line in _lines(folder, "clusters"):
        members = tuple(line.pop("members"))
        clusters.append(DemoCluster(OrganisationContent.model_validate(line), members))
    buyers = tuple(OrganisationContent.model_validate(line) for line in _lines(folder, "organisations"))
    return DemoData(buyers, tuple(challenges), announced_live, companies, tuple(clusters))


def _lines(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    packed = (folder / f"{name}.jsonl.gz").read_bytes()
    for line in gzip.decompress(packed).decode().splitlines():
        yield json.loads(line)
