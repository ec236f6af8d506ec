"""A bundle as the product would keep it."""

from __future__ import annotations

from services.evaluation.bundle import BundleChallenge, BundleCompany, BundleText
from services.evaluation.entities import challenges_of, companies_of


def need(title: str, need: str, *lots: str) -> str:
    [made] = challenges_of([BundleChallenge("n", title, need, "en", lots=lots)])
    return made.need


def test_a_need_is_completed_by_what_its_lots_say_and_never_empty() -> None:
    assert need("Cleaning", "We need cleaning.") == "We need cleaning."
    assert need("Cleaning", "Offices.", "Windows", "Offices") == "Offices.\nWindows"
    assert need("Cleaning", "", "Cleaning", "Two offices") == "Two offices"
    assert need("Cleaning", " ") == "Cleaning"


def test_ids_are_the_same_in_every_run_and_requirements_are_cut_from_the_need() -> None:
    rows = [BundleChallenge(name, "Cleaning", "Windows must be cleaned.", "en") for name in "ab"]

    assert challenges_of(rows) == challenges_of(rows)
    assert len({one.id for one in challenges_of(rows)}) == 2
    assert [one.text for one in challenges_of(rows)[0].requirements] == ["Windows must be cleaned"]


def test_blank_capabilities_are_left_out() -> None:
    texts = (BundleText("1", " ", "en"), BundleText("2", "Reinigung", "de"))
    [made] = companies_of([BundleCompany("c", "A\nname", texts)])

    assert made.name == "A name"
    assert [(one.text, one.language) for one in made.capabilities] == [("Reinigung", "de")]
