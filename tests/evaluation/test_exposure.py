"""Who is among the first, and whether being known explains it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluation.bundle import BundleCompany, BundleText
from services.evaluation.exposure import DEPTH, exposure


def company(name: str, texts: int, country: str | None = None, size: str | None = None) -> BundleCompany:
    stated = tuple(BundleText(str(place), "Something", "en") for place in range(texts))
    return BundleCompany(name, name, stated, country=country, size_class=size)


def test_shares_stand_beside_those_of_all_companies() -> None:
    companies = [company("a", 1, "FR"), company("b", 2, "FR"), company("c", 3, "DE"), company("d", 4)]

    found = exposure(companies, [["a", "c"], ["a", "b"]])

    assert found.shares["country"] == {"DE": (0.25, 0.25), "FR": (0.75, 0.5), "unknown": (0.0, 0.25)}
    assert found.shares["newcomer"] == {"newcomer": (0.5, 0.25), "others": (0.5, 0.75)}
    assert "size_class" not in found.shares


def test_only_the_first_ten_count_for_the_shares() -> None:
    companies = [company(f"c{n:02}", 1, size="small" if n < DEPTH else "large") for n in range(15)]

    found = exposure(companies, [[one.id for one in companies]])

    assert found.shares["size_class"]["large"] == pytest.approx((0.0, 1 / 3))


def test_popularity_is_negative_where_more_texts_come_earlier() -> None:
    companies = [company("many", 9), company("some", 5), company("few", 1)]

    assert exposure(companies, [["many", "some", "few"]]).popularity == pytest.approx(-1.0)
    assert exposure(companies, [["few", "some", "many"]]).popularity == pytest.approx(1.0)
    assert exposure(companies, [["many"]]).popularity == pytest.approx(-0.866, abs=1e-3)
    assert exposure(companies, [["many", "some", "few"], ["few", "some", "many"]]).popularity is None
    assert exposure([company("a", 2), company("b", 2)], [["a", "b"]]).popularity is None


@settings(deadline=None)  # the first call of scipy.stats takes long
@given(st.lists(st.permutations(["a", "b", "c", "d"]), min_size=1, max_size=6))
def test_shares_of_a_grouping_sum_to_one(rankings: list[list[str]]) -> None:
    companies = [company("a", 1, "FR"), company("b", 2, "FR"), company("c", 3, "DE"), company("d", 0)]

    for groups in exposure(companies, rankings).shares.values():
        first, everybody = zip(*groups.values(), strict=True)
        assert (sum(first), sum(everybody)) == pytest.approx((1.0, 1.0))
