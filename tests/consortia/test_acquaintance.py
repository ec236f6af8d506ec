"""Who has worked with whom: what two profiles have in common, letter by letter."""

from __future__ import annotations

import numpy as np
import pytest

from services.consortia.acquaintance import Acquaintances, counted, missing
from services.kernel.embedding.lexical import LexicalEncoder

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
    found = known.of([0], known.similarities(CHALLENGE))
    assert found[1] > 0.3 > found[2]
    assert (found[3], found[4]) == (0.0, 0.0)


def test_with_nothing_known_of_the_subject_joint_projects_count_by_how_few_were_in_them() -> None:
    crowd = Acquaintances([["a"], ["a", "b"], ["a", "b"], ["a"]], LexicalEncoder.shipped())
    found = crowd.of([1], np.ones(2))
    assert found[2] == pytest.approx(1 / np.sqrt(4) + 1 / np.sqrt(2))
    assert found[0] == pytest.approx(1 / np.sqrt(4))
    assert crowd.of([0, 1], np.ones(2))[3] == pytest.approx(2 / np.sqrt(4))


def test_who_is_missing_is_ranked_by_match_and_acquaintance() -> None:
    scores, acquaintance = np.array([0.6, 0.5, 0.0]), np.array([0.0, 0.3, 0.3])
    assert missing(scores, acquaintance).argsort()[::-1].tolist() == [1, 2, 0]
    assert missing(scores, np.zeros(3)).tolist() == scores.tolist()
    assert counted(np.array([0.0, 0.1])) == pytest.approx([0.0, np.log(2)])
