"""When news go out: at once, or together at a stated hour. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from schemas.subscription import Channel, Subscription, Timing

DIGEST_HOUR = 6
"""UTC. 7 or 8 o'clock in most of Europe, 6 or 7 in Portugal and Ireland: before the day's work begins."""
DIGEST_WEEKDAY = 0
"""Monday, as Python counts days."""
BUDGET_WINDOW = timedelta(days=7)
"""An alert counts against the weekly budget from the moment at which it goes out, for so long."""


def is_held(subscription: Subscription) -> bool:
    """Whether some of what it asks for may have to wait. A live stream is pulled: there nothing waits."""
    return subscription.channel is Channel.webhook and (
        subscription.timing is not Timing.instant or subscription.weekly_budget is not None
    )


def next_digest(subscription: Subscription, now: datetime) -> datetime | None:
    """When what waits for this subscription is due, if the first of it came now: after now; for one that
    holds nothing back (any more) now; None while it is paused."""
    if subscription.paused:
        return None
    if not is_held(subscription):
        return now
    today = now.astimezone(UTC).date()
    if subscription.timing is Timing.daily:
        ahead, period = 0, 1
    else:
        ahead, period = (DIGEST_WEEKDAY - today.weekday()) % 7, 7
    at = datetime.combine(today + timedelta(days=ahead), time(DIGEST_HOUR), tzinfo=UTC)
    return at if at > now else at + timedelta(days=period)
