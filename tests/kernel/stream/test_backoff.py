from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.stream.backoff import Backoff


@given(
    failures=st.integers(1, 10_000), seed=st.integers(), base=st.floats(0.001, 10), cap=st.floats(0.001, 600)
)
def test_a_delay_is_between_half_and_the_whole_of_its_step(
    failures: int, seed: int, base: float, cap: float
) -> None:
    delay = Backoff(base_s=base, cap_s=cap).delay(failures, Random(seed))
    full = min(cap, base * 2.0 ** min(failures - 1, 30))
    assert full / 2 <= delay <= full
    assert delay <= cap


def test_the_steps_double_up_to_the_cap() -> None:
    class Latest(Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    backoff = Backoff(base_s=0.5, cap_s=3)
    assert [backoff.delay(n, Latest()) for n in (1, 2, 3, 4, 5)] == [0.5, 1, 2, 3, 3]
