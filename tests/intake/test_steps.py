"""The way of a challenge: which step follows which, what is said with it, and what a refusal says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.challenge import (
    OPEN_STATES,
    Challenge,
    ChallengeState,
    ChallengeStep,
    ConsultationReport,
    Decision,
    DecisionOutcome,
)
from services.intake.steps import WAY, following, headline, outcomes, take
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict, InvalidInput

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
REPORT = "https://cern.example/report"
NOTICE = "https://ted.europa.eu/notice/1"


def a_need(state: ChallengeState = ChallengeState.announced, **fields: Any) -> Challenge:
    return Challenge.model_validate(
        {
            "id": new_id("chl"),
            "version": 1,
            "state": state,
            "title": "Pressure sensor",
            "need": "We need to measure pressure.",
            "buyer": new_id("org"),
            "buyer_name": "CERN",
            "deadline": date(2027, 2, 1),
            "announced_by": new_id("org"),
            "announced_at": NOW,
            "changed_at": NOW,
            **fields,
        }
    )


decisions = st.builds(Decision, outcome=st.sampled_from(DecisionOutcome))
steps = st.builds(
    ChallengeStep,
    to=st.sampled_from(ChallengeState),
    report=st.none() | st.just(ConsultationReport(url=REPORT)),
    decision=st.none() | decisions,
)


@given(st.sampled_from(ChallengeState), st.lists(steps, max_size=8))
def test_whatever_is_asked_the_way_leads_forward_to_one_decision(
    begun: ChallengeState, asked: list[ChallengeStep]
) -> None:
    challenge = a_need(begun)
    for step in asked:
        before = challenge
        try:
            challenge = challenge.model_copy(update=take(challenge, step, NOW))
        except (Conflict, InvalidInput):
            continue
        assert challenge.state is step.to
        if challenge.state is not before.state:
            assert challenge.state in following(before.state)
            assert WAY.index(challenge.state) > WAY.index(before.state)
            if before.state in OPEN_STATES and challenge.decision:
                assert challenge.decision.outcome is DecisionOutcome.abandoned
        if before.decision:
            assert challenge.decision is not None
            assert challenge.decision.outcome is before.decision.outcome
        assert (challenge.report is None) <= (before.report is None), "what was said stays"
        assert (challenge.decision is not None) == (challenge.state is ChallengeState.decided) or (
            begun is ChallengeState.decided
        )
        assert Challenge.model_validate(challenge.model_dump()) == challenge


@given(st.sampled_from(ChallengeState), st.sampled_from(ChallengeState))
def test_a_refusal_names_every_step_that_is_possible(state: ChallengeState, to: ChallengeState) -> None:
    if to is state or to in following(state) or to is ChallengeState.withdrawn:
        return
    with pytest.raises(Conflict) as refused:
        take(a_need(state), ChallengeStep(to=to), NOW)
    said = refused.value.detail
    assert all(f"'{one}'" in said for one in following(state))
    assert following(state) or "no step follows" in said or "is a draft" in said


def test_steps_may_be_left_out_but_whoever_was_asked_is_heard() -> None:
    announced, closed = a_need(), a_need(ChallengeState.consultation_closed)
    tender = ChallengeStep(
        to=ChallengeState.decided, decision=Decision(outcome=DecisionOutcome.tender, notice=NOTICE)
    )
    assert outcomes(announced.state) == (DecisionOutcome.abandoned,)
    with pytest.raises(Conflict, match="consultation-closed"):
        take(announced, tender, NOW)
    assert take(closed, tender, NOW) == {"state": ChallengeState.decided, "decision": tender.decision}
    given_up = Decision(outcome=DecisionOutcome.abandoned, reason="No money.")
    found = take(announced, ChallengeStep(to=ChallengeState.decided, decision=given_up), NOW)
    assert headline(announced.model_copy(update=found)) == "CERN has given the need up: “Pressure sensor”"
    with pytest.raises(Conflict, match=r"POST .*withdraw"):
        take(closed, ChallengeStep(to=ChallengeState.withdrawn), NOW)


def test_a_consultation_that_nobody_can_answer_is_not_opened() -> None:
    late = NOW + timedelta(days=100)
    with pytest.raises(Conflict, match="2027-02-01, has passed"):
        take(a_need(), ChallengeStep(to=ChallengeState.consulting), late)
    assert take(a_need(), ChallengeStep(to=ChallengeState.consultation_closed), late)


def test_what_was_not_known_then_is_said_later_and_nothing_is_taken_back() -> None:
    decided = a_need(ChallengeState.decided, decision={"outcome": "tender", "reason": "Three can do it."})
    again = ChallengeStep(to=ChallengeState.decided, decision=Decision(outcome="tender", notice=NOTICE))
    found = take(decided, again, NOW)
    assert found == {
        "decision": Decision(outcome=DecisionOutcome.tender, reason="Three can do it.", notice=NOTICE)
    }
    assert take(decided.model_copy(update=found), again, NOW) == {}
    with pytest.raises(Conflict, match=r"decided \(tender\)"):
        take(
            decided,
            ChallengeStep(to=ChallengeState.decided, decision=Decision(outcome=DecisionOutcome.make)),
            NOW,
        )
    reported = a_need(ChallengeState.reported)
    titled = ChallengeStep(to=ChallengeState.reported, report=ConsultationReport(title="What we heard"))
    assert take(reported, titled, NOW) == {"report": titled.report}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"to": "decided"}, "/decision"),
        ({"to": "reported", "decision": {"outcome": "buy"}}, "/decision"),
        ({"to": "decided", "decision": {"outcome": "buy"}, "report": {"url": REPORT}}, "/report"),
    ],
)
def test_what_is_said_belongs_to_its_step(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        take(a_need(ChallengeState.consultation_closed), ChallengeStep.model_validate(fields), NOW)
    assert [one.pointer for one in refused.value.errors] == [pointer]


@pytest.mark.parametrize(
    "fields",
    [
        {"decision": {"outcome": "make", "notice": NOTICE}},
        {"decision": {"outcome": "tender", "notice": "http://ted.europa.eu/1"}},
        {"decision": {"outcome": "win"}},
        {"report": {}},
        {"report": {"url": "javascript:alert(1)"}},
    ],
)
def test_a_step_says_nothing_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChallengeStep.model_validate({"to": "decided", **fields})


def test_a_challenge_of_an_older_release_has_the_content_of_its_version() -> None:
    assert a_need(version=7).content_version == 7
