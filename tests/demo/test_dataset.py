from __future__ import annotations

import re
from datetime import date

import pytest

from schemas.codes import nuts_country
from schemas.company import SizeClass
from schemas.organisation import OrganisationKind
from services.demo.dataset import DATA, DemoData, load
from services.intake.requirements import extract

SHIPPED_MAX = 300_000
"""Bytes: the demo data must not weigh on every installation."""
CONTACT = re.compile(
    r"[\w.]+@\w+\.\w+|\+\d{2}[\d ]{7,}|(?<!\d)0\d(?:[ .]\d\d){4}|"
    r"\b(?:Prof|Dr|Mme|Mrs|Monsieur|Madame)\.? [A-Z]"
)


@pytest.fixture(scope="module")
def data() -> DemoData:
    return load()


def test_there_is_enough_to_see(data: DemoData) -> None:
    assert len(data.challenges) >= 25
    assert len(data.companies) >= 300
    assert 8 <= len(data.clusters) <= 12
    assert len({company.country for company in data.companies.values()}) >= 4
    assert {challenge.fields["language"] for challenge in data.challenges} >= {"en", "fr", "cs", "de"}
    assert {challenge.fields.get("route") for challenge in data.challenges} >= {"pcp", "ppi"}


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in DATA.glob("*.gz")) < SHIPPED_MAX


def test_everything_refers_to_something(data: DemoData) -> None:
    handles = {buyer.handle for buyer in data.buyers}
    assert len(handles) == len(data.buyers)
    for challenge in (data.live, *data.challenges):
        assert challenge.fields["buyer"] in handles
        assert challenge.source.startswith("https://")
        assert challenge.deadline_in_days > 0
    titles = [challenge.fields["title"] for challenge in (data.live, *data.challenges)]
    assert len(set(titles)) == len(titles)
    for cluster in data.clusters:
        assert cluster.organisation.kind is OrganisationKind.cluster
        assert "demo grouping" in cluster.organisation.name
        assert set(cluster.members) <= set(data.companies)


def test_companies_can_do_something_somewhere(data: DemoData) -> None:
    for key, company in data.companies.items():
        assert company.capabilities, key
        assert company.nuts is None or nuts_country(company.nuts) == company.country
    names = [company.name.casefold() for company in data.companies.values()]
    assert len(set(names)) == len(names)
    industry = [c for c in data.companies.values() if c.size_class is not SizeClass.research]
    assert len(industry) > len(names) / 2


def test_deadlines_follow_the_day_of_loading(data: DemoData) -> None:
    today = date(2031, 5, 17)
    assert all(challenge.content(today).deadline > today for challenge in data.challenges)


def test_requirements_come_out_of_every_need(data: DemoData) -> None:
    for challenge in (data.live, *data.challenges):
        need = challenge.content(date(2031, 5, 17)).need
        found = extract(need, challenge.fields["language"], title=challenge.fields["title"])
        assert found
        assert all(need[one.start : one.end] for one in found)
    assert len(extract(data.live.fields["need"], "en")) >= 6


def test_no_person_and_no_contact_is_in_a_text(data: DemoData) -> None:
    texts = [challenge.fields["need"] for challenge in (data.live, *data.challenges)]
    texts += [capability.text for company in data.companies.values() for capability in company.capabilities]
    for text in texts:
        assert not CONTACT.search(text), text
