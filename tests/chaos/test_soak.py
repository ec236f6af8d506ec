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
    _check(samples, is_wrong)


@pytest.mark.parametrize(("leak", "is_wrong"), [(0.0, False), (0.05, False), (0.5, True)])
@pytest.mark.parametrize("breath", [1.5, 2.3, 3.9])
def test_memory_that_is_given_back_is_no_leak_and_hides_none(
    leak: float, is_wrong: bool, breath: float
) -> None:
    samples = Samples(lag=[(n / 12, 0) for n in range(240)])
    samples.memory["worker 0"] = [(n / 12, 400 + leak * n / 12 + 10 * (n / 12 % breath)) for n in range(240)]
    _check(samples, is_wrong)


def _check(samples: Samples, is_wrong: bool) -> None:
    notes, wrong = samples.findings()
    assert bool(wrong) == is_wrong, notes

    outcome = Outcome("soak", "")
    outcome.take(Recoveries(rounds=1, notes=notes, troubles=wrong))
    assert outcome.is_good != is_wrong
    assert outcome.notes == notes, "what was seen is kept with it"
