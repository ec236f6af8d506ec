"""A need and a profile in different languages: found, scored and explained like others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.match import Match
from services.indexing.meaning import ShippedMeaning
from services.intake.parts import Part
from services.kernel.database import Database
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.source import BUNDLED
from services.matching import evidence
from services.matching.across import likeness, similarities
from services.matching.evidence import Texts
from services.matching.said import Said
from tests.conftest import MovableClock
from tests.derivation import Derivation, deriving
from tests.intake.people import principal
from tests.matching.market import announce, company

NEED = "We need vacuum pumps and vacuum gauges for a particle accelerator"
NEED_IN = {
    "pl": "Potrzebujemy pomp próżniowych i próżniomierzy do akceleratora cząstek",
    "fi": "Tarvitsemme tyhjiöpumppuja ja painemittareita hiukkaskiihdyttimeen",
    "el": "Χρειαζόμαστε αντλίες κενού και μετρητές κενού για επιταχυντή σωματιδίων",
}
PROFILES = ("Vacuum pumps and valves", "Bread and cakes, delivered every morning", "Software for payrolls")
BREAD: dict[str, Any] = {
    "title": "Bread for the canteen",
    "need": "The canteen needs bread and bakery products that are delivered every morning.",
    "buyer": "cern",
}
WORDS = LexicalEncoder.shipped()


def texts(*written: str) -> Texts:
    """With embeddings of random directions: what the model says of texts that it cannot read is nothing."""
    random = np.random.default_rng(len(written))
    dense = (random.normal(size=(len(written), 8)) * 1_000).astype(np.int16)
    said = Said.of([Part(text, text) for text in written], BUNDLED)
    return Texts.of(dense, [WORDS.document(text) for text in written], said)


@pytest.mark.parametrize("language", sorted(NEED_IN))
def test_the_profile_that_fits_is_the_most_alike_in_any_language(language: str) -> None:
    (found,) = similarities(texts(NEED_IN[language]), texts(*PROFILES))
    assert found[0] > 0.3
    assert max(found[1:]) < 0.15


def test_it_is_the_same_from_both_sides_and_in_any_batch() -> None:
    needs, profiles = texts(NEED, *NEED_IN.values()), texts(*PROFILES, NEED_IN["pl"])
    together = similarities(needs, profiles)
    assert (together == similarities(profiles, needs).T).all()
    assert (together == similarities(needs.sorted_by_term(), profiles)).all()
    joined = similarities(Texts.join([profiles, needs]), Texts.join([needs, profiles]))
    assert (joined[4:, 4:] == together).all()


def test_english_with_english_is_what_it_was() -> None:
    needs, profiles = texts(NEED, NEED_IN["pl"]), texts(*PROFILES)
    assert (similarities(needs, profiles)[0] == evidence.similarities(needs, profiles)[0]).all()
    assert likeness(needs, 0, profiles, 1)[1] is False
    assert likeness(needs, 1, profiles, 1)[1] is True


def test_words_that_both_languages_write_alike_count() -> None:
    need, profiles = texts("Laser Nd:YAG dla obserwatorium"), texts("Nd:YAG lasers", "Lasers")
    found = similarities(need, profiles)
    for column in range(2):
        words = 0.5 * evidence.word_cosines(need, profiles)[0, column]
        assert found[0, column] == likeness(need, 0, profiles, column)[0] + words


async def test_a_challenge_and_a_company_meet_across_languages_whichever_comes_first(
    sqlite: Database, clock: MovableClock, tmp_path: Path
) -> None:
    async with deriving(sqlite, clock, tmp_path, meaning=ShippedMeaning()) as derivation:
        world = derivation.world
        for name in ("Vakuumtechnik", "Boulangerie", "Optique Grenoble"):
            await company(derivation, name)
        # The form said English.
        polish = await announce(
            derivation,
            title="Komory próżniowe ze stali nierdzewnej",
            need="Potrzebne są komory ultrawysokiej próżni ze stali nierdzewnej do linii akceleratora.",
            buyer="cern",
        )
        bread = await announce(derivation, **BREAD)
        await derivation.settle()
        first = await _matches(derivation, polish.id)
        assert [one.company.name for one in first] == ["Vakuumtechnik"]
        answered = [one for one in first[0].requirements if one.answered_by]
        assert answered
        assert all(one.answered_by and one.answered_by.across_languages for one in answered)
        for one in first[0].requirements:
            assert one.missing == ()  # an English profile lacks no Polish word
            assert all(word.word in one.text for word in one.words)

        baker = await company(
            derivation,
            "Boulangerie",
            owner=world.firm,
            capabilities=[
                {"id": "c1", "text": "Pieczywo i wyroby piekarskie dostarczane codziennie rano do stołówek"}
            ],
        )
        await derivation.settle()
        met = {one.company.id: one.score for one in await _matches(derivation, bread.id)}
        assert len(met) == 2
        assert baker.id in met
        again = await announce(derivation, **BREAD)
        await derivation.settle()
        found = {one.company.id: one.score for one in await _matches(derivation, again.id)}
        assert found == pytest.approx(met, abs=0.02)  # there is a text more in the background


async def _matches(derivation: Derivation, challenge: str) -> Sequence[Match]:
    return await derivation.matches.of_challenge(
        principal(derivation.world.cern), challenge, after=None, limit=10
    )
