from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.courier.schedule import (
    DELAYS_S,
    HOUR,
    JITTER,
    LIFETIME_S,
    MAX_ATTEMPTS,
    RETRY_AFTER_CAP_S,
    end_of_life,
    next_attempt_at,
    next_wait_s,
    parse_retry_after,
)

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
RANDOM = st.floats(min_value=0, max_value=1)
FAILED = st.integers(min_value=1, max_value=MAX_ATTEMPTS - 1)
ASKED = st.none() | st.floats(min_value=-1e6, max_value=1e9)


def test_it_is_the_schedule_of_the_standard() -> None:
    since_start = [sum(DELAYS_S[:n]) for n in range(MAX_ATTEMPTS)]
    clock = [f"{int(s // 3600):02}:{int(s % 3600 // 60):02}:{int(s % 60):02}" for s in since_start]
    assert clock == [
        "00:00:00",
        "00:00:05",
        "00:05:05",
        "00:35:05",
        "02:35:05",
        "07:35:05",
        "17:35:05",
        "31:35:05",
        "51:35:05",
        "75:35:05",
    ]


@given(failed=FAILED, random=RANDOM, asked=ASKED)
def test_never_early_and_inside_the_jitter(failed: int, random: float, asked: float | None) -> None:
    wait = next_wait_s(failed, random=random, retry_after_s=asked)
    assert wait is not None
    least = max(DELAYS_S[failed - 1], min(asked or 0, RETRY_AFTER_CAP_S))
    assert least <= wait <= least * (1 + JITTER)


@given(failed=FAILED, random=RANDOM, asked=st.floats(min_value=0, max_value=RETRY_AFTER_CAP_S))
def test_retry_after_is_obeyed_up_to_its_cap(failed: int, random: float, asked: float) -> None:
    wait = next_wait_s(failed, random=random, retry_after_s=asked)
    assert wait is not None
    assert wait >= asked


@given(st.lists(RANDOM, min_size=MAX_ATTEMPTS, max_size=MAX_ATTEMPTS))
def test_the_whole_way_is_bounded(draws: list[float]) -> None:
    now, attempts = START, 1
    while True:
        at = next_attempt_at(attempts, now=now, expires_at=end_of_life(START), random=draws[attempts - 1])
        if at is None:
            break
        now, attempts = at, attempts + 1
    assert attempts == MAX_ATTEMPTS
    total = (now - START).total_seconds()
    assert sum(DELAYS_S) <= total + 1e-3
    assert total <= sum(DELAYS_S) * (1 + JITTER) < 5 * 24 * HOUR


@given(st.lists(st.tuples(RANDOM, ASKED), min_size=MAX_ATTEMPTS, max_size=MAX_ATTEMPTS))
def test_no_receiver_can_keep_a_message_beyond_its_life(answers: list[tuple[float, float | None]]) -> None:
    now, attempts = START, 1
    while attempts <= MAX_ATTEMPTS:
        random, asked = answers[attempts - 1]
        at = next_attempt_at(
            attempts, now=now, expires_at=end_of_life(START), random=random, retry_after_s=asked
        )
        if at is None:
            break
        assert at > now
        now, attempts = at, attempts + 1
    assert (now - START).total_seconds() <= LIFETIME_S


def test_no_wait_before_the_first_failure() -> None:
    with pytest.raises(ValueError, match="failed attempt"):
        next_wait_s(0, random=0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", None),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("9" * 500, 999_999_999_999.0),
        (format_datetime(START + timedelta(minutes=3), usegmt=True), 180.0),
        ("Mon, 05 Jan 2026 09:01:00 -0000", 60.0),
        ("Monday, 05-Jan-26 09:00:30 GMT", 30.0),
        (format_datetime(START - timedelta(minutes=3), usegmt=True), None),
        ("Fri, 99 Foo 2026 09:00:00 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=START) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_breaks_the_parser(value: str) -> None:
    wait = parse_retry_after(value, now=START)
    assert wait is None or wait > 0
