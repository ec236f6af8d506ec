"""The short form: in one town every part dies once, under load; then everything is judged together."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.faults import FAULTS, KINDS, Fault, Scale
from tests.chaos.load import Pace
from tests.chaos.town import SMALL, Town, town
from tests.chaos.undisturbed import undisturbed
from tests.chaos.verdict import judge
from tests.kafka_broker import kafka_home

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

BRIEF = Scale(rounds=len(KINDS), each=False, outage_s=2.0, load=0.25, progress=lambda _: None)
"""Each part dies once, at a quarter of the load: other tests want the machine too."""
PACE = Pace(at_most=12).times(BRIEF.load)
"""On a slow machine a fault lasts longer, and shall not bring more work with it."""
DISK = "400m"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made() -> AsyncIterator[Town]:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    async with town(replace(SMALL, disk=DISK), kafka_home(), seed=seed) as made:
        yield made


@pytest.mark.parametrize("fault", [pytest.param(one, id=one.name) for one in FAULTS if one.is_brief])
async def test_it_recovers_by_itself_when(made: Town, fault: Fault) -> None:
    async with made.load.running(PACE):
        recoveries = await fault.do(made, BRIEF)
    if not recoveries.rounds:
        pytest.skip("; ".join(recoveries.notes))
    assert all(one.process is not None and one.process.poll() is None for one in made.processes)


async def test_nothing_is_lost_and_nothing_wrongly_repeated(made: Town, tmp_path: Path) -> None:
    """After all of that: the journal, what every endpoint has heard, and what stands in the end."""
    await made.settled()
    await made.rested()
    expected = await undisturbed(tmp_path, made.ledger.inputs)
    verdict = await judge(made, expected)
    assert verdict.is_good, str(verdict)
    assert len(expected) > len(made.ledger.open)
    assert verdict.webhooks > verdict.events
