"""Which texts of a profile get a vector."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.company import Company
from services.intake.parts import Part, company_parts

ULID = "01KAJ2Q6ZV0000000000000000"


def company(**given: Any) -> Company:
    return Company.model_validate(
        {
            "id": f"cmp_{ULID}",
            "version": 1,
            "state": "active",
            "owner": f"org_{ULID}",
            "changed_at": datetime(2026, 11, 21, tzinfo=UTC),
            "name": "Kelvin SARL",
            "country": "FR",
            **given,
        }
    )


def test_a_text_that_is_there_twice_counts_once() -> None:
    profile = company(
        capabilities=[
            {"id": "c1", "text": "Cryocoolers down to 4 K"},
            {"id": "c2", "text": "cryocoolers  down to 4 K"},
            {"id": "c3", "text": "Helium leak testing"},
        ],
        references=[
            {"id": "x1", "text": "Cryocoolers down to 4 K"},
            {"id": "x2", "text": "A cooler for ESRF"},
        ],
    )

    assert company_parts(profile) == [
        Part("c1", "Cryocoolers down to 4 K"),
        Part("c3", "Helium leak testing"),
        Part("x2", "A cooler for ESRF"),
    ]
