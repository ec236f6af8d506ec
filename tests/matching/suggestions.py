"""Suggestions made by hand, for what does not need a model."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from schemas.challenge import RequirementKind
from schemas.match import (
    Answer,
    Gate,
    GateName,
    GateState,
    MatchedChallenge,
    MatchedCompany,
    MatchState,
    MatchSuggestion,
    MatchVersions,
    RequirementMatch,
)
from services.kernel.identifiers import new_id
from services.matching.scoring import FORMULA, strength

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
BUYER, OWNER = new_id("org"), new_id("org")


def suggestion(
    challenge: str,
    company: str,
    *,
    score: float = 0.5,
    challenge_version: int = 1,
    company_version: int = 1,
    text: str = "cryogenic pressure sensors",
    gate: GateState = GateState.passed,
    model: str = "model-1",
    because: str = "challenge announced",
    state: MatchState = MatchState.suggested,
    at: datetime = NOW,
    **fields: Any,
) -> MatchSuggestion:
    reached = strength(score)
    assert reached is not None
    content: dict[str, Any] = {
        "id": new_id("mat"),
        "state": state,
        "challenge": MatchedChallenge(
            id=challenge,
            version=challenge_version,
            title="Pressure sensor",
            buyer=BUYER,
            buyer_name="CERN",
            announced_by=BUYER,
            deadline=date(2027, 2, 1),
            page=f"https://liaison.test/challenges/{challenge}",
        ),
        "company": MatchedCompany(
            id=company, version=company_version, name="Cryosense", country="FR", owner=OWNER
        ),
        "score": score,
        "strength": reached,
        "headline": "1 of 1 requirement",
        "requirements": (
            RequirementMatch(
                id="r1",
                text="measure pressure",
                kind=RequirementKind.performance,
                mandatory=True,
                score=score,
                answered_by=Answer(capability="c1", text=text, similarity=0.5),
            ),
        ),
        "gates": (Gate(gate=GateName.trl, state=gate, reason="…"),),
        "because": because,
        "scoring_page": "https://liaison.test/scores",
        "versions": MatchVersions(model=model, index=f"{model}-words", scoring=FORMULA),
        "suggested_at": at,
        "changed_at": at,
    }
    return MatchSuggestion(**content | fields)
