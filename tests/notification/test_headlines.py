"""One line says what is wanted, by whom, until when and why; and where to read on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.dialogue import Entry
from schemas.digest import ITEMS_MAX
from schemas.events import (
    CompanyStale,
    ConsortiumSought,
    DialoguePublished,
    EventData,
    GapsChanged,
    QuestionDeclined,
    QuestionReceived,
)
from schemas.match import MatchedChallenge
from services.kernel.identifiers import new_id
from services.notification.digest import Entry as Collected
from services.notification.digest import collected, fold, headline
from services.notification.headlines import item
from services.notification.routing import Concern, concern
from services.notification.threads import Stance
from tests.matching.suggestions import suggestion
from tests.notification.routes import (
    amended,
    announced,
    answered,
    challenge,
    event,
    matched,
    reminder,
    settled,
    stepped,
    withdrawn,
)

URL = "https://liaison.test"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ABOUT = challenge(0)
WANTED = "“Pressure sensor”, wanted by CERN until 1 February 2027"
NAMED = MatchedChallenge.of(ABOUT, page=f"{URL}/challenges/{ABOUT.id}")
QUESTION, CONSORTIUM = new_id("que"), new_id("con")
ENTRY = Entry(number=1, question=None, answer="Yes.", merged=0, published_at=NOW)
COMPANY = suggestion(ABOUT.id, new_id("cmp")).company

STALE = CompanyStale(
    company=COMPANY.id,
    version=2,
    owner=new_id("org"),
    name=COMPANY.name,
    country="FR",
    last_confirmed=NOW.date(),
    headline="Cryosense has not been confirmed for a year.",
    page=f"{URL}/companies/{COMPANY.id}",
)


def of(data: EventData) -> Concern:
    return concern(event(data), {ABOUT.id: ABOUT})


@pytest.mark.parametrize(
    ("one", "says", "page"),
    [
        (matched(ABOUT), f"{WANTED}, for Cryosense (FR): 1 of 1 requirement", "/matches/mat_"),
        (
            matched(ABOUT, score=0.6, previous=0.4),
            f"{WANTED}, for Cryosense (FR) (was 0.40): 1 of 1 requirement",
            "/matches/mat_",
        ),
        (matched(ABOUT, retracted=True), f"No longer for Cryosense (FR): {WANTED}: …", "/matches/mat_"),
        (answered(ABOUT), f"Cryosense (FR) is interested in {WANTED}", "/matches/mat_"),
        (announced(ABOUT), f"New: {WANTED}", f"/challenges/{ABOUT.id}"),
        (amended(ABOUT), f"Changed: {WANTED}", f"/challenges/{ABOUT.id}"),
        (stepped(ABOUT), "…", f"/challenges/{ABOUT.id}"),
        (of(STALE), STALE.headline, f"/companies/{COMPANY.id}"),
        (withdrawn(ABOUT), f"Withdrawn: {WANTED}: …", f"/challenges/{ABOUT.id}"),
        (settled(ABOUT), "“Pressure sensor”: 1 suggestion stands", f"/challenges/{ABOUT.id}"),
        (
            of(GapsChanged(challenge=NAMED, gaps=(), sought="A partner for r3.")),
            f"{WANTED}: A partner for r3.",
            f"/challenges/{ABOUT.id}",
        ),
        (
            of(
                ConsortiumSought(
                    consortium=CONSORTIUM, challenge=NAMED, company=COMPANY, covers=(), headline="You fit."
                )
            ),
            f"{WANTED}: You fit.",
            f"/consortia/{CONSORTIUM}",
        ),
        (
            of(QuestionReceived(challenge=NAMED, question=QUESTION)),
            f"A question was asked on {WANTED}",
            f"/challenges/{ABOUT.id}/dialogue",
        ),
        (
            of(QuestionDeclined(challenge=NAMED, question=QUESTION, reason="it was answered")),
            f"A question of yours was declined (it was answered) on {WANTED}",
            f"/challenges/{ABOUT.id}/dialogue",
        ),
        (
            of(DialoguePublished(challenge=NAMED, entries=(ENTRY, ENTRY))),
            f"2 answers published on {WANTED}",
            f"/challenges/{ABOUT.id}/dialogue",
        ),
        (reminder(), "Pairing reminder: “Pumps” and “Pumps”", "/pairings/"),
    ],
    ids=lambda one: one.event.type if isinstance(one, Concern) else "",
)
def test_every_kind_of_event_in_one_line(one: Concern, says: str, page: str) -> None:
    found = item(one, URL)
    assert found.headline == says
    assert found.page.startswith(URL + page)
    assert (found.match is not None) == (".match." in found.type and "answered" not in found.type)


def test_what_is_too_much_for_a_digest_is_counted() -> None:
    about: dict[str, Any] = {
        one.event.id: item(one, URL) for one in (matched(ABOUT, score=0.5) for _ in range(ITEMS_MAX + 3))
    }
    entries = [
        Collected(name, f"match:{name}", Stance.opens, 0.4 + place / 1_000, place)
        for place, name in enumerate(about, start=1)
    ]
    folded = fold(entries)
    assert folded.listed == [one.event for one in reversed(entries)][:ITEMS_MAX]
    found = collected(new_id("sub"), entries, folded, about, NOW)
    assert (len(found.items), found.more, found.events) == (ITEMS_MAX, 3, ITEMS_MAX + 3)
    assert headline(found, folded).startswith(
        "53 matches since 21 November 2026. The best: “Pressure sensor”"
    )
