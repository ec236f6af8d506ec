from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.vectors.edge_policy import LOGGED_POINTS, SCAN_IS_FINE, worth_optimising

counts = st.integers(0, 2_000_000)


@given(points=counts, stale=st.integers(0, SCAN_IS_FINE))
def test_what_a_scan_answers_quickly_needs_no_index(points: int, stale: int) -> None:
    assert not worth_optimising(points, stale, logged=0)


@given(points=st.integers(SCAN_IS_FINE + 1, 2_000_000))
def test_a_large_collection_without_an_index_gets_one(points: int) -> None:
    assert worth_optimising(points, stale=points, logged=0)


@given(points=counts, stale=counts, more=counts, logged=counts)
def test_more_stale_points_never_make_it_less_worth(points: int, stale: int, more: int, logged: int) -> None:
    if worth_optimising(points, stale, logged):
        assert worth_optimising(points, stale + more, logged)


@given(points=counts)
def test_a_long_log_is_shortened(points: int) -> None:
    assert worth_optimising(points, stale=0, logged=LOGGED_POINTS + 1)
    assert not worth_optimising(points, stale=0, logged=LOGGED_POINTS)
