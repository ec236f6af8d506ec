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
from schemas.plan import PlannedNeed

JOINT_DEADLINE_DAYS = 60

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
class JointNeed:
    """A need that another buyer has, too. `fields`: of a PlannedNeed but its years: the
    year after that of loading."""

    buyer: OrganisationContent
    fields: dict[str, Any]
    source: str

    def planned(self, today: date) -> PlannedNeed:
        return PlannedNeed.model_validate({**self.fields, "first_year": today.year + 1})

    def content(self, today: date) -> ChallengeContent:
        """The same need as it is announced, to be bought in the year that a plan would name."""
        year = today.year + 1
        fields = {name: value for name, value in self.fields.items() if name != "reference"}
        purchase = {"starts": date(year, 1, 1), "ends": date(year, 12, 31)}
        deadline = today + timedelta(days=JOINT_DEADLINE_DAYS)
        return ChallengeContent.model_validate(
            {**fields, "buyer": self.buyer.handle, "deadline": deadline, "purchase": purchase}
        )


@dataclass(frozen=True, slots=True)
class DemoData:
    """`planned` stands in a buyer's investment plan, and `joint` is announced later: a need of another
    buyer, in another language, that goes with it. `live` is the challenge that is announced before the eyes
    of the audience; it is in no other list."""

    buyers: tuple[OrganisationContent, ...]
    challenges: tuple[DemoChallenge, ...]
    live: DemoChallenge
    companies: dict[str, CompanyContent]
    clusters: tuple[DemoCluster, ...]
    planned: JointNeed
    joint: JointNeed


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
    joint = {
        line["becomes"]: JointNeed(
            OrganisationContent.model_validate(line["buyer"]), line["need"], line["source"]
        )
        for line in _lines(folder, "joint_needs")
    }
    for one in joint.values():
        one.planned(date(2000, 1, 1))
        one.content(date(2000, 1, 1))
    return DemoData(
        buyers,
        tuple(challenges),
        announced_live,
        companies,
        tuple(clusters),
        joint["planned"],
        joint["live"],
    )


def _lines(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    packed = (folder / f"{name}.jsonl.gz").read_bytes()
    for line in gzip.decompress(packed).decode().splitlines():
        yield json.loads(line)
