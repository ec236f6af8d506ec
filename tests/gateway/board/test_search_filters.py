"""Addresses of the search page: what they narrow to, what they say in vain, and what a click promises."""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.search import Facets, FacetValue, SearchKind
from services.gateway.board.views.search_filters import Asked, choices, chosen, understood
from services.search.wanted import Wanted

NOTHING = Facets(kind=(), country=(), cpv=(), stage=(), trl=())
LEVELS = st.sampled_from(["", *map(str, range(1, 10))])


def led_to(address: str) -> Asked:
    """What the page makes of one of its own links."""
    asked = dict(parse_qsl(urlsplit(address).query))
    question = asked.pop("q", "")
    found, unknown = understood(question, asked)
    assert not unknown
    return found


@pytest.mark.parametrize(
    ("name", "written", "what"),
    [
        ("kind", "robots", "a kind of result"),
        ("country", "Narnia", "a country"),
        ("cpv", "99", "the beginning of a CPV code"),
        ("cpv", "3", "the beginning of a CPV code"),
        ("stage", "dreaming", "a stage"),
        ("trl", "0", "a TRL, 1 to 9"),
        ("trl_min", "ten", "a TRL, 1 to 9"),
        ("trl_max", "10", "a TRL, 1 to 9"),
    ],
)
def test_what_is_not_known_is_said_and_neither_narrows_nor_lasts(name: str, written: str, what: str) -> None:
    asked, unknown = understood("helium", {"stage": "design"} | {name: written})
    assert [(one.value, one.what) for one in unknown] == [(written, what)]
    assert asked.wanted == Wanted(stage=None if name == "stage" else "design")
    assert chosen(NOTHING, asked) == ([] if name == "stage" else [("Stage: design", "/search?q=helium")])
    assert written not in asked.address()
    assert written not in dict(asked.filters).values()


def test_what_is_meant_is_understood() -> None:
    written = {"kind": "company", "country": "denmark", "cpv": "38420000-5", "stage": " design ", "trl": "7"}
    asked, unknown = understood("helium", written)
    assert not unknown
    assert asked.wanted == Wanted(SearchKind.company, "DK", "38420000", "design", 7, 7)
    assert understood("x", {"country": "uk"})[0].country == "GB"
    assert led_to(asked.address()) == asked
    assert [label for label, _ in chosen(NOTHING, asked)][1::3] == ["Country: Denmark", "Readiness: TRL 7"]
    assert dict(asked.filters) == {
        "kind": "company",
        "country": "DK",
        "cpv": "38420000",
        "stage": "design",
        "trl_min": "7",
        "trl_max": "7",
    }


@given(st.lists(st.integers(1, 9), max_size=12), LEVELS, LEVELS)
def test_readiness_is_offered_as_the_least_with_all_that_are_above(
    there: list[int], low: str, high: str
) -> None:
    exact = tuple(
        FacetValue(value=str(level), label=f"TRL {level}", count=count)
        for level, count in Counter(there).most_common()
    )
    asked = Asked("helium", country="FR", trl_min=low, trl_max=high)
    offered = choices(NOTHING.model_copy(update={"trl": exact}), asked)
    assert len(offered) == bool(there)
    for one in offered[0][1] if offered else ():
        left = led_to(one.address).wanted
        assert (left.country, left.trl_max) == ("FR", None)
        assert one.chosen == (one.value.value == low and not high)
        if one.chosen:
            assert left.trl_min is None
        else:
            assert left.trl_min is not None
            assert one.value.count == sum(level >= left.trl_min for level in there)
    said = [label for label, _ in chosen(NOTHING, asked)]
    assert len(said) == 1 + bool(low or high)
    taken_away = led_to(chosen(NOTHING, asked)[-1][1])
    assert (taken_away.trl_min, taken_away.trl_max) == (("", "") if low or high else (low, high))
