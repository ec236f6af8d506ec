"""Who has worked with whom: what two profiles have in common, letter by letter."""

from __future__ import annotations

import numpy as np
import pytest

from services.consortia.acquaintance import Acquaintances, counted, missing
from services.consortia.meaning import KeptMeaning
from services.kernel.database import Database
from services.kernel.embedding.cached import text_digest
from services.kernel.embedding.fixed_point import quantise, to_bytes
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.stored import VectorsInDatabase

NEAR = "Cryogenic pressure sensors for liquid helium lines at 4 K"
FAR = "Bread and cakes for canteens, delivered every morning"
CHALLENGE = "Measure pressure in a liquid helium line at 4 K with cryogenic sensors"


@pytest.fixture(scope="module")
def known() -> Acquaintances:
    texts = [
        [NEAR, FAR, "something of my own"],
        [f"  {NEAR.upper()} "],
        [FAR],
        ["another thing"],
        [],
    ]
    return Acquaintances(texts, LexicalEncoder.shipped())


def test_a_joint_project_near_to_the_challenge_says_more_than_one_far_from_it(known: Acquaintances) -> None:
    found = known.of([0], known.likeness(CHALLENGE))
    assert found[1] > 0.3 > found[2]
    assert (found[3], found[4]) == (0.0, 0.0)


def test_with_nothing_known_of_the_subject_joint_projects_count_by_how_few_were_in_them() -> None:
    crowd = Acquaintances([["a"], ["a", "b"], ["a", "b"], ["a"]], LexicalEncoder.shipped())
    found = crowd.of([1], np.ones(2))
    assert found[2] == pytest.approx(4**-0.75 + 2**-0.75)
    assert found[0] == pytest.approx(4**-0.75)
    assert crowd.of([0, 1], np.ones(2))[3] == pytest.approx(2**2 * 4**-0.75)


def test_what_is_alike_in_meaning_is_near_though_no_word_is_shared(known: Acquaintances) -> None:
    meaning = np.array([0.0 if text.casefold().strip() == NEAR.casefold() else 0.9 for text in known.texts])
    found = known.of([0], known.likeness(CHALLENGE, meaning)) - known.of([0], known.likeness(CHALLENGE))
    assert found[2] == pytest.approx(0.9**2 * 2**-0.75)
    assert found[1] == 0.0


async def test_meaning_is_read_off_the_vectors_that_are_kept(sqlite: Database) -> None:
    kept = VectorsInDatabase(sqlite)
    vectors = quantise(np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32))
    rows = zip(("the need", "a text"), vectors, strict=True)
    await kept.save("m", {text_digest(text): to_bytes(vector) for text, vector in rows})
    found = await KeptMeaning(kept).cosines("m", "the need", ["a text", "unknown"])
    assert found == pytest.approx([0.6, 0.0], abs=1e-3)
    assert (await KeptMeaning(kept).cosines("m", "another need", ["a text"])).tolist() == [0.0]


def test_who_is_missing_is_ranked_by_match_and_acquaintance() -> None:
    scores, acquaintance = np.array([0.6, 0.5, 0.0]), np.array([0.0, 0.3, 0.3])
    assert missing(scores, acquaintance).argsort()[::-1].tolist() == [1, 2, 0]
    assert missing(scores, np.zeros(3)).tolist() == scores.tolist()
    assert counted(np.array([0.0, 0.1])) == pytest.approx([0.0, np.log(2)])
