"""When a delivery is tried again: the schedule of Standard Webhooks 1.0.0, jitter, and Retry-After.

Pure: the time and the random number come from the caller.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

SECOND, MINUTE, HOUR = 1.0, 60.0, 3600.0

DELAYS_S = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
"""Seconds from the n-th failed attempt to the next one: the example schedule of the standard, 75.6 hours
in all. The first attempt is immediate."""

MAX_ATTEMPTS = len(DELAYS_S) + 1

JITTER = 0.2
"""A wait is stretched by up to this share, never shortened: retries of one outage spread out, and none
comes before the schedule says. The whole way is at most 75.6 h x 1.2 = 91 h, inside the five days
after which a silent endpoint is switched off."""

RETRY_AFTER_CAP_S = 24 * HOUR
"""The longest Retry-After obeyed: the longest wait that the schedule itself knows. A receiver that asks
for more is asked again after this."""

LIFETIME_S = 7 * 24 * HOUR
"""A message not delivered so long after it was accepted expires, whatever held it up: an endpoint that
is off, or receivers that answer every attempt with a long Retry-After."""


def next_wait_s(failed_attempts: int, *, random: float, retry_after_s: float | None = None) -> float | None:
    """Seconds to wait after `failed_attempts` (1 or more) failures; None when no attempt is left.

    `random` lies in [0, 1]. `retry_after_s` lengthens the wait up to RETRY_AFTER_CAP_S, never shortens it.
    """
    if failed_attempts < 1:
        raise ValueError("a wait follows a failed attempt")
    if failed_attempts > len(DELAYS_S):
        return None
    wanted = min(max(retry_after_s or 0.0, 0.0), RETRY_AFTER_CAP_S)
    return max(DELAYS_S[failed_attempts - 1], wanted) * (1 + JITTER * random)


def next_attempt_at(
    failed_attempts: int,
    *,
    now: datetime,
    expires_at: datetime,
    random: float,
    retry_after_s: float | None = None,
) -> datetime | None:
    """The instant of the next attempt.

    None when no attempt is left (`failed_attempts` has reached MAX_ATTEMPTS), or when the next one would
    fall beyond the end of the message's life.
    """
    wait = next_wait_s(failed_attempts, random=random, retry_after_s=retry_after_s)
    if wait is None:
        return None
    at = now + timedelta(seconds=wait)
    return at if at <= expires_at else None


def end_of_life(accepted_at: datetime) -> datetime:
    """When a message that could not be delivered is given up."""
    return accepted_at + timedelta(seconds=LIFETIME_S)


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110 section 10.2.3: seconds or an HTTP date).

    None when there is none, when it cannot be read, or when it lies in the past.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:12])
    else:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        seconds = (at - now).total_seconds()
    return seconds if seconds > 0 else None
