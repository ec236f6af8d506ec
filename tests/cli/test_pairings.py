"""`liaison pairings` and `liaison import plan`, against a served process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.eventually import eventually

pytestmark = pytest.mark.slow

PLAN = (
    "reference,title,description,year\na,Cooling pumps,Centrifugal pumps for cooling water,2027\nb,,,2027\n"
)
NEED = """{"title": "Pumps", "need": "Centrifugal pumps for cooling water.",
    "deadline": "2027-06-01", "buyer": "ess"}"""


async def test_a_plan_is_imported_and_its_pairing_led_by_hand(
    admin: Command, buyer: Command, tmp_path: Path, ess: Command
) -> None:
    said = buyer("pairings")
    assert said.code == 0
    assert "No pairing yet" in said.err
    (tmp_path / "plan.csv").write_text(PLAN, "utf-8")
    (tmp_path / "need.json").write_text(NEED, "utf-8")
    refused = buyer("import", "plan", str(tmp_path / "need.json"), "--buyer", "cern")
    assert (refused.code, "ends in" in refused.err) == (2, True)
    imported = buyer("import", "plan", str(tmp_path / "plan.csv"), "--buyer", "cern")
    assert imported.code == 1, "a row did not come in"
    assert "plan: 1 created" in imported.told
    assert "3" in imported.told
    assert ess("announce", str(tmp_path / "need.json")).code == 0

    async def found() -> str | None:
        listed = buyer("pairings", "--json").json()
        return listed[0]["id"] if listed else None

    pairing = await eventually(found)
    assert pairing is not None
    assert "CERN: Cooling pumps" in buyer("pairings").told
    assert "No group yet" in buyer("pairings", "groups").err
    assert "has to agree" in ess("pairings", "step", pairing, "confirmed").told
    shown = buyer("pairings", "show", pairing)
    assert "ESS asks for: confirmed" in shown.told
    assert f"liaison pairings step {pairing} confirmed" in shown.told.replace("\n", " ")
    assert buyer("pairings", "step", pairing, "confirmed", "--json").json()["state"] == "confirmed"
    legal = buyer("pairings", "person", pairing, "--role", "Legal", "--json").json()["id"]
    due = ("--title", "Agreement", "--due", "2035-03-31", "--responsible", legal)
    entry = ess("pairings", "deadline", pairing, *due, "--json").json()["id"]
    assert "changed" in buyer("pairings", "deadline", pairing, "--change", entry, "--done").told
    shown = buyer("pairings", "show", pairing)
    assert f"{entry} due 2035-03-31 (done): Agreement, Legal" in shown.told
    assert "CERN: stepped confirmed" in shown.told
    assert "removed" in buyer("pairings", "remove", pairing, entry).told
    plan = buyer("pairings", "plans", "--json").json()[0]["id"]
    assert "Cooling pumps" in buyer("pairings", "plans", plan).told
    unsaid = buyer("pairings", "step", pairing, "dissolved")
    assert (unsaid.code, "--reason" in unsaid.err) == (2, True)
    assert "dissolved" in buyer("pairings", "step", pairing, "dissolved", "--reason", "No money.").told
    assert pairing in buyer("pairings", "--dissolved").told


async def test_the_dialogue_is_led_by_hand(buyer: Command, tmp_path: Path, ess: Command) -> None:
    (tmp_path / "need.json").write_text(NEED, "utf-8")
    challenge = ess("announce", str(tmp_path / "need.json"), "--json").json()["id"]
    first = buyer("dialogue", "ask", challenge, "Is 50 Hz wanted?", "--json").json()["id"]
    second = buyer("dialogue", "ask", challenge, "50 or 60 Hz?", "--json").json()["id"]
    third = buyer("dialogue", "ask", challenge, "Who else asks?", "--json").json()["id"]
    assert "Is 50 Hz wanted?" in ess("dialogue", "show", challenge).told
    both = ("--question", first, "--question", second)
    unworded = ess("dialogue", "answer", challenge, "Either will do.", *both)
    assert (unworded.code, "--wording" in unworded.err) == (2, True)
    said = ess("dialogue", "answer", challenge, "Either will do.", *both, "--wording", "Which frequency?")
    assert "published as 1" in said.told
    assert "declined" in ess("dialogue", "decline", challenge, third, "--reason", "Nobody is told.").told
    shown = buyer("dialogue", "show", challenge).told
    for line in ("1. Which frequency?", "Either will do.", "answered as 1", "declined: Nobody is told."):
        assert line in shown
