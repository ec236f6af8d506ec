"""The builders on small inputs of the sources' shapes; the sources themselves are not in the repository."""

from __future__ import annotations

from typing import Any

import pytest

from services.demo import companies_of_anr, needs
from services.demo.prose import language_of, names_people, readable, without_people


def project(**changed: Any) -> dict[str, Any]:
    return {
        "id": "ANR-11-EQPX-0001",
        "action": "EQPX",
        "acronym": "PUMP",
        "title": "Pumps for liquid helium at high flow",
        "abstract_fr": "The pumps are tested at 4 K for the cooling of magnets. They run for many hours with "
        "no wear. En 2016, trois publications ont paru. Le projet est dirigé par Jeanne MARTIN.",
        "partners": [
            {"name": "Pompes &amp; Cie", "category": "Entreprises Privées", "region": "Bretagne"},
            {"name": "Université de Brest", "category": "Universités, INSA et INP", "region": "Bretagne"},
            {"name": "xenios", "category": "Etranger", "region": "Etranger"},
        ],
        **changed,
    }


def test_companies_have_the_texts_of_their_projects() -> None:
    companies = companies_of_anr.build([project(), project(id="ANR-11-NCUN-0002", action="NCUN")])
    pumps, abroad = companies
    assert (pumps["id"], pumps["name"], pumps["country"], pumps["nuts"]) == (
        "pompes-cie",
        "Pompes & Cie",
        "FR",
        "FRH",
    )
    assert (abroad["country"], "nuts" in abroad) == ("DE", False)
    (capability,) = pumps["capabilities"]
    assert capability["language"] == "en"
    assert capability["text"] == (
        "Pumps for liquid helium at high flow. The pumps are tested at 4 K for the cooling of magnets. "
        "They run for many hours with no wear."
    )


@pytest.mark.parametrize(
    "left_out",
    [
        {"title": "PUMP", "abstract_fr": None},
        {"title": "Histoire des pompes à hélium"},
        {"action": "CAMP"},
    ],
)
def test_projects_that_say_nothing_of_technology_are_left_out(left_out: dict[str, Any]) -> None:
    assert companies_of_anr.build([project(**left_out)]) == []


def test_clusters_are_groupings_of_enough_members() -> None:
    companies = [{"id": f"c{n}", "nuts": "FRH"} for n in range(companies_of_anr.CLUSTER_MEMBERS_MIN)]
    (bretagne,) = companies_of_anr.clusters([*companies, {"id": "far", "nuts": "FRM"}, {"id": "abroad"}])
    assert bretagne["handle"] == "demo-bretagne"
    assert bretagne["members"] == [company["id"] for company in companies]


def call(topic: str) -> dict[str, Any]:
    return {
        "topic_id": topic,
        "title": "Pumps for helium (IA) (Partnership on Pumps)",
        "description": "Scope:Proposals should:develop pumps that run at 4 K for years;test the pumps in an "
        "accelerator. Applicants must be eligible legal entities of a consortium.[1]nullActivities are "
        "expected to achieve TRL 6-7 by the end of the project – see General Annex B.",
        "types_of_action": "HORIZON Innovation Actions",
        "deadline": "2027-01-01",
        "url": "https://example.org/" + topic,
    }


def notice(number: str) -> dict[str, Any]:
    return {
        "id": number,
        "buyer": "Works",
        "country": "UK",
        "title": "Pumps.",
        "need": "Pumps are needed.",
        "lots": [{"id": "1", "title": "", "text": "Pumps are needed. They run at 4 K."}],
        "language": "en",
        "cpv": ["42122000"],
    }


def test_challenges_are_cut_to_what_is_asked_for() -> None:
    challenges, buyers = needs.build(map(call, needs.CALLS), map(notice, needs.NOTICES))
    (live,) = [challenge for challenge in challenges if challenge.get("live")]
    assert live["title"] == "Pumps for helium"
    assert live["need"] == (
        "Scope:\nProposals should:\n- develop pumps that run at 4 K for years\n"
        "- test the pumps in an accelerator."
    )
    assert live["trl_target"] == 7
    days = [challenge["deadline_in_days"] for challenge in challenges]
    assert days == sorted(set(days))
    assert {challenge["buyer"] for challenge in challenges} == {buyer["handle"] for buyer in buyers}
    bought = challenges[-1]
    assert bought["need"] == "Pumps are needed. They run at 4 K."
    assert buyers[-1]["country"] == "GB"


def test_a_source_that_lacks_a_call_is_named() -> None:
    with pytest.raises(KeyError, match="HORIZON"):
        needs.build([], map(notice, needs.NOTICES))


@pytest.mark.parametrize(
    "sentence",
    [
        "The team of Amélie BONNEFOND works.",
        "Prof. Xu leads it.",
        "Write to a.b@c.fr",
        "Projet porté par Inès",
        "J. Dupont",
    ],
)
def test_persons_are_noticed(sentence: str) -> None:
    assert names_people(sentence)


def test_organisations_are_no_persons() -> None:
    for sentence in (
        "The SUNRISE project aims at drought.",
        "Le CEBA est un Labex.",
        "CNRS and Thales measure.",
    ):
        assert not names_people(sentence)


def test_reading() -> None:
    assert readable("« Pompes  à\nhélium »").strip() == "Pompes à hélium"
    assert language_of("Pumps for the cooling of magnets") == "en"
    assert language_of("Des pompes pour le froid") == "fr"
    assert without_people("Pumps", "x " * 600, 50) == "Pumps"
