"""The sentence at the head of a suggestion, and what is quoted."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from schemas.challenge import RequirementKind
from schemas.match import Answer, RequirementMatch
from services.intake.parts import PASSAGE_MAX
from services.matching.scoring import MatchScore
from services.matching.suggestion import HEADLINE_QUOTE, Composer, headline, versions_of
from tests.derivation import Derivation, words
from tests.intake.people import ADMIN
from tests.matching.market import announce, change, company

SENSORS = "Cryogenic pressure sensors"


def requirement(name: str, score: float, text: str = SENSORS, **fields: Any) -> RequirementMatch:
    return RequirementMatch(
        id=name,
        text="…",
        kind=RequirementKind.capability,
        mandatory=fields.pop("mandatory", False),
        score=score,
        answered_by=Answer(capability="c1", text=text, similarity=0.5) if text else None,
        **fields,
    )


@pytest.mark.parametrize(
    ("answers", "unanswered", "sentence"),
    [
        ((), 0, "The profile as a whole is near to the need."),
        ((requirement("r1", 0.8),), 0, f"1 of 1 requirement; “{SENSORS}” answers r1"),
        (
            (
                requirement("r1", 0.5),
                requirement("r2", 0.9),
                requirement("r3", 0.1, missing=("flange", "40 mm")),
            ),
            1,
            f"2 of 3 requirements; “{SENSORS}” answers r2; missing: flange, 40 mm",
        ),
        (
            (
                requirement("r1", 0.1, missing=("helium",)),
                requirement("r2", 0.2, missing=("radiation",), mandatory=True),
            ),
            2,
            "0 of 2 requirements; missing: radiation",
        ),
        ((requirement("r1", 0.1, text="", missing=("helium",)),), 1, "0 of 1 requirement; missing: helium"),
    ],
)
def test_the_headline_says_how_many_what_best_and_what_is_missing(
    answers: tuple[RequirementMatch, ...], unanswered: int, sentence: str
) -> None:
    assert headline(answers, unanswered) == sentence


def test_a_long_capability_is_quoted_in_part_on_one_line() -> None:
    long = "Cryogenic pressure sensors\nfor helium lines, " + "and more " * 40
    sentence = headline((requirement("r1", 0.8, text=long),), 0)
    quoted = sentence.split("“")[1].split("”")[0]
    assert quoted.endswith(" and …")
    assert "\n" not in sentence
    assert len(quoted) <= HEADLINE_QUOTE + 2


async def test_an_answer_from_a_long_text_quotes_the_passage_under_the_id_that_its_owner_gave(
    local: Derivation,
) -> None:
    bakery = "We bake bread and cakes for canteens and deliver them every morning. " * 10
    sensors = "We make cryogenic pressure sensors for liquid helium lines, calibrated at 4 K. " * 9
    assert len(bakery + sensors) > PASSAGE_MAX
    await company(local, "Boulangerie", bakery + sensors, owner=local.world.firm)
    challenge = await announce(local)
    await local.settle()

    found = (await local.matches.of_challenge(ADMIN, challenge.id, after=None, limit=5))[0]
    answer = found.requirements[0].answered_by
    assert answer is not None
    assert answer.capability == "c2"
    assert answer.text.endswith("calibrated at 4 K.")
    assert "bread" not in answer.text
    assert len(answer.text) <= PASSAGE_MAX
    for word in found.requirements[0].words:
        if word.in_capability is not None:
            start, end = word.in_capability
            assert answer.text[start:end].lower()[:4] == word.word.lower()[:4]


async def test_what_is_too_weak_is_not_composed(local: Derivation) -> None:
    challenge = await announce(local)
    look = await local.mind.board.look(challenge)
    made = await company(local, "Boulangerie")
    profile = (await local.mind.profiles.get({made.id: 1}))[made.id]
    composer = Composer(words(), public_url="", versions=versions_of(local.mind.generations.serving))
    with pytest.raises(ValueError, match="below what is suggested"):
        composer.compose(
            look.ready, profile, MatchScore(0.1, None, ()), because="", now=local.world.clock.now()
        )


async def test_a_version_of_a_profile_that_was_explained_is_forgotten_with_the_next(
    local: Derivation,
) -> None:
    """What explanations keep must not keep the vectors of every version there ever was."""
    made = await company(local, "Cryosense")
    challenge = await announce(local)
    await local.settle()
    suggested = (await local.matches.of_challenge(ADMIN, challenge.id, after=None, limit=5))[0]
    assert any(one.missing for one in suggested.requirements), "its words were looked through"
    first = (await local.mind.profiles.get({made.id: 1}))[made.id]
    vectors = weakref.ref(first.texts.dense)
    del first

    await change(local, made, "Pressure valves")
    await local.settle()
    assert (await local.mind.profiles.get({made.id: 2}))[made.id].company.version == 2
    gc.collect()
    assert vectors() is None
