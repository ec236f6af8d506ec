from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.vectors.edge_policy import (
    DEAD_IS_FINE,
    DEAD_SHARE,
    LOGGED_POINTS,
    SCAN_IS_FINE,
    worth_optimising,
)

counts = st.integers(0, 2_000_000)


@given(points=counts, stale=st.integers(0, SCAN_IS_FINE))
def test_what_a_scan_answers_quickly_needs_no_index(points: int, stale: int) -> None:
    assert not worth_optimising(points, stale, dead=0, logged=0)


@given(points=st.integers(SCAN_IS_FINE + 1, 2_000_000))
def test_a_large_collection_without_an_index_gets_one(points: int) -> None:
    assert worth_optimising(points, stale=points, dead=0, logged=0)


@given(points=counts, stale=counts, dead=counts, more=counts, logged=counts)
def test_more_that_is_stale_or_dead_never_makes_it_less_worth(
    points: int, stale: int, dead: int, more: int, logged: int
) -> None:
    if worth_optimising(points, stale, dead, logged):
        assert worth_optimising(points, stale + more, dead, logged)
        assert worth_optimising(points, stale, dead + more, logged)


@given(points=counts)
def test_a_long_log_is_shortened(points: int) -> None:
    assert worth_optimising(points, stale=0, dead=0, logged=LOGGED_POINTS + 1)
    assert not worth_optimising(points, stale=0, dead=0, logged=LOGGED_POINTS)


@given(points=counts)
def test_dead_states_never_take_more_room_than_half_the_live_ones_or_a_fixed_small_one(points: int) -> None:
    bound = int(max(DEAD_IS_FINE, DEAD_SHARE * points))
    assert not worth_optimising(points, stale=0, dead=bound, logged=0)
    assert worth_optimising(points, stale=0, dead=bound + 1, logged=0)
