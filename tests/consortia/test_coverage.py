"""The coverage matrix: requirements by stage, what a profile says of stages, who is related to whom."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.challenge import Challenge, CompositionChange, PhaseStage
from schemas.company import Company
from services.consortia.coverage import cells_of, coverage, level
from services.consortia.rules import rules_of
from services.kernel.identifiers import new_id
from tests.intake.people import a_company
from tests.notification.routes import NOW, challenge

REQUIREMENTS: list[dict[str, Any]] = [
    {"id": "r1", "text": "measure", "mandatory": True, "phases": ["development"]},
    {"id": "r2", "text": "survive"},
]


def asked(**fields: Any) -> Challenge:
    phases = [{"stage": "research"}, {"stage": "development"}]
    return challenge(**{"requirements": REQUIREMENTS, "phases": phases, **fields})


def company(identifier: str, **fields: Any) -> Company:
    content = a_company(**fields)
    return Company(
        **dict(content), id=identifier, version=1, state="active", owner=new_id("org"), changed_at=NOW
    )


def test_a_requirement_is_wanted_where_it_says_or_everywhere_and_weighs_as_much() -> None:
    cells = [(cell.requirement, cell.stage, round(cell.weight, 3)) for cell in cells_of(asked())]
    assert cells == [
        ("r1", PhaseStage.development, 0.667),
        ("r2", PhaseStage.research, 0.167),
        ("r2", PhaseStage.development, 0.167),
    ]
    bare = asked(phases=[], requirements=[{"id": "r1", "text": "measure"}])
    assert [(cell.stage, cell.weight) for cell in cells_of(bare)] == [(None, 1.0)]
    assert cells_of(asked(requirements=[])) == ()


def test_a_score_counts_in_the_stages_that_the_profile_speaks_of() -> None:
    maker = company(
        new_id("cmp"),
        capabilities=[
            {"id": "c1", "text": "sensors", "stages": ["manufacturing"]},
            {"id": "c2", "text": "study", "stages": ["research"]},
            {"id": "c3", "text": "anything"},
        ],
    )

    def levels(capability: str) -> list[float]:
        answer = {"id": "r2", "score": 0.87, "answered_by": {"capability": capability}}
        document = {"score": 0.6, "requirements": [answer]}
        return [float(one) for one in coverage(asked(), [maker], {maker.id: document}).levels[0]]

    assert levels("c1") == [0.0, 0.4, 0.0]
    assert levels("c2") == [0.0, 0.85, 0.0]
    assert levels("c3") == [0.0, 0.85, 0.85]
    assert (level(0.14), level(0.15), level(1.0)) == (0.0, 0.15, 1.0)


def test_related_undertakings_are_one_by_any_number_of_steps_and_spellings() -> None:
    ids = sorted(new_id("cmp") for _ in range(5))
    firms = [
        company(ids[0], legal_id="FR 12.34"),
        company(ids[1], related_undertakings=["fr1234"]),
        company(ids[2], related_undertakings=[ids[1], "The Holding"]),
        company(ids[3], related_undertakings=["the holding"]),
        company(ids[4]),
    ]
    found = coverage(asked(), list(reversed(firms)), {})
    assert [one.undertaking for one in found.candidates] == [ids[0]] * 4 + [ids[4]]


@pytest.mark.parametrize(
    ("change", "blocks"),
    [("same", [["research", "development"]]), ("may-leave", [["research"], ["development"]])],
)
def test_phases_with_the_same_members_are_one_block(change: str, blocks: list[list[str]]) -> None:
    phases = [{"stage": "research"}, {"stage": "development", "composition": {"change": change}}]
    rules = rules_of(asked(phases=phases, consortium={"members_max": 4}))
    assert [list(block.stages) for block in rules.blocks] == blocks
    assert rules.blocks[-1].change is CompositionChange(change)
    assert (rules.members_min, rules.members_max, sum(rules.shares())) == (2, 4, 1.0)
