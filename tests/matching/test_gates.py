"""Gates: what passes, what fails, what is not known, and the sentence that says so."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.match import GateName, GateState
from services.matching.gates import gates

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ULID = "01KAJ2Q6ZV0000000000000000"


def challenge(**given: Any) -> Challenge:
    return Challenge.model_validate(
        {
            "id": f"chl_{ULID}",
            "version": 1,
            "state": "announced",
            "title": "A quiet cooler",
            "need": "A cooler for a detector at 4 K.",
            "buyer": f"org_{ULID}",
            "buyer_name": "CERN",
            "announced_by": f"org_{ULID}",
            "announced_at": NOW,
            "changed_at": NOW,
            "deadline": date(2027, 1, 31),
            **given,
        }
    )


def company(**given: Any) -> Company:
    return Company.model_validate(
        {
            "id": f"cmp_{ULID}",
            "version": 1,
            "state": "active",
            "owner": f"org_{ULID}",
            "changed_at": NOW,
            "name": "Kelvin SARL",
            "legal_id": "FR 123.456-78",
            "country": "FR",
            **given,
        }
    )


def capability(trl: int | None, name: str = "c1") -> dict[str, Any]:
    return {"id": name, "text": "Cryocoolers for detectors", "trl": trl}


def gate(name: GateName, asked: Challenge, offered: Company, **rules: Any) -> tuple[GateState, str]:
    found = next(one for one in gates(asked, offered, **rules) if one.gate == name)
    return found.state, found.reason


def test_all_gates_in_one_order_and_open_where_nothing_is_asked() -> None:
    found = gates(challenge(), company())

    assert [one.gate for one in found] == list(GateName)
    assert {one.state for one in found} == {GateState.passed}


@pytest.mark.parametrize(
    ("countries", "rule", "state", "reason"),
    [
        ([], [], GateState.passed, "Open to companies of every country."),
        (["FR", "CH"], [], GateState.passed, "France is an eligible country."),
        (
            ["CH", "DE"],
            [],
            GateState.failed,
            "France is not among the eligible countries: Switzerland, Germany.",
        ),
        ([], ["DE"], GateState.failed, "France is not among the eligible countries: Germany."),
        (["FR"], ["DE"], GateState.passed, "France is an eligible country."),
    ],
)
def test_country(countries: list[str], rule: list[str], state: GateState, reason: str) -> None:
    asked = challenge(eligible_countries=countries)

    assert gate(GateName.eligible_country, asked, company(), buyers_countries=rule) == (state, reason)


def test_many_countries_are_counted() -> None:
    asked = challenge(eligible_countries=["AT", "BE", "CH", "DE", "DK", "ES", "IT"])

    assert gate(GateName.eligible_country, asked, company())[1].endswith("eligible countries: 7 countries.")


@pytest.mark.parametrize(
    ("levels", "state", "reason"),
    [
        ([], GateState.unknown, "TRL 5 is needed; the profile states none."),
        ([None], GateState.unknown, "TRL 5 is needed; the profile states none."),
        ([3, None, 4], GateState.failed, "The profile states at most TRL 4; TRL 5 is needed."),
        ([3, 6], GateState.passed, "The profile states TRL 6; TRL 5 is needed."),
    ],
)
def test_readiness(levels: list[int | None], state: GateState, reason: str) -> None:
    offered = company(capabilities=[capability(level, f"c{place}") for place, level in enumerate(levels)])

    assert gate(GateName.trl, challenge(trl_start=5), offered) == (state, reason)


def test_readiness_follows_the_most_that_is_mandatory_and_references_count() -> None:
    requirements = [
        {"id": "r1", "text": "Cools to 4 K", "mandatory": True, "trl_min": 6},
        {"id": "r2", "text": "Makes no noise", "mandatory": False, "trl_min": 9},
    ]
    asked = challenge(requirements=requirements, trl_start=3)
    offered = company(references=[{"id": "x1", "text": "A cooler for ESRF", "trl": 6}])

    assert gate(GateName.trl, asked, offered) == (
        GateState.passed,
        "The profile states TRL 6; TRL 6 is needed.",
    )


@pytest.mark.parametrize("name", [f"cmp_{ULID}", "FR12345678", "fr 123.456-78"])
def test_a_conflict_of_interest_is_found_by_any_spelling_of_the_id(name: str) -> None:
    asked = challenge(conflicts_of_interest=[name])

    state, reason = gate(GateName.conflict_of_interest, asked, company())

    assert state is GateState.failed
    assert (
        reason == "A conflict of interest is declared for this company; the buyer says how it is dealt with."
    )


def test_related_undertakings_count() -> None:
    offered = company(related_undertakings=["DE 99", "IT 7"])

    assert gate(GateName.exclusion, challenge(excluded=["it7"]), offered) == (
        GateState.failed,
        "The buyer has excluded the related undertaking IT 7.",
    )
    assert gate(GateName.conflict_of_interest, challenge(excluded=["it7"]), offered)[0] is GateState.passed


def test_an_id_without_letters_and_digits_matches_nothing() -> None:
    assert gate(GateName.exclusion, challenge(excluded=["--"]), company(legal_id="."))[0] is GateState.passed
