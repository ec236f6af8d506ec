"""The same need in several languages is near; vectors are exact, bounded, and the same whoever asks."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.embedding.fixed_point import SCALE, as_float64
from services.kernel.embedding.lexical import WEIGHT_SCALE
from services.kernel.embedding.multilingual import (
    TERMS_KEPT,
    Multilingual,
    MultilingualEncoder,
    packed,
    unpacked,
)

ENCODER = MultilingualEncoder.shipped()
"""Read here, not in the first example of a property, which has a deadline."""
ENGLISH = (
    "Supply and installation of water pumps for a pumping station",
    "Liquid helium and cryogenic cooling of superconducting magnets",
    "Cleaning of offices and windows of public buildings",
    "School buses for the transport of pupils",
    "Hospital beds and mattresses",
    "Printing and binding of books",
    "Repair of roads and bridges",
)
ELSEWHERE = {
    "de": (
        "Lieferung und Einbau von Wasserpumpen für ein Pumpwerk",
        "Flüssiges Helium und kryogene Kühlung supraleitender Magnete",
        "Reinigung von Büros und Fenstern öffentlicher Gebäude",
        "Schulbusse für die Beförderung von Schülern",
        "Krankenhausbetten und Matratzen",
    ),
    "fr": (
        "Fourniture et installation de pompes à eau pour une station de pompage",
        "Hélium liquide et refroidissement cryogénique d'aimants supraconducteurs",
        "Nettoyage de bureaux et de fenêtres de bâtiments publics",
        "Autobus scolaires pour le transport des élèves",
        "Lits d'hôpital et matelas",
    ),
    "pl": (
        "Dostawa i montaż pomp wodnych do pompowni",
        "Ciekły hel i kriogeniczne chłodzenie magnesów nadprzewodzących",
        "Sprzątanie biur i mycie okien budynków publicznych",
        "Autobusy szkolne do przewozu uczniów",
        "Łóżka szpitalne i materace",
    ),
    "el": (
        "Προμήθεια και εγκατάσταση αντλιών νερού για αντλιοστάσιο",
        "Υγρό ήλιο και κρυογενική ψύξη υπεραγώγιμων μαγνητών",
        "Καθαρισμός γραφείων και παραθύρων δημόσιων κτιρίων",
        "Σχολικά λεωφορεία για τη μεταφορά μαθητών",
        "Νοσοκομειακά κρεβάτια και στρώματα",
    ),
    "bg": (
        "Доставка и монтаж на водни помпи за помпена станция",
        "Течен хелий и криогенно охлаждане на свръхпроводящи магнити",
        "Почистване на офиси и прозорци на обществени сгради",
        "Училищни автобуси за превоз на ученици",
        "Болнични легла и матраци",
    ),
}


def alike(one: Multilingual, other: Multilingual) -> float:
    _, ours, theirs = np.intersect1d(one.english.indices, other.english.indices, return_indices=True)
    words = one.english.values[ours].astype(np.float64) @ other.english.values[theirs]
    return float(words) + 0.5 * float(as_float64(one.meaning) @ as_float64(other.meaning))


@pytest.mark.parametrize("language", ELSEWHERE)
def test_a_need_is_nearest_to_its_translation(language: str) -> None:
    english = [ENCODER.encode([text], "en") for text in ENGLISH]

    for place, text in enumerate(ELSEWHERE[language]):
        asked = ENCODER.encode([text], language)
        scores = [alike(asked, one) for one in english]
        assert int(np.argmax(scores)) == place, (text, scores)


def test_a_text_in_two_languages_is_near_to_both() -> None:
    mixed = ENCODER.encode(["School buses. Reinigung von Büros und Fenstern"], "de")
    scores = [alike(mixed, ENCODER.encode([text], "en")) for text in ENGLISH]

    assert set(np.argsort(scores)[-2:].tolist()) == {2, 3}


def test_what_no_label_is_like_has_no_vector() -> None:
    for parts in ([], [""], ["— 42 …"], ["超伝導磁石"], ["შპს სამუშაოები"]):
        found = ENCODER.encode(parts, "en")
        assert not found.english.indices.size
        assert not found.meaning.any()
    assert not ENCODER.encode(["Zzxqwv"], "en").english.indices.size


def test_a_language_without_labels_is_read_as_english() -> None:
    for language in (None, "ga", "xx"):
        assert _same(ENCODER.encode(["Cleaning"], language), ENCODER.encode(["Cleaning"], "en"))


@settings(deadline=None)  # the first word of a language builds its lexicon
@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=80) | st.sampled_from(ENGLISH), max_size=3),
    st.sampled_from([*ELSEWHERE, "en"]),
)
def test_vectors_are_fixed_point_bounded_and_of_length_one(parts: list[str], language: str) -> None:
    found = ENCODER.encode(parts, language)

    values = found.english.values.astype(np.float64) * WEIGHT_SCALE
    assert (values == np.rint(values)).all()
    assert (values > 0).all()
    assert (np.diff(found.english.indices.astype(np.int64)) > 0).all()
    for length in (
        math.sqrt(float(values @ values)) / WEIGHT_SCALE,
        float(np.linalg.norm(found.meaning / SCALE)),
    ):
        assert length == 0.0 or length == pytest.approx(1.0, abs=1e-3)
    assert _same(found, ENCODER.encode(parts, language))


def test_a_long_text_has_as_many_terms_as_are_kept_and_reads_to_a_bound() -> None:
    many = " ".join(str(ENCODER.terms[place]) for place in range(600))
    found = ENCODER.encode([many, many * 100], "en")

    assert found.english.indices.size == TERMS_KEPT
    assert found.meaning.shape == (ENCODER.dimensions,)


def test_a_part_weighs_the_same_however_long() -> None:
    title, need = "Hospital beds", "Cleaning of offices and windows. "
    short, long = (ENCODER.encode([title, need * times], "en") for times in (1, 50))

    assert alike(short, long) == pytest.approx(1.5, abs=0.02)


def test_threads_get_the_vectors_that_one_alone_gets() -> None:
    fresh = MultilingualEncoder(ENCODER.artefact)
    asked = [(text, language) for language, texts in ELSEWHERE.items() for text in texts] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: fresh.encode([one[0]], one[1]), asked))

    for (text, language), one in zip(asked, found, strict=True):
        assert _same(one, ENCODER.encode([text], language))


def test_the_fingerprint_follows_what_decides_a_vector() -> None:
    again = MultilingualEncoder({**ENCODER.artefact, "rarity": ENCODER.artefact["rarity"].copy()})
    rarer = MultilingualEncoder({**ENCODER.artefact, "rarity": ENCODER.artefact["rarity"] + 1})

    assert again.fingerprint == ENCODER.fingerprint
    assert rarer.fingerprint != ENCODER.fingerprint
    assert len(ENCODER.languages) == 23


def test_a_file_holds_what_was_put_into_it_in_the_same_bytes() -> None:
    rows = np.arange(6, dtype=np.int8).reshape(2, 3)
    small = {"terms": "clean\nbus", "rows": rows}
    read = unpacked(packed(small))

    assert packed(small) == packed(small)
    assert str(read["terms"]) == "clean\nbus"
    assert np.array_equal(read["rows"], rows)


def _same(one: Multilingual, other: Multilingual) -> bool:
    return (
        np.array_equal(one.english.indices, other.english.indices)
        and np.array_equal(one.english.values, other.english.values)
        and np.array_equal(one.meaning, other.meaning)
    )
