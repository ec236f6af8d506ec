"""A fault, done to a town of its own under load, and judged when everything has come to rest."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.faults import Fault, Recoveries, Scale
from tests.chaos.load import Pace
from tests.chaos.town import Town, town
from tests.chaos.undisturbed import undisturbed
from tests.chaos.verdict import Verdict, judge


@dataclass(slots=True)
class Outcome:
    """A line of the table. `seconds`: of each recovery; `troubles`: promises that were broken."""

    fault: str
    about: str
    rounds: int = 0
    events: int = 0
    webhooks: int = 0
    lost: int = 0
    wrongly_repeated: int = 0
    seconds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.wrongly_repeated or self.troubles)

    def take(self, recoveries: Recoveries) -> None:
        self.rounds, self.seconds = recoveries.rounds, recoveries.seconds
        self.notes += recoveries.notes
        self.troubles += recoveries.troubles

    def judged(self, verdict: Verdict) -> None:
        self.events, self.webhooks = verdict.events, verdict.webhooks
        self.lost, self.wrongly_repeated = len(verdict.lost), len(verdict.wrongly_repeated)
        self.troubles += [*verdict.lost, *verdict.wrongly_repeated, *verdict.broken]
        if verdict.again:
            self.notes.append(f"{verdict.again} webhooks taken twice, each with one content")


async def done_to(made: Town, fault: Fault, scale: Scale) -> Recoveries:
    """The fault under load; returns when nothing is under way any more, and whoever worked has ended."""
    async with made.load.running(Pace().times(scale.load)):
        recoveries = await fault.do(made, scale)
    await made.settled()
    await made.rested()
    return recoveries


async def run(fault: Fault, scale: Scale, kafka_home: Path, seed: int) -> Outcome:
    """In full: a town as the fault wants it, and the same inputs undisturbed beside."""
    outcome = Outcome(fault.name, fault.about)
    try:
        async with town(fault.plan, kafka_home, seed=seed) as made:
            outcome.take(await done_to(made, fault, scale))
            if scale.load != 1.0:
                outcome.notes.append(f"at {scale.load:.0%} of the load")
            scale.progress("the same inputs undisturbed")
            expected = await undisturbed(made.folder / "undisturbed", made.ledger.inputs)
            outcome.judged(await judge(made, expected))
    except Exception as trouble:  # noqa: BLE001 - the other faults are still to come
        outcome.troubles.append(f"{type(trouble).__name__}: {trouble}")
        scale.progress(traceback.format_exc())
    return outcome
