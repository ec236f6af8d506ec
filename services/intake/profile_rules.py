"""What a profile must fulfil beyond its schema. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.codes import country_name, nuts_country, nuts_label
from schemas.company import CompanyContent
from services.kernel.problems import FieldError, InvalidInput

FIRST_ZONE = timedelta(hours=14)
"""A day begins first at UTC+14: until then it is today somewhere."""


def faults(content: CompanyContent, now: datetime) -> list[FieldError]:
    """Places that contradict each other or the calendar."""
    found = []
    today = (now + FIRST_ZONE).date()
    if content.nuts is not None and nuts_country(content.nuts) != content.country:
        region, country = nuts_label(content.nuts), country_name(content.country)
        detail = f"{content.nuts} ({region}) is not in {country} ({content.country})."
        found.append(FieldError(pointer="/nuts", detail=detail))
    if content.last_confirmed is not None and content.last_confirmed > today:
        found.append(
            FieldError(pointer="/last_confirmed", detail=f"{content.last_confirmed} is yet to come.")
        )
    for index, reference in enumerate(content.references):
        if reference.year is not None and reference.year > today.year:
            detail = f"{reference.year} is yet to come; a reference is something done."
            found.append(FieldError(pointer=f"/references/{index}/year", detail=detail))
    return found


def check(content: CompanyContent, now: datetime) -> None:
    """InvalidInput with every fault."""
    found = faults(content, now)
    if found:
        raise InvalidInput(f"{found[0].pointer}: {found[0].detail}", errors=found)
