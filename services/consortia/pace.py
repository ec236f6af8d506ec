"""How often the consortia of a challenge are thought over. Pure.

A team that is suggested asks its members something: whoever is asked, and an hour later is not, takes the
next question less seriously. On the first day it is the other way round: companies and clusters bring their
profiles because the challenge is there, nobody has met yet, and a better team should not wait for an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.challenge import Challenge

YOUNG = timedelta(days=1)
"""After the announcement: within a day subscribers have read of it and an import of members has come in."""
YOUNG_PACE = timedelta(minutes=5)
"""A cluster's import is over in a minute or two, so that all of it is one look; a person who waits for what
becomes of a profile sees it while he is still there."""
PACE = timedelta(hours=1)
"""Afterwards, where the challenge says nothing."""


def next_look(challenge: Challenge, reviewed_at: datetime) -> datetime:
    """When teams that were thought over then may be thought over again."""
    said = challenge.consortium.pace_minutes if challenge.consortium is not None else None
    if said is not None:
        return reviewed_at + timedelta(minutes=said)
    is_young = reviewed_at < challenge.announced_at + YOUNG
    return reviewed_at + (YOUNG_PACE if is_young else PACE)
