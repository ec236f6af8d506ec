"""The way of a challenge once it is announced: which step follows which, and what is said with it. Pure.

The way leads forward, and whoever was told of one state is told of the next. Steps may be left out: a
consultation that was never opened by a step of its own is closed all the same. But whoever was asked is to be
heard: until the consultation is closed nothing can be decided, except to give the need up.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas.base import Contract
from schemas.challenge import (
    OPEN_STATES,
    Challenge,
    ChallengeState,
    ChallengeStep,
    ConsultationReport,
    Decision,
    DecisionOutcome,
)
from services.intake.completion import last_open_day
from services.kernel.problems import Conflict, FieldError, InvalidInput

WAY = (
    ChallengeState.announced,
    ChallengeState.consulting,
    ChallengeState.consultation_closed,
    ChallengeState.reported,
    ChallengeState.decided,
)

_NEWS = {
    ChallengeState.consulting: "has opened its consultation",
    ChallengeState.consultation_closed: "has closed its consultation",
    ChallengeState.reported: "has reported on its consultation",
}
_DECIDED = {
    DecisionOutcome.tender: "has decided on a call for tenders",
    DecisionOutcome.make: "has decided to make it itself",
    DecisionOutcome.buy: "has decided to buy what is there",
    DecisionOutcome.abandoned: "has given the need up",
}


def following(state: ChallengeState) -> tuple[ChallengeState, ...]:
    """The steps that may come next, the nearest first; none for a draft, and at an end."""
    return WAY[WAY.index(state) + 1 :] if state in WAY else ()


def outcomes(state: ChallengeState) -> tuple[DecisionOutcome, ...]:
    """What may be decided now."""
    if ChallengeState.decided not in following(state):
        return ()
    return (DecisionOutcome.abandoned,) if state in OPEN_STATES else tuple(DecisionOutcome)


def take(challenge: Challenge, step: ChallengeStep, now: datetime) -> dict[str, Any]:
    """The fields of the challenge that the step changes. None: it says nothing new.

    The present state may be said again with what was not known then: the report of what is reported, the
    notice of what was decided. What is left out stays. Raises Conflict for a step that cannot be taken,
    InvalidInput for one that says too little or what belongs to another.
    """
    state, to = challenge.state, step.to
    if to is not state and to not in following(state):
        raise Conflict(_impossible(state, to))
    _check(challenge, step)
    if to is state:
        return _more(challenge, step)
    if to is ChallengeState.consulting and challenge.deadline < last_open_day(now):
        raise Conflict(
            f"The deadline, {challenge.deadline}, has passed: nobody could answer. Amend the deadline first, "
            "or go on to 'consultation-closed'."
        )
    if step.decision is not None and step.decision.outcome not in outcomes(state):
        raise Conflict(
            f"The challenge is {state.value}: companies are being asked, and it can only be given up now "
            "(outcome 'abandoned'). Go on to 'consultation-closed' first, then decide."
        )
    said = {"report": step.report, "decision": step.decision}
    return {"state": to} | {name: value for name, value in said.items() if value is not None}


def headline(challenge: Challenge) -> str:
    """What has become of it, in a sentence."""
    news = _NEWS.get(challenge.state, "has announced a challenge")
    if challenge.state is ChallengeState.decided and challenge.decision is not None:
        news = _DECIDED[challenge.decision.outcome]
    return f"{challenge.buyer_name} {news}: “{challenge.title}”"


def _impossible(state: ChallengeState, to: ChallengeState) -> str:
    if state is ChallengeState.draft:
        return (
            "This challenge is a draft, and takes no step before it is announced: POST "
            "/v1/challenges/{challenge}/announce."
        )
    if to is ChallengeState.withdrawn:
        return "No step leads to 'withdrawn': POST /v1/challenges/{challenge}/withdraw, with a reason."
    steps = ", ".join(f"'{one.value}'" for one in following(state))
    if not steps:
        return f"This challenge is {state.value}, which is the end of its way: no step follows."
    return f"No step leads from '{state.value}' to '{to.value}': the way goes forward. Possible: {steps}."


def _check(challenge: Challenge, step: ChallengeStep) -> None:
    errors = []
    if step.report is not None and step.to is not ChallengeState.reported:
        detail = f"A report goes with the step to 'reported', not to '{step.to.value}'. Leave it out."
        errors.append(FieldError(pointer="/report", detail=detail))
    if step.decision is not None and step.to is not ChallengeState.decided:
        detail = f"A decision goes with the step to 'decided', not to '{step.to.value}'. Leave it out."
        errors.append(FieldError(pointer="/decision", detail=detail))
    if step.to is ChallengeState.decided and step.decision is None and step.to is not challenge.state:
        choice = ", ".join(one.value for one in outcomes(challenge.state))
        detail = f"Say what was decided, as the decision's outcome: {choice}."
        errors.append(FieldError(pointer="/decision", detail=detail))
    if errors:
        raise InvalidInput(" ".join(one.detail for one in errors), errors=errors)


def _more(challenge: Challenge, step: ChallengeStep) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if step.report is not None:
        said["report"] = ConsultationReport(**_over(challenge.report, step.report))
    if step.decision is not None:
        present = challenge.decision
        if present is not None and step.decision.outcome is not present.outcome:
            raise Conflict(
                f"The challenge is decided ({present.outcome.value}), and stays so. If that does not hold, "
                "withdraw it and announce it anew."
            )
        said["decision"] = Decision(**_over(present, step.decision))
    return {name: value for name, value in said.items() if value != getattr(challenge, name)}


def _over(before: Contract | None, after: Contract) -> dict[str, Any]:
    """What was said and is not said otherwise stays."""
    kept = {} if before is None else dict(before)
    return kept | {name: value for name, value in dict(after).items() if value is not None}
