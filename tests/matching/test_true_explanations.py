"""On real texts: without the words that are cited the answer is worse, in one language and across two; and
what would change it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from services.demo.dataset import load
from services.intake.parts import PASSAGE_MAX, Part
from services.intake.requirements import extract
from services.kernel.database import Database
from services.kernel.embedding.fixed_point import quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.kernel.embedding.source import BUNDLED
from services.matching.evidence import NO_BACKGROUND, Texts, word_cosines
from services.matching.explanation import carrying_words, without
from services.matching.said import Said
from services.matching.scoring import ChallengeTexts, PartTerms, score
from tests.derivation import Derivation, embedder_on
from tests.intake.people import ADMIN
from tests.matching.market import announce, company

WORDS = LexicalEncoder.shipped()
REQUIREMENTS = 60
"""Those that share most words with some text."""
LEAST = 0.05
"""Answers that are looked at: fewer are answers, at this number of texts, than a test wants."""
NEAREST = 3
"""Texts of companies held against each requirement: those that share most words with it, so that there is
something to cite."""
POLYGLOT = "a model that reads every language"


@cache
def pairs(model: str) -> list[tuple[Part, Part]]:
    """Requirements cut from the challenges of the demo, each with real texts that share words with it; where
    the model does not read all languages, those pairs that it does not read."""
    data = load()
    stated = {
        one.text[:PASSAGE_MAX]: one.language for each in data.companies.values() for one in each.capabilities
    }
    texts = [Part("c", text, language=language) for text, language in sorted(stated.items())]
    asked = [
        Part("r", part.text, language=challenge.fields.get("language", "en"))
        for challenge in data.challenges
        for part in extract(challenge.fields["need"], challenge.fields.get("language"))[:2]
    ]
    shared = word_cosines(_words(asked), _words(texts))
    if model == BUNDLED:
        ours, theirs = Said.of(asked, model).unread, Said.of(texts, model).unread
        shared = shared * (ours[:, None] | theirs[None, :])
    rows = (-shared.max(axis=1)).argsort(kind="stable")[:REQUIREMENTS]
    return [
        (asked[row], texts[place])
        for row in rows.tolist()
        for place in shared[row].argsort()[::-1][:NEAREST]
        if shared[row, place] > 0.0
    ]


def _words(texts: list[Part]) -> Texts:
    """Their words alone."""
    return Texts.of(np.zeros((len(texts), 1), np.int16), [WORDS.document(one.text) for one in texts])


async def answer(embedder: Embedder, requirement: Part, text: Part, model: str) -> float:
    """How well one text answers a requirement, as the product scores it with this model."""
    dense = quantise(await embedder.embed([requirement.text, text.text]))
    said = Said.of([requirement, requirement], model)
    asked = Texts.of(dense[[0, 0]], [WORDS.query(requirement.text)] * 2, said)
    parts = (PartTerms("whole", NO_BACKGROUND), PartTerms("r", NO_BACKGROUND))
    company_texts = Texts.of(dense[1:], [WORDS.document(text.text)], Said.of([text], model))
    return score(ChallengeTexts(parts, asked), company_texts).parts[1].score


@pytest.mark.parametrize("model", [POLYGLOT, BUNDLED])
async def test_without_the_words_that_are_cited_the_answer_is_worse(sqlite: Database, model: str) -> None:
    embedder = embedder_on(sqlite)
    looked_at = 0
    for requirement, text in pairs(model):
        before = await answer(embedder, requirement, text, model)
        words = carrying_words(requirement.text, text.text, WORDS)
        cited = [one.in_capability for one in words if one.in_capability]
        if before < LEAST or not cited:
            continue
        bare = replace(text, text=without(text.text, cited))
        after = await answer(embedder, requirement, bare, model)
        assert after < before, (requirement, text)
        looked_at += 1
    await embedder.close()
    assert looked_at >= 30


async def test_what_would_change_it_is_the_weakest_mandatory_requirement(local: Derivation) -> None:
    mine = await company(local, "Cryosense", owner=local.world.firm)
    challenge = await announce(
        local,
        title="Pressure sensors for liquid helium",
        need="Cryogenic pressure sensors for liquid helium lines are needed.",
        requirements=[
            {"id": "r1", "text": "cryogenic pressure sensors for helium", "mandatory": True},
            {"id": "r2", "text": "a training course on underwater archaeology", "mandatory": True},
            {"id": "r3", "text": "bread"},
        ],
    )
    await local.settle()
    (found,) = await local.matches.of_challenge(ADMIN, challenge.id, after=None, limit=5)
    least = found.improvement
    assert least is not None
    assert (least.requirement, least.mandatory) == ("r2", True)
    assert least.score == found.requirements[1].score
    assert least.nearest is not None, "the nearest thing that it has is named, however far it is"
    assert least.nearest.capability in {one.id for one in mine.capabilities}
    assert "archaeology" in least.missing


async def test_without_mandatory_requirements_it_is_the_weakest_of_all(local: Derivation) -> None:
    await company(local, "Cryosense", owner=local.world.firm)
    challenge = await announce(
        local,
        need="Cryogenic pressure sensors for liquid helium lines are needed.",
        requirements=[{"id": "r1", "text": "bread"}, {"id": "r2", "text": "helium pressure sensors"}],
    )
    await local.settle()
    (found,) = await local.matches.of_challenge(ADMIN, challenge.id, after=None, limit=5)
    assert found.improvement is not None
    assert (found.improvement.requirement, found.improvement.mandatory) == ("r1", False)
