"""Whatever a subscription can ask for is said in a line that a person understands, with the page to read
on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schemas.events import EVENTS
from services.gateway.syndication.telling import Told, announced, told, why
from services.notification.routing import ROUTED, Concern
from tests.notification import routes
from tests.notification.routes import CHALLENGES

WANTED = "“Pressure sensor” (CERN, until 1 February 2027)"
ABOUT = {"id": CHALLENGES[0], "title": "Pressure sensor", "buyer_name": "CERN", "deadline": "2027-02-01"}
SIDES = {
    "first": {"title": "Pumps", "buyer_name": "CERN"},
    "second": {"title": "Pompes", "buyer_name": "ESO"},
}
BOTH = "“Pumps” (CERN) and “Pompes” (ESO)"
TEAM: dict[str, Any] = {"id": "con_1", "challenge": ABOUT, "headline": "A consortium of 2 needs you."}
STEP: dict[str, Any] = {**SIDES, "pairing": "pai_1", "state": "market-research"}
GROUP: dict[str, Any] = {
    "id": "grp_1",
    "needs": [{"buyer_name": name} for name in ("CERN", "ESO", "ESS")],
    "headline": "All three.",
}
CHALLENGE = f"/challenges/{CHALLENGES[0]}"

TABLE: dict[str, tuple[dict[str, Any], Told]] = {
    "company.stale": (
        {"company": "cmp_1", "headline": "Look at Optiek.", "last_confirmed": "2025-11-26"},
        Told("Look at Optiek.", "It was last changed or confirmed on 26 November 2025.", "/companies/cmp_1"),
    ),
    "consortium.gaps-changed": (
        {"challenge": ABOUT, "sought": "A partner that answers r3."},
        Told(f"Still sought for {WANTED}", "A partner that answers r3.", f"{CHALLENGE}#consortia"),
    ),
    **{
        f"consortium.{verb}": (TEAM, Told(f"{said}: {WANTED}", TEAM["headline"], "/consortia/con_1"))
        for verb, said in {
            "proposed": "A consortium is proposed",
            "updated": "A consortium has changed",
            "consented": "A member of a consortium has consented",
            "introduced": "The members of a consortium know each other",
            "formed": "A consortium is formed",
            "declined": "A consortium is declined",
            "dissolved": "A consortium is dissolved",
        }.items()
    },
    "consortium.sought": (
        {"consortium": "con_1", "challenge": ABOUT, "headline": "It needs Optiek."},
        Told(f"A consortium needs somebody like you: {WANTED}", "It needs Optiek.", "/consortia/con_1"),
    ),
    "dialogue.question-received": (
        {"challenge": ABOUT},
        Told(f"Somebody asks about {WANTED}", "It waits for the buyer's answer.", f"{CHALLENGE}/dialogue"),
    ),
    "dialogue.question-declined": (
        {"challenge": ABOUT, "reason": "It is a secret."},
        Told(f"Your question about {WANTED} is not answered", "It is a secret.", f"{CHALLENGE}/dialogue"),
    ),
    "dialogue.published": (
        {"challenge": ABOUT, "entries": [{"question": "Is 50 Hz enough?", "answer": "Yes."}]},
        Told(f"1 answer about {WANTED}", "Is 50 Hz enough? → Yes.", f"{CHALLENGE}/dialogue"),
    ),
    "pairing.suggested": (
        {**SIDES, "id": "pai_1", "headline": "0.7 alike"},
        Told(f"Could be bought together: {BOTH}", "0.7 alike", "/pairings/pai_1"),
    ),
    "pairing.updated": (
        {**SIDES, "id": "pai_1", "headline": "0.8 alike"},
        Told(f"Stand otherwise to each other: {BOTH}", "0.8 alike", "/pairings/pai_1"),
    ),
    "pairing.step-asked": (
        {**STEP, "to": "agreement"},
        Told(
            f"The other buyer wants the step “agreement”: {BOTH}",
            "They are at “market research”.",
            "/pairings/pai_1",
        ),
    ),
    "pairing.stepped": (
        {**STEP, "before": "financing"},
        Told(f"Now at “market research”: {BOTH}", "Before: “financing”.", "/pairings/pai_1"),
    ),
    "pairing.dissolved": (
        {**STEP, "reason": "No budget."},
        Told(f"Dissolved: {BOTH}", "No budget.", "/pairings/pai_1"),
    ),
    "pairing.noted": (
        {**STEP, "kind": "document", "change": "added"},
        Told(
            f"A document was added: {BOTH}", "What it says is on the page of the pairing.", "/pairings/pai_1"
        ),
    ),
    "pairing.reminder": (
        {**STEP, "title": "Agreement", "due": "2027-03-31"},
        Told(
            f"“Agreement” is due on 31 March 2027: {BOTH}",
            "A deadline of the pairing comes near.",
            "/pairings/pai_1",
        ),
    ),
    **{
        f"pairing.group-{verb}": (GROUP, Told(said, "All three.", "/pairings/groups/grp_1"))
        for verb, said in {
            "formed": "CERN, ESO and ESS could buy together",
            "changed": "The group of CERN, ESO and ESS has changed",
            "dissolved": "CERN, ESO and ESS no longer form a group",
        }.items()
    },
}
MADE: dict[str, tuple[Concern, str, str]] = {
    "challenge.announced": (
        routes.announced(routes.challenge(eligible_countries=["FR"])),
        "CERN wants: Pressure sensor, until 1 February 2027",
        CHALLENGE,
    ),
    "challenge.amended": (routes.amended(routes.challenge()), f"Amended: {WANTED}", f"{CHALLENGE}/versions"),
    "challenge.stepped": (routes.stepped(routes.challenge(state="consulting")), "…", CHALLENGE),
    "challenge.withdrawn": (routes.withdrawn(routes.challenge()), f"Withdrawn: {WANTED}", CHALLENGE),
    "challenge.matched": (
        routes.settled(routes.challenge()),
        f"Matching has settled on {WANTED}",
        CHALLENGE,
    ),
    "match.suggested": (routes.matched(routes.challenge()), " (FR) fits “", "/matches/mat_"),
    "match.updated": (
        routes.matched(routes.challenge(), previous=0.4),
        "otherwise than before",
        "/matches/mat_",
    ),
    "match.retracted": (
        routes.matched(routes.challenge(), retracted=True),
        "is no longer suggested for",
        "/matches/mat_",
    ),
    "match.answered": (routes.answered(routes.challenge()), "is interested in", "/matches/mat_"),
}


def test_every_type_that_can_be_asked_for_is_in_a_table() -> None:
    assert {f"liaison.{kind}.v1" for kind in (*TABLE, *MADE)} == ROUTED


@pytest.mark.parametrize("kind", TABLE)
def test_it_is_said_in_a_line(kind: str) -> None:
    data, expected = TABLE[kind]
    name = f"liaison.{kind}.v1"
    assert data.keys() <= EVENTS[name].model_fields.keys(), "fields of the event as it is published"
    made = routes.reminder()
    assert told(replace(made, event=replace(made.event, type=name, data=data), others=())) == expected


@pytest.mark.parametrize("kind", MADE)
def test_matches_and_announcements_are_said_in_a_line(kind: str) -> None:
    concern, title, path = MADE[kind]
    found = told(concern)
    assert concern.event.type == f"liaison.{kind}.v1"
    assert title in found.title
    assert found.path.startswith(path)
    assert "\n" not in found.title
    assert bool(why(concern)) == kind.startswith("match.")


def test_an_announcement_is_in_its_own_language() -> None:
    made = routes.challenge(language="de", title="Drucksensor", need="Drucksensor. Wir müssen messen.")
    assert announced(made) == Told("Drucksensor · CERN · 2027-02-01", "Wir müssen messen.", CHALLENGE)


def test_a_suggestion_says_where_to_read_how_a_score_comes_about() -> None:
    assert told(routes.matched(routes.challenge())).scores == "https://liaison.test/scores"
    assert told(routes.matched(routes.challenge(), retracted=True)).scores is None
