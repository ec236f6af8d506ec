"""The way of a challenge on its page: where it stands, what came of it, the next step for those who may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.challenge import (
    OVER_STATES,
    Challenge,
    ChallengeState,
    ChallengeStep,
    ConsultationReport,
    Decision,
    DecisionOutcome,
)
from services.gateway.board.forms import Form, build, complaints, new_once
from services.gateway.board.ports import BoardPorts
from services.gateway.board.visit import Visit
from services.intake.completion import last_open_day
from services.intake.steps import WAY, following, outcomes
from services.kernel.problems import FieldError, InvalidInput

REPORT = ("title", "url")
DECISION = ("outcome", "reason", "notice")
"""Fields of the form beside the step itself."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A state of the way, and when it was reached; None: it was not, or not yet."""

    state: ChallengeState
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Way:
    """`may`: the reader leads the challenge; `due`: nobody can answer it any more, so that it waits for them;
    `plain`: next steps that say nothing but themselves; `reports`, `outcomes`: what may be said now.
    `refused`: the step of a `form` that was refused, `wrong` why."""

    reached: Sequence[Reached]
    may: bool
    due: bool
    plain: Sequence[ChallengeState]
    reports: bool
    outcomes: Sequence[DecisionOutcome]
    once: str
    refused: str = ""
    wrong: dict[str, str] | None = None
    form: Form | None = None

    @property
    def leads(self) -> bool:
        """Whether there is anything to do for whoever leads it."""
        return self.may and bool(self.plain or self.reports or self.outcomes)

    def typed(self, name: str) -> str:
        return self.form.text(name) if self.form else ""

    def complaint(self, name: str) -> str:
        return (self.wrong or {}).get(name, "")


async def way(
    ports: BoardPorts,
    visit: Visit,
    challenge: Challenge,
    *,
    may: bool,
    form: Form | None = None,
    problem: InvalidInput | None = None,
) -> Way | None:
    """None of a draft, which has not set out. `form`, `problem`: what was refused, and why."""
    if challenge.state is ChallengeState.draft:
        return None
    at = await ports.intake.challenges.reached(challenge.id)
    steps = following(challenge.state)
    over = challenge.deadline < last_open_day(ports.clock.now())
    plain = [
        one
        for one in steps
        if one is ChallengeState.consultation_closed or (one is ChallengeState.consulting and not over)
    ]
    state = challenge.state
    return Way(
        reached=[Reached(one, at.get(one)) for one in WAY],
        may=may and visit.writes and state is not ChallengeState.withdrawn,
        due=over or state in OVER_STATES - {ChallengeState.decided},
        plain=plain,
        reports=ChallengeState.reported in (*steps, state),
        outcomes=_outcomes(challenge),
        once=new_once(),
        refused=form.text("to") if form else "",
        wrong=complaints(problem, (*REPORT, *DECISION)) if problem else None,
        form=form,
    )


def asked(form: Form) -> ChallengeStep:
    """The step that a form asks for. Raises InvalidInput with the fields' own names."""
    values: dict[str, Any] = {"to": form.text("to")}
    if any(form.text(name) for name in REPORT):
        values["report"] = build(ConsultationReport, _given(form, REPORT))
    if values["to"] == ChallengeState.decided and not form.text("outcome"):
        detail = "Choose what was decided."
        raise InvalidInput(detail, errors=[FieldError(pointer="/outcome", detail=detail)])
    if any(form.text(name) for name in DECISION):
        values["decision"] = build(Decision, _given(form, DECISION))
    return build(ChallengeStep, values)


def _given(form: Form, names: Sequence[str]) -> dict[str, str]:
    return {name: form.text(name) for name in names if form.text(name)}


def _outcomes(challenge: Challenge) -> Sequence[DecisionOutcome]:
    """Of what is decided, its own, as long as there is something to add: why, or a tender's notice."""
    said = challenge.decision
    if challenge.state is ChallengeState.decided and said is not None:
        whole = said.reason and (said.notice or said.outcome is not DecisionOutcome.tender)
        return () if whole else (said.outcome,)
    return outcomes(challenge.state)
