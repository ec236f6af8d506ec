from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.measures import first_measure, trl_ranges


@pytest.mark.parametrize(
    ("sentence", "metric", "target", "unit"),
    [
        ("accuracy better than ±0.5 °C", "accuracy", "±0.5", "°C"),
        ("a bandwidth of 10 Gbit/s", "bandwidth", "10", "Gbit/s"),
        ("a heat load below 3 W/m²", "load", "3", "W/m²"),
        ("Temperaturbereich von -40 bis 85 °C", "Temperaturbereich", "-40 bis 85", "°C"),
        ("une précision de 0,1 mm", "précision", "0,1", "mm"),
        ("1 000 000 cycles", None, "1 000 000", "cycles"),
        ("fluence up to 5 × 10^15 neq/cm²", "fluence", "5 × 10^15", "neq/cm²"),
        ("reduce weight by 30%", "weight", "30", "%"),
        ("in 24-hour operation", None, "24", "hour"),
        ("survive at least 1000 hours", None, "1000", "hours"),
    ],
)
def test_numbers_with_a_unit(sentence: str, metric: str | None, target: str, unit: str) -> None:
    measure = first_measure(sentence)
    assert measure is not None
    assert (measure.metric, measure.target, measure.unit) == (metric, target, unit)


@pytest.mark.parametrize(
    "sentence",
    [
        "a DN40 port",
        "Article 5 s",
        "EUR 5 million",
        "by 2030 A new",
        "lot 3 a",
        "24/7 h",
        "Horizon 2020",
        "IP67",
    ],
)
def test_numbers_that_measure_nothing(sentence: str) -> None:
    assert first_measure(sentence) is None


@given(st.text(alphabet="0123456789 .,-–×^%°KmMGybarToundTRL/", max_size=60))
def test_any_text_is_read(text: str) -> None:
    measure = first_measure(text)
    if measure:
        assert measure.unit
        assert any(character.isdigit() for character in measure.target)
    for levels in trl_ranges(text):
        assert 1 <= levels.low <= levels.high <= 9
