from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.challenge import LifecycleStage, Requirement, RequirementKind
from schemas.text import NEED_MAX, REQUIREMENT_MAX, Need
from services.intake.requirements import PROPOSED_MAX, Extracted, extract, stage_hint, trl_hint

SENSOR = (
    "We need to measure pressure between 0.1 and 20 bar at 4 K, within 1 %, after 10 MGy. "
    "The sensor must fit a DN40 port. It should survive 1000 thermal cycles."
)
CALL = (
    "Expected Outcome:Project results are expected to contribute to all of the following expected outcomes:"
    "robust detectors that measure neutron flux in the core of a reactor are available to operators;"
    "calibration methods for these detectors are agreed between European laboratories. "
    "Scope:Nuclear power plants produce about 25% of the electricity of the Union.[1]"
    "Proposals should:develop compact neutron detectors that work at temperatures above 600 °C;"
    "demonstrate the detectors in a research reactor (at least TRL 6).Proposals are invited to describe "
    "their dissemination and exploitation plan, and the budget of the consortium must not "
    "exceed EUR 5 million. "
    "nullActivities are expected to achieve TRL 6-7 by the end of the project – see General Annex B."
    "[1] Eurostat, https://ec.europa.eu/eurostat/web/energy"
)
WORDS = st.sampled_from([
    "We", "need", "must", "sensor.", "The", "pump;", "valve:", "4", "K", "20 bar", "e.g.", "TRL 6", "Scope:",
    "-", "•", "1)", "(a)", "\n", "\n\n", "[1]", "null", "...", "?!", "3.5 %", "https://x.eu/a.B", "Proposals",
    "should:develop", "noise.The", "budget", "EUR 5 million", "трябва", "да", "圧力", "“quoted”", "πρέπει",
])  # fmt: skip


def by_text(found: list[Extracted], words: str) -> Extracted:
    (one,) = [extracted for extracted in found if words in extracted.text]
    return one


def test_the_example_of_the_liaison_officer() -> None:
    pressure, port, cycles = extract(SENSOR, "en")
    assert pressure.text == "measure pressure between 0.1 and 20 bar at 4 K, within 1 %, after 10 MGy"
    assert (pressure.kind, pressure.mandatory) == (RequirementKind.performance, True)
    assert (pressure.metric, pressure.target, pressure.unit) == ("pressure", "0.1 and 20", "bar")
    assert (port.text, port.kind, port.mandatory) == (
        "The sensor must fit a DN40 port",
        RequirementKind.constraint,
        True,
    )
    assert (cycles.kind, cycles.mandatory) == (RequirementKind.performance, False)
    assert (cycles.target, cycles.unit) == ("1000", "thermal cycles")
    assert SENSOR[cycles.start : cycles.end] == "It should survive 1000 thermal cycles."


def test_a_call_with_items_glued_together() -> None:
    found = extract(CALL, "en", title="Neutron detectors for high temperatures")
    detectors = by_text(found, "compact neutron detectors")
    assert detectors.text == "develop compact neutron detectors that work at temperatures above 600 °C"
    assert (detectors.metric, detectors.target, detectors.unit) == ("temperatures", "600", "°C")
    assert by_text(found, "in a research reactor").trl_min == 6
    assert by_text(found, "calibration methods")
    kept = " ".join(one.text for one in found)
    for drivel in ("EUR 5 million", "Eurostat", "General Annex", "following expected outcomes", "Scope"):
        assert drivel not in kept


def test_lists_inherit_from_their_head() -> None:
    found = extract(
        "The device must:\n- weigh less than 2 kg\n- run on 24 V\n\nPreferably it is blue in colour."
    )
    assert [(one.text, one.mandatory) for one in found] == [
        ("weigh less than 2 kg", True),
        ("run on 24 V", True),
        ("Preferably it is blue in colour", False),
    ]


