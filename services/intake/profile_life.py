"""The life of a profile: draft, active, stale, withdrawn; what makes a step, and what is told of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from schemas.company import MATCHED_STATES, Company, CompanyContent, CompanyState
from schemas.events import (
    CompanyConfirmed,
    CompanyCreated,
    CompanyStale,
    CompanyUpdated,
    CompanyWithdrawn,
    EventData,
)
from services.intake.company_store import changed_fields, content_of
from services.intake.freshness import confirmed_on, stale_before


@dataclass(frozen=True, slots=True)
class Step:
    """The version that stands afterwards, and its event; None: nobody is told."""

    company: Company
    told: EventData | None


def revised(present: Company, content: CompanyContent, now: datetime, *, publish: bool) -> Step:
    """With its new content. An equal content is no change, and confirms nothing: programs send the same again
    every night. A draft stays one unless it is to be published; a withdrawn profile comes back; a day of
    confirmation never goes back, and is no reason to match anew."""
    content = _with_the_later_day(present, content)
    changed = changed_fields(content_of(present), content)
    if present.state is CompanyState.draft:
        if publish:
            return published(present.model_copy(update=dict(content)), now)
        return Step(_next(present, **dict(content), changed_at=now) if changed else present, None)
    if present.state in MATCHED_STATES:
        if not changed:
            return Step(present, None)
        if changed == ("last_confirmed",) and content.last_confirmed is not None:
            return confirmed(present, content.last_confirmed, now)
    if present.state is not CompanyState.active:
        changed = (*changed, "state")
    new = _next(present, **dict(content), state=CompanyState.active, changed_at=now)
    return Step(new, CompanyUpdated(company=new, changed=changed))


def published(draft: Company, now: datetime) -> Step:
    """A draft for everybody whom it may concern."""
    new = _next(draft, state=CompanyState.active, changed_at=now)
    return Step(new, CompanyCreated(company=new))


def confirmed(present: Company, day: date, now: datetime) -> Step:
    """An active or stale profile of which somebody says on that day that it holds. No change on the same day
    again."""
    new = present.model_copy(update={"last_confirmed": day})
    state = CompanyState.active if confirmed_on(new) >= stale_before(now) else present.state
    if (day, state) == (present.last_confirmed, present.state):
        return Step(present, None)
    new = _same_content(present, last_confirmed=day, state=state)
    told = CompanyConfirmed(
        company=new.id, version=new.version, owner=new.owner, state=state, last_confirmed=day
    )
    return Step(new, told)


def gone_stale(present: Company, public_url: str) -> Step:
    """An active profile whose year is over."""
    new, day = _same_content(present, state=CompanyState.stale), confirmed_on(present)
    told = CompanyStale(
        company=new.id,
        version=new.version,
        owner=new.owner,
        name=new.name,
        country=new.country,
        last_confirmed=day,
        headline=f"Nobody has changed or confirmed the profile of {new.name} since {day.day} {day:%B %Y}.",
        page=f"{public_url}/companies/{new.id}",
    )
    return Step(new, told)


def withdrawn(present: Company, now: datetime) -> Step:
    """Out of every list and match. Of a draft nobody had been told."""
    new = _next(present, state=CompanyState.withdrawn, changed_at=now)
    if present.state is CompanyState.draft:
        return Step(new, None)
    return Step(new, CompanyWithdrawn(company=new.id, version=new.version, owner=new.owner))


def _next(present: Company, **values: object) -> Company:
    """A version that index and matches have to follow."""
    return present.model_copy(update={**values, "version": present.version + 1, "content_version": None})


def _same_content(present: Company, **values: object) -> Company:
    """A version that says the same of the company, so that neither index nor matches need another look."""
    kept = {"version": present.version + 1, "content_version": present.matched_version}
    return present.model_copy(update={**values, **kept})


def _with_the_later_day(present: Company, content: CompanyContent) -> CompanyContent:
    days = [day for day in (present.last_confirmed, content.last_confirmed) if day is not None]
    if not days or content.last_confirmed == max(days):
        return content
    return content.model_copy(update={"last_confirmed": max(days)})
