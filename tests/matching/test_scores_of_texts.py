"""What real texts score with the bundled model: the nearest is not thereby near, and one fitting text is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.kernel.embedding.encoder import Encoder
from services.kernel.embedding.fixed_point import quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.matching.evidence import TYPICAL_LEVEL, Background, Texts, measure_background
from services.matching.scoring import (
    POSSIBLE,
    Challenges,
    ChallengeTexts,
    Companies,
    PartTerms,
    score,
    score_many,
)

WHOLE = (
    "Cryogenic cooling for a detector\n"
    "We need a compact cooling system that keeps a silicon pixel detector at 4 K without vibration, "
    "for ten years without maintenance."
)
REQUIREMENTS = {
    "power": "Cooling power of 50 mW at 4 K",
    "vibration": "Vibration below 1 micrometre",
    "radiation": "Radiation tolerance up to 10 MGy",
}
COMPANIES = {
    "cryogenics": (
        "Pulse-tube cryocoolers and cryostats down to 4 K for scientific instruments",
        "Vibration isolation of cryogenic systems",
        "Vacuum chambers and helium leak testing",
    ),
    "robots": (
        "Mobile inspection robots for nuclear power plants and tunnels",
        "Radiation-hard cameras and gamma detectors",
    ),
    "newcomer": ("We build low-vibration 4 K cryocoolers for detectors",),
    "bakery": ("Organic bread, pastries and catering for conferences", "Delivery of lunch packages"),
    "lawyers": ("Legal advice in public procurement", "Patent applications and IP strategy"),
    "steel": ("Welding of stainless steel vessels and piping", "Pressure vessels to ASME code"),
    "incumbent": (
        "Water cooling of power electronics",
        "Air conditioning of server rooms",
        "Heat exchangers for power plants",
        "Industrial refrigeration with ammonia",
        "Maintenance of cooling towers",
        "Refrigerated transport",
        "Chillers for hospitals",
        "Cooling of plastic moulds",
        "Heat pumps for buildings",
        "Ventilation of tunnels",
        "Cold rooms for food",
        "Thermal simulation of buildings",
    ),
}
UNRELATED = ("bakery", "lawyers", "steel")


class Sample:
    """The texts above, embedded once; backgrounds as an index of these companies alone would give them."""

    def __init__(self, model: Encoder, names: tuple[str, ...]) -> None:
        self._model, self._words, self.names = model, LexicalEncoder.shipped(), names
        self.companies = {name: self._texts(COMPANIES[name]) for name in names}
        everything = Texts.join(list(self.companies.values()))
        asked = self._texts((WHOLE, *REQUIREMENTS.values()))
        cosines = asked.dense @ everything.dense.T
        found = [measure_background(row.tolist(), len(everything)) for row in cosines]
        parts = [PartTerms("whole", found[0])]
        parts += [
            PartTerms(name, one, mandatory=True) for name, one in zip(REQUIREMENTS, found[1:], strict=True)
        ]
        self.challenge = ChallengeTexts(tuple(parts), asked)

    def _texts(self, texts: tuple[str, ...]) -> Texts:
        vectors = self._model.encode(self._model.tokenise(texts))
        return Texts.of(quantise(vectors), [self._words.document(text) for text in texts])

    def score(self, company: str) -> float:
        return score(self.challenge, self.companies[company]).score

    def of_the_whole(self, company: str) -> float:
        """As for a challenge that was announced without requirements."""
        whole = replace(self.challenge, parts=self.challenge.parts[:1], texts=self._texts((WHOLE,)))
        return score(whole, self.companies[company]).score


@pytest.fixture(scope="module")
def sample(model: Encoder) -> Sample:
    return Sample(model, tuple(COMPANIES))


def test_those_who_fit_come_first_and_those_who_do_not_are_not_suggested(sample: Sample) -> None:
    ranked = sorted(sample.names, key=sample.score, reverse=True)

    assert set(ranked[:2]) == {"cryogenics", "newcomer"}
    assert set(ranked[-3:]) == set(UNRELATED)
    assert all(sample.score(name) < 0.05 for name in UNRELATED)
    assert all(sample.score(name) >= POSSIBLE for name in ranked[:2])


def test_each_requirement_is_answered_by_the_fitting_text_and_the_gap_is_seen(sample: Sample) -> None:
    match = score(sample.challenge, sample.companies["cryogenics"])
    power, vibration, radiation = match.parts[1:]

    assert (power.capability, power.missing) == (0, False)
    assert (vibration.capability, vibration.missing) == (1, False)
    assert radiation.missing


def test_a_newcomer_with_one_fitting_text_beats_an_incumbent_with_many_of_the_field(sample: Sample) -> None:
    assert len(sample.companies["newcomer"]) == 1
    assert len(sample.companies["incumbent"]) == 12
    assert sample.of_the_whole("newcomer") > sample.of_the_whole("incumbent")
    assert sample.score("newcomer") > sample.score("incumbent")
    assert score(sample.challenge, sample.companies["newcomer"]).strength is not None


def test_the_nearest_of_three_unrelated_companies_scores_low(model: Encoder) -> None:
    three = Sample(model, UNRELATED)

    assert max(three.score(name) for name in UNRELATED) < 0.05
    assert max(three.of_the_whole(name) for name in UNRELATED) < 0.05


def test_the_fitting_one_of_three_scores_about_as_in_a_large_index(model: Encoder) -> None:
    three = Sample(model, ("newcomer", "bakery", "steel"))
    ordinary = Background(level=TYPICAL_LEVEL, indexed=20_000)
    large = replace(
        three.challenge, parts=tuple(replace(one, background=ordinary) for one in three.challenge.parts)
    )
    among_many = score(large, three.companies["newcomer"])

    assert three.of_the_whole("newcomer") > 0.6
    assert score(three.challenge, three.companies["newcomer"]).score == pytest.approx(
        among_many.score, abs=0.05
    )
    assert among_many.parts[0].score > 0.6
    assert score(large, three.companies["bakery"]).strength is None


def test_forward_reverse_and_alone_give_the_same_bytes(sample: Sample) -> None:
    forward = score_many(Challenges([sample.challenge]), Companies(list(sample.companies.values())))
    other = replace(sample.challenge, parts=tuple(reversed(sample.challenge.parts)))
    for column, name in enumerate(sample.names):
        reverse = score_many(Challenges([other, sample.challenge]), Companies([sample.companies[name]]))
        assert reverse[1, 0].tobytes() == forward[0, column].tobytes()
        assert sample.score(name) == forward[0, column]
