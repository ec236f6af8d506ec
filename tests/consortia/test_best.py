"""The best teams, against trying all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.challenge import CompositionChange, PhaseStage
from services.consortia.best import competing, propose
from services.consortia.conflict import conflict
from services.consortia.coverage import Candidate, Cell, Coverage
from services.consortia.programme import best_team
from services.consortia.rules import Block, Rules
from services.consortia.team import Team, broken, worth
from tests.consortia.markets import EveryTeam, market, rules

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, companies=st.integers(1, 12), requirements=st.integers(1, 6), stages=st.integers(1, 3))
def test_no_team_is_better(seed: int, companies: int, requirements: int, stages: int) -> None:
    coverage = market(seed, companies=companies, requirements=requirements, stages=stages)
    asked = rules(seed, coverage)
    every, found = EveryTeam(coverage, asked), list[Team]()
    for _ in range(3):
        team, best = best_team(coverage, asked, found), every.best(found)
        if team is None:
            assert best is None
            return
        assert not list(broken(coverage, asked, team))
        assert team.proven
        reached = worth(coverage, asked, team)
        assert best is not None
        assert reached.mandatory == best[0]
        assert reached.value == pytest.approx(best[1], abs=1e-6)
        found.append(team)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, town=st.sampled_from([(1, 2), (4, 2), (6, 2), (7, 2), (8, 2), (3, 3), (5, 3), (6, 3)]))
def test_no_team_is_better_where_members_change_between_phases(seed: int, town: tuple[int, int]) -> None:
    companies, stages = town
    coverage = market(seed, companies=companies, requirements=3, stages=stages)
    asked = replace(rules(seed, coverage, blocks=True), members_max=3, members_min=1)
    team, best = best_team(coverage, asked), EveryTeam(coverage, asked).best([])
    if team is None:
        assert best is None
        assert conflict(coverage, asked)
        return
    assert best is not None
    assert not list(broken(coverage, asked, team))
    reached = worth(coverage, asked, team)
    assert reached.mandatory == best[0]
    assert reached.value == pytest.approx(best[1], abs=1e-6)


def test_the_order_of_the_candidates_and_a_second_run_change_nothing() -> None:
    coverage = market(3, companies=40, requirements=8, stages=2)
    first, again = propose(coverage, Rules()), propose(coverage, Rules())
    assert [one.team.seats for one in first.teams] == [one.team.seats for one in again.teams]


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_an_alternate_makes_a_team_that_keeps_the_rules_and_the_first_makes_the_best(seed: int) -> None:
    coverage = market(seed, companies=9, requirements=5)
    asked = Rules(members_max=4, countries_min=2)
    for one in propose(coverage, asked).teams:
        for row, others in one.alternates.items():
            teams = [one.team.replacing(row, other) for other in others]
            orders = [worth(coverage, asked, team).order for team in teams]
            assert orders == sorted(orders, reverse=True)
            assert not any(list(broken(coverage, asked, team)) for team in teams)
            assert not {*others} & one.team.seats.keys()


def _coverage(levels: list[list[float]], **facts: list[str]) -> Coverage:
    width = len(levels[0])
    cells = tuple(Cell(f"r{place}", None, 1 / width, mandatory=place == 0) for place in range(width))
    countries = facts.get("countries", ["FR"] * len(levels))
    undertakings = facts.get("undertakings", [f"c{row}" for row in range(len(levels))])
    candidates = tuple(
        Candidate(f"c{row}", countries[row], is_sme=row % 2 == 0, undertaking=undertakings[row])
        for row in range(len(levels))
    )
    return Coverage(candidates, cells, np.array(levels))


def test_what_a_team_is_told_of_itself() -> None:
    coverage = _coverage(
        [[0.9, 0.0, 0.0, 0.0], [0.0, 0.8, 0.0, 0.0], [0.8, 0.0, 0.0, 0.0], [0.0, 0.3, 0.5, 0.0]]
    )
    best = propose(coverage, Rules()).teams[0]
    assert best.team.rows == [0, 1, 3]
    assert best.uncovered == (3,)
    assert best.contributions[0].cells == (0,)
    assert best.contributions[1].cells == ()
    assert best.alternates[0] == (2,)
    assert best.competing == ()


def test_members_who_could_each_do_all_of_it_are_named() -> None:
    coverage = _coverage([[0.9, 0.9], [0.5, 0.5], [0.9, 0.0]])
    team = Team({0: (True,), 1: (True,), 2: (True,)})
    assert competing(coverage, Rules(), team) == (0, 1)
    assert competing(coverage, Rules(), team.replacing(1, None)) == ()


def test_who_could_do_all_of_it_is_named_though_it_is_in_one_phase_only() -> None:
    design, validation = PhaseStage.design, PhaseStage.validation
    cells = (Cell("r1", design, 0.5, mandatory=True), Cell("r1", validation, 0.5, mandatory=True))
    candidates = tuple(Candidate(f"c{row}", "FR", is_sme=True, undertaking=f"c{row}") for row in range(2))
    coverage = Coverage(candidates, cells, np.array([[0.9, 0.3], [0.3, 0.9]]))
    phases = (Block((design,)), Block((validation,), CompositionChange.may_change))
    team = Team({0: (True, False), 1: (False, True)})
    assert competing(coverage, Rules(blocks=phases), team) == (0, 1)
    assert competing(coverage, Rules(), Team({})) == ()


def test_related_undertakings_count_once() -> None:
    coverage = _coverage([[0.9, 0.0], [0.0, 0.9], [0.0, 0.4]], undertakings=["c0", "c0", "c2"])
    assert propose(coverage, Rules()).teams[0].team.rows == [0, 2]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Rules(members_min=5, members_max=5), ["3 companies", "members_min"]),
        (Rules(countries_min=3), ["countries_min", "companies of 2 may take part"]),
        (Rules(smes_min=3), ["smes_min", "2 may take part"]),
        (
            Rules(members_max=2, smes_min=2, countries_min=2),
            ["smes_min", "countries_min", "related undertakings"],
        ),
        (Rules(fixed=frozenset({"c0", "c1"})), ["fixed", "c0 and c1 are related"]),
        (Rules(fixed=frozenset({"c9"})), ["c9", "may not take part"]),
    ],
)
def test_rules_in_conflict_are_named(asked: Rules, words: list[str]) -> None:
    coverage = _coverage(
        [[0.9, 0.0], [0.0, 0.9], [0.0, 0.4]], undertakings=["c0", "c0", "c2"], countries=["FR", "DE", "FR"]
    )
    found = propose(coverage, asked)
    assert not found.teams
    assert found.conflict is not None
    assert all(word in found.conflict for word in words), found.conflict


def test_where_nobody_answers_anything_that_is_said() -> None:
    found = propose(_coverage([[0.0, 0.0], [0.0, 0.0]]), Rules())
    assert (found.teams, found.conflict) == ((), "Nobody answers any requirement of the challenge yet.")
