"""What pairing reads of a challenge: whose need it is, when it is to be bought, who may know of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from schemas.challenge import Challenge, ChallengeState, DraftReaders
from schemas.pairing import PairedNeed
from services.intake.completion import last_open_day

YEAR = timedelta(days=365)
"""A need that states no period is taken to be bought within a year of its deadline: a procedure that follows
a consultation is opened within months, or its findings are stale."""
PAIRED_STATES = frozenset(
    {
        ChallengeState.announced,
        ChallengeState.consulting,
        ChallengeState.consultation_closed,
        ChallengeState.reported,
    }
)
"""Announced needs that may still be bought together: what is decided is being bought."""


@dataclass(frozen=True, slots=True)
class Period:
    """Both ends included. `stated`: the buyer said so."""

    starts: date
    ends: date
    stated: bool


def period(challenge: Challenge) -> Period:
    """When it is to be bought: as the purchase says, else as its phases do, else the year after the
    deadline. An end that is left open is a year after the beginning, and the other way round."""
    said = challenge.purchase
    starts, ends = (said.starts, said.ends) if said else (None, None)
    if starts is None and ends is None:
        starts = min((one.starts for one in challenge.phases if one.starts), default=None)
        ends = max((one.ends for one in challenge.phases if one.ends), default=None)
    if starts is None and ends is None:
        return Period(challenge.deadline, challenge.deadline + YEAR, stated=False)
    if starts is None:
        assert ends is not None
        starts = ends - YEAR
    return Period(starts, max(ends or starts + YEAR, starts), stated=True)


def is_pairable(challenge: Challenge, now: datetime) -> bool:
    """Other buyers may know of it, and it is still to be bought."""
    if period(challenge).ends < last_open_day(now):
        return False
    if challenge.state is ChallengeState.draft:
        return challenge.draft_readers is not DraftReaders.owner
    return challenge.state in PAIRED_STATES


def paired(challenge: Challenge, country: str | None, public_url: str) -> PairedNeed:
    """`country`: of the buyer, where it has one."""
    when, said = period(challenge), challenge.purchase
    return PairedNeed(
        id=challenge.id,
        version=challenge.version,
        title=challenge.title,
        language=challenge.language,
        buyer=challenge.buyer,
        buyer_name=challenge.buyer_name,
        announced_by=challenge.announced_by,
        country=country,
        legal_regime=challenge.legal_regime,
        cpv=challenge.cpv,
        volume=said.volume if said else None,
        unit=said.unit if said else None,
        budget=said.budget if said else None,
        starts=when.starts,
        ends=when.ends,
        stated=when.stated,
        page=f"{public_url}/challenges/{challenge.id}",
    )
