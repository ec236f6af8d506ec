"""Which language a text is in, whatever a form has filled in."""

from __future__ import annotations

import pytest

from services.kernel.embedding.languages import LanguageDetector

DETECTOR = LanguageDetector()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pl", "Kriogeniczne czujniki ciśnienia do linii ciekłego helu, kalibrowane w 4 K"),
        ("fi", "Kryogeeniset paineanturit nestemäisen heliumin linjoihin"),
        ("el", "Κρυογενικοί αισθητήρες πίεσης για γραμμές υγρού ηλίου"),
        ("fr", "Capteurs de pression cryogéniques pour lignes d'hélium liquide"),
    ],
)
def test_letters_that_speak_clearly_count_more_than_what_is_stated(language: str, text: str) -> None:
    assert DETECTOR.detect(text, "en") == language
    assert DETECTOR.detect(text) == language
    assert DETECTOR.detect(text, language) == language


@pytest.mark.parametrize("text", ["Laser", "ISO 9001, EN 13445", "Vacuum pumps", "4 K", "—"])
def test_short_texts_are_in_the_language_that_is_stated(text: str) -> None:
    assert DETECTOR.detect(text, "en") == "en"


def test_nothing_is_made_up_of_a_text_without_letters() -> None:
    assert DETECTOR.detect("13 445 / 2", "da") == "da"
    assert DETECTOR.detect("13 445 / 2") is None
