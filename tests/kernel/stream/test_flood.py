from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.stream.flood import FloodGuard


@given(outcomes=st.lists(st.booleans(), max_size=400), limit=st.integers(0, 12), window=st.integers(1, 60))
def test_it_speaks_up_exactly_when_one_more_would_exceed_the_limit(
    outcomes: list[bool], limit: int, window: int
) -> None:
    guard = FloodGuard(window=window, limit=limit)
    for dead in outcomes:
        guard.dead() if dead else guard.handled()
    assert guard.would_flood() == (sum([*outcomes, True][-window:]) > limit)


def test_a_stray_one_among_many_never_floods() -> None:
    guard = FloodGuard()
    for _ in range(100):
        guard.handled(19)
        assert not guard.would_flood()
        guard.dead()


def test_a_restart_is_no_fresh_budget() -> None:
    guard = FloodGuard(limit=3)
    guard.restart(["a", "b", "c"])
    assert guard.would_flood()
    guard.restart()
    assert not guard.would_flood()
