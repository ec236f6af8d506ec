"""What a soak says of what it saw; the soak itself is part of `make chaos`."""

from __future__ import annotations

from random import Random

import pytest

from tests.chaos.faults import Recoveries
from tests.chaos.run import Outcome
from tests.chaos.soak import Samples


@pytest.mark.parametrize(
    ("growth", "noise", "is_wrong"), [(0.0, 3.0, False), (0.1, 0.1, False), (2.0, 40.0, True)]
)
def test_a_process_that_grows_is_told_however_much_it_trembles(
    growth: float, noise: float, is_wrong: bool
) -> None:
    random = Random(1)
    samples = Samples(lag=[(n / 12, 0) for n in range(240)])
    samples.memory["worker 0"] = [
        (n / 12, 400 + growth * n / 12 + random.uniform(-noise, noise)) for n in range(240)
    ]
    notes, wrong = samples.findings()
    assert bool(wrong) == is_wrong, notes

    outcome = Outcome("soak", "")
    outcome.take(Recoveries(rounds=1, notes=notes, troubles=wrong))
    assert outcome.is_good != is_wrong
    assert outcome.notes == notes, "what was seen is kept with it"
