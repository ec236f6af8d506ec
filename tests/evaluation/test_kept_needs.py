"""Needs of a bundle are embedded once."""

from __future__ import annotations

import numpy as np
import pytest

from services.evaluation.bundle import BundleChallenge
from services.evaluation.entities import challenges_of
from services.evaluation.kept_needs import KeptEncoder, packed, unpacked
from services.evaluation.product_needs import ProductNeeds
from services.kernel.database import Database
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.embedding.stored import VectorsInDatabase

TEXTS = (
    ("Reinigung von Büros", "Reinigung der Büros und Fenster zweier Gebäude.", "de"),
    ("School buses", "Bus services that bring pupils to school.", "en"),
    ("Transport scolaire", "Services d'autobus pour le transport des élèves.", "fr"),
    ("…", "—", "en"),
)
NEEDS = challenges_of(
    [
        BundleChallenge(id=str(place), title=title, need=need, language=language)
        for place, (title, need, language) in enumerate(TEXTS)
    ]
)


@pytest.mark.parametrize("text", TEXTS, ids=[text[0] for text in TEXTS])
def test_what_is_kept_is_what_was_made(text: tuple[str, str, str]) -> None:
    encoder = MultilingualEncoder.shipped()
    made = encoder.encode(text[:2], text[2])
    again = unpacked(packed(made), encoder.dimensions)
    assert np.array_equal(again.meaning, made.meaning)
    assert np.array_equal(again.english.indices, made.english.indices)
    assert np.array_equal(again.english.values, made.english.values)


async def test_a_second_run_embeds_nothing_and_says_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, shipped = VectorsInDatabase(database), MultilingualEncoder.shipped()
    first = await ProductNeeds(KeptEncoder(shipped, kept), _quietly).similarities(NEEDS, NEEDS)

    def refused(*_: object) -> None:
        raise AssertionError("embedded again")

    monkeypatch.setattr(MultilingualEncoder, "encode", refused)
    assert np.array_equal(
        await ProductNeeds(KeptEncoder(shipped, kept), _quietly).similarities(NEEDS, NEEDS), first
    )
    other = [NEEDS[0].model_copy(update={"language": "nl"})]
    with pytest.raises(AssertionError, match="embedded again"):
        await ProductNeeds(KeptEncoder(shipped, kept), _quietly).similarities(other, other)


def _quietly(*_: object) -> None:
    pass
