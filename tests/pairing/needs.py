"""Needs and comparisons to test with: generated ones, and ones with what a test names."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import numpy as np
from hypothesis import strategies as st

from schemas.challenge import Challenge
from services.pairing.comparison import Side
from services.pairing.needs import paired

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBERS = count(1)
AT = datetime(2026, 11, 1, tzinfo=UTC)


def an_id(prefix: str, number: int) -> str:
    return f"{prefix}_{number:026d}"


def a_challenge(number: int | None = None, **fields: Any) -> Challenge:
    number = number or next(_NUMBERS)
    values: dict[str, Any] = {
        "id": an_id("chl", number),
        "version": 1,
        "state": "announced",
        "title": f"Need {number}",
        "need": "Pumps for cooling water.",
        "buyer": an_id("org", number),
        "buyer_name": f"Buyer {number}",
        "announced_by": an_id("org", number),
        "deadline": date(2027, 2, 1),
        "announced_at": AT,
        "changed_at": AT,
    }
    return Challenge.model_validate({**values, **fields})


def a_side(number: int | None = None, *, country: str | None = "FR", **fields: Any) -> Side:
    challenge = a_challenge(number, **fields)
    return Side(paired(challenge, country, "https://liaison.test"), challenge)


def requirements(*texts: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": f"r{place}", "text": text, **fields} for place, text in enumerate(texts, start=1)]


@st.composite
def sides(draw: st.DrawFn, number: int) -> Side:
    """A need with any purchase, regime, language and requirements."""
    starts = draw(st.none() | st.dates(date(2026, 1, 1), date(2030, 12, 31)))
    ends = draw(st.none() | st.dates(date(2031, 1, 1), date(2035, 12, 31)))
    lower = draw(st.none() | st.integers(0, 10**6))
    upper = draw(st.none() | st.integers(10**6, 10**9))
    purchase = {
        "starts": starts,
        "ends": ends,
        "volume": draw(st.none() | st.floats(0.1, 1e6)),
        "unit": draw(st.sampled_from(["pumps", "Pumps", "kWh"])),
        "budget": draw(
            st.none()
            | st.just({"minimum": lower, "maximum": upper, "currency": draw(st.sampled_from(["EUR", "CHF"]))})
        ),
    }
    made = draw(
        st.lists(
            st.fixed_dictionaries(
                {"mandatory": st.booleans(), "target": st.none() | st.sampled_from(["4", "5"])}
            ),
            max_size=5,
        )
    )
    return a_side(
        number,
        country=draw(st.sampled_from([None, "FR", "CH"])),
        purchase=draw(st.none() | st.just(purchase)),
        legal_regime=draw(st.sampled_from([None, "eu-directives", "own-rules"])),
        language=draw(st.sampled_from(["en", "fr"])),
        trl_start=draw(st.none() | st.integers(1, 9)),
        route=draw(st.sampled_from(["undecided", "ppi"])),
        requirements=[{"id": f"r{place}", "text": f"text {place}", **one} for place, one in enumerate(made)],
    )


def table(draw_from: int, rows: int, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Similarities that a seed decides."""
    return np.random.default_rng(draw_from).uniform(-0.2, 1.0, (rows, columns))
