"""What a challenge must fulfil beyond its schema, and what is filled in where it was left open. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from schemas.challenge import OPEN_STATES, Challenge, ChallengeContent, Draft, Proposal, Requirement
from schemas.organisation import Organisation
from schemas.text import LABEL_MAX
from services.intake.requirements import Extracted, extract, stage_hint, trl_hint
from services.kernel.problems import FieldError, InvalidInput

LAST_ZONE = timedelta(hours=12)
"""A day ends last at UTC-12. The buyer's time zone is not known, so a deadline is over when it is over
everywhere: nobody is shut out a few hours early."""
DEADLINE_AHEAD = timedelta(days=3_653)
"""Ten years: no consultation is open longer; a later year is a slip of the keyboard."""


def last_open_day(now: datetime) -> date:
    """The earliest deadline that has not passed everywhere on Earth."""
    return (now - LAST_ZONE).date()


def takes_answers(challenge: Challenge, now: datetime) -> bool:
    """Whether companies may still answer it: its state is one in which it is matched, and its last day is not
    over."""
    return challenge.state in OPEN_STATES and challenge.deadline >= last_open_day(now)


def check(content: ChallengeContent, now: datetime, *, closed: bool = False) -> None:
    """InvalidInput for a deadline that has passed or lies absurdly far ahead, and for spans outside the
    need. `closed`: it takes no answers any more, so that its deadline may have passed."""
    errors = []
    if content.deadline < last_open_day(now) and not closed:
        detail = f"{content.deadline} has passed. Give the last day on which answers are taken."
        errors.append(FieldError(pointer="/deadline", detail=detail))
    elif content.deadline > (now + DEADLINE_AHEAD).date():
        detail = f"{content.deadline} is more than ten years ahead. Check the year."
        errors.append(FieldError(pointer="/deadline", detail=detail))
    for index, requirement in enumerate(content.requirements):
        if requirement.source is None:
            continue
        start, end = requirement.source
        if not 0 <= start < end <= len(content.need):
            detail = (
                f"[{start}, {end}) is no span of the need, which has {len(content.need)} characters. "
                "Leave source out if you do not know it."
            )
            errors.append(FieldError(pointer=f"/requirements/{index}/source", detail=detail))
    if errors:
        raise InvalidInput(f"{errors[0].pointer}: {errors[0].detail}", errors=errors)


def completed(content: ChallengeContent, buyer: Organisation) -> ChallengeContent:
    """The content as it is kept: the buyer by id, its standing rule where no countries are named, and
    requirements cut from the need where none are given."""
    filled: dict[str, Any] = {"buyer": buyer.id}
    if not content.eligible_countries:
        filled["eligible_countries"] = buyer.eligible_countries
    if not content.requirements:
        filled["requirements"] = proposed(content)
    return content.model_copy(update=filled)


def revised(before: ChallengeContent, fields: Mapping[str, Any]) -> ChallengeContent:
    """The content with these fields replaced; pydantic's ValidationError where they contradict the rest.

    Requirements go with the text they were cut from: where that changes and they are not given anew, mere
    proposals are cut again, and those that a person wrote or corrected stay, without spans that now show
    something else.
    """
    after = ChallengeContent.model_validate({**dict(before), **fields})
    if "requirements" in fields or _same_text(before, after):
        return after
    if before.requirements == proposed(before):
        kept: tuple[Requirement, ...] = ()
    else:
        kept = tuple(_still_from(one, before.need, after.need) for one in before.requirements)
    return after.model_copy(update={"requirements": kept})


def _still_from(requirement: Requirement, old: str, new: str) -> Requirement:
    if requirement.source is None:
        return requirement
    start, end = requirement.source
    if old[start:end] == new[start:end]:
        return requirement
    return requirement.model_copy(update={"source": None})


def proposal(draft: Draft) -> Proposal:
    """Requirements, readiness and stage as the text tells them."""
    hint = trl_hint(draft.need)
    found = extract(draft.need, draft.language, title=draft.title)
    return Proposal(
        requirements=_numbered(found),
        trl_start=hint.start,
        trl_target=hint.target,
        stage=stage_hint(draft.need),
    )


def proposed(content: ChallengeContent) -> tuple[Requirement, ...]:
    """Requirements r1, r2, … cut from the need, each with the span it comes from; one at least."""
    return _numbered(extract(content.need, content.language, title=content.title))


def _numbered(found: Sequence[Extracted]) -> tuple[Requirement, ...]:
    return tuple(_requirement(f"r{number}", one) for number, one in enumerate(found, start=1))


def _same_text(one: ChallengeContent, other: ChallengeContent) -> bool:
    return (one.title, one.need, one.language) == (other.title, other.need, other.language)


def _requirement(name: str, one: Extracted) -> Requirement:
    return Requirement(
        id=name,
        text=one.text,
        kind=one.kind,
        mandatory=one.mandatory,
        metric=_label(one.metric),
        target=_label(one.target),
        unit=_label(one.unit),
        trl_min=one.trl_min,
        source=(one.start, one.end),
    )


def _label(text: str | None) -> str | None:
    """What fits a label; a longer find is no figure but half a sentence, and is left to the text."""
    line = " ".join((text or "").split())
    return line if 0 < len(line) <= LABEL_MAX else None