@pytest.mark.parametrize(
    ("language", "text", "mandatory"),
    [
        ("fr", "Le capteur doit mesurer la pression à 4 K. Il devrait être léger et compact.", [True, False]),
        ("de", "Der Sensor muss bei 4 K messen. Die Auflösung sollte 0,1 mbar erreichen.", [True, False]),
        ("pl", "Czujnik musi mierzyć ciśnienie przy 4 K. Powinien być lekki oraz zwarty.", [True, False]),
        ("el", "Ο αισθητήρας πρέπει να μετρά πίεση. Το βάρος είναι μικρότερο από 2 kg.", [True, False]),
    ],
)
def test_other_languages(language: str, text: str, mandatory: list[bool]) -> None:
    assert [one.mandatory for one in extract(text, language)] == mandatory


def test_a_wanting_text_is_one_requirement_as_a_whole() -> None:
    for text in ("Sensor", "  Scope:  ", "[1] https://example.org", "???", "Los 1"):
        (only,) = extract(text)
        assert text[only.start : only.end] == text.strip()
        assert only.text
    assert extract(" \n ") == []


def test_what_two_sentences_say_is_proposed_once() -> None:
    text = "The pump must deliver liquid helium at 4 K. The pump shall deliver the liquid helium at 4 K."
    assert len(extract(text)) == 1


@given(
    st.text(max_size=300)
    | st.lists(WORDS, max_size=80).map(" ".join)
    | st.lists(WORDS, max_size=80).map("".join),
    st.sampled_from([None, "en", "de", "fi"]),
)
def test_spans_are_exact_ordered_and_disjoint(text: str, language: str | None) -> None:
    found = extract(text, language, title="A pump")
    assert bool(found) == bool(text.strip())
    assert len(found) <= PROPOSED_MAX
    assert found == extract(text, language, title="A pump")
    position = 0
    for one in found:
        assert position <= one.start < one.end <= len(text)
        assert text[one.start : one.end] == text[one.start : one.end].strip()
        assert 0 < len(one.text) <= REQUIREMENT_MAX
        assert set(one.text) <= {*text[one.start : one.end], " "}
        position = one.end


@given(st.text(max_size=300) | st.lists(WORDS, max_size=80).map(" ".join) | st.text("-_.\u200b\ufeff[1]\na"))
def test_what_is_read_from_an_accepted_need_is_an_accepted_requirement(text: str) -> None:
    try:
        need = TypeAdapter(Need).validate_python(text)
    except ValidationError:
        return
    for one in extract(need):
        labels = {"metric": one.metric, "target": one.target, "unit": one.unit}
        requirement = Requirement(id="r1", text=one.text, kind=one.kind, trl_min=one.trl_min, **labels)
        assert requirement.text in one.text


def test_an_enormous_text_without_any_stop_stays_bounded() -> None:
    for text in (
        "x" * NEED_MAX,
        "a " * (NEED_MAX // 2),
        "1." * (NEED_MAX // 2),
        "((" * (NEED_MAX // 2),
        "a@b." * (NEED_MAX // 4),
    ):
        found = extract(text)
        assert 1 <= len(found) <= PROPOSED_MAX
        assert all(len(one.text) <= REQUIREMENT_MAX for one in found)


@pytest.mark.parametrize(
    ("text", "start", "target"),
    [
        ("start at TRL 3-4 and achieve TRL 6 by the end", 3, 6),
        ("expected to achieve TRL 6-8 by the end of the project", None, 8),
        ("a demonstrator at TRL 5-7", 5, 7),
        ("at least TRL6", None, 6),
        ("Technology readiness level 4", None, 4),
        ("Activities may start at any TRL.[1]", None, None),
        ("nothing of the kind", None, None),
    ],
)
def test_trl_hint(text: str, start: int | None, target: int | None) -> None:
    hint = trl_hint(text)
    assert (hint.start, hint.target) == (start, target)


def test_stage_hint() -> None:
    assert stage_hint("maintenance and repair of pumps, spare parts") is LifecycleStage.servicing
    assert stage_hint("Lieferung und Herstellung von Pumpen") is LifecycleStage.manufacturing
    assert stage_hint("develop and validate a prototype") is LifecycleStage.development
    assert stage_hint("blue sky") is None
