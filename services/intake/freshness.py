"""How long a profile holds without anybody's word. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from schemas.company import Company, ProfileStanding

CONFIRMED_FOR = timedelta(days=365)
"""A profile that nobody has changed or confirmed for so long is stale: people and machines have changed by
then."""


def confirmed_on(company: Company) -> date:
    """The day (UTC) on which it was last changed or confirmed."""
    changed = company.changed_at.date()
    return changed if company.last_confirmed is None else max(changed, company.last_confirmed)


def stale_before(now: datetime) -> date:
    """What was last changed or confirmed before this day is stale."""
    return (now - CONFIRMED_FOR).date()


def standing(company: Company) -> ProfileStanding:
    return ProfileStanding(state=company.state, last_confirmed=confirmed_on(company))
