"""The ledger of a run: what was accepted with 2xx, in the order in which it was, and every answer."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Act(StrEnum):
    announce = "announce"
    withdraw = "withdraw"
    update = "update"


@dataclass(frozen=True, slots=True)
class Input:
    """Something that was accepted. `name`: title of the challenge, or number of the company."""

    act: Act
    name: str
    content: dict[str, Any]


@dataclass(slots=True)
class Ledger:
    """`challenges`: titles by id; `withdrawn`: ids; `versions`: the versions that updates were answered
    with, by company id; `answers`: when each answer came (monotonic clock) and its status, 0 for none."""

    inputs: list[Input] = field(default_factory=list)
    challenges: dict[str, str] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    versions: dict[str, set[int]] = field(default_factory=dict)
    answers: list[tuple[float, int]] = field(default_factory=list)

    def answered(self, status: int) -> None:
        self.answers.append((time.monotonic(), status))

    def announced(self, challenge: str, content: dict[str, Any]) -> None:
        self.challenges[challenge] = content["title"]
        self.inputs.append(Input(Act.announce, content["title"], content))

    def withdrew(self, challenge: str) -> None:
        self.withdrawn.add(challenge)
        self.inputs.append(Input(Act.withdraw, self.challenges[challenge], {}))

    def updated(self, number: int, company: str, version: int, content: dict[str, Any]) -> None:
        self.versions.setdefault(company, set()).add(version)
        self.inputs.append(Input(Act.update, str(number), content))

    @property
    def open(self) -> list[str]:
        """Ids of the challenges that were not withdrawn, the oldest first."""
        return [one for one in self.challenges if one not in self.withdrawn]

    def accepted_since(self, moment: float) -> int:
        return sum(1 for at, status in self.answers if at >= moment and 200 <= status < 300)

    def refused_since(self, moment: float) -> list[int]:
        """Statuses other than 2xx since this moment; 0 where no answer came."""
        return [status for at, status in self.answers if at >= moment and not 200 <= status < 300]
