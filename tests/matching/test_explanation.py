"""Citations: true spans, words that the score knows, and what is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.match import CarryingWord
from services.kernel.embedding.lexical import LexicalEncoder
from services.matching.explanation import (
    CARRIES_MIN,
    MISSING_MAX,
    NO_GAP,
    SHARED_MAX,
    Vocabulary,
    carrying_words,
    missing_words,
    without,
    word_cosine,
)

ENCODER = LexicalEncoder.shipped()

REQUIREMENTS = (
    "Cooling power of 50 mW at 4 K, without vibration",
    "Radiation tolerance up to 10 MGy of all materials in the tunnel",
    "Autonomous navigation in tunnels without satellite positioning",
    "Superconducting magnet coils wound from Nb3Sn cable",
    "Inspection robotisée de soudures sous vide",
    "Messung der Gammastrahlung mit einer Auflösung von 0,1 mm",
    "Leak detection of welded vacuum chambers by helium mass spectrometry",
)
CAPABILITIES = (
    "Pulse-tube cryocoolers down to 4K with low vibration, 1 W at 4.2 K, for radiation detectors",
    "Welding of vacuum chambers and helium leak testing of stainless steel vessels",
    "Mobile robots for inspection of tunnels and for radiation measurement",
    "Winding of coils for superconducting magnets; cable of niobium-tin; magnet measurement",
    "Robots d'inspection pour chambres à vide, contrôle de soudures",
    "Gammadetektoren und Messung der Strahlung",
    "Catering and organic bread",
)
TEXTS = st.sampled_from(REQUIREMENTS + CAPABILITIES)
SOUP = st.lists(st.sampled_from(" ".join(REQUIREMENTS + CAPABILITIES).split()), min_size=1, max_size=30).map(
    " ".join
)


def spans(words: tuple[CarryingWord, ...], side: str) -> list[tuple[int, int]]:
    return [span for word in words if (span := getattr(word, side)) is not None]


@given(TEXTS | SOUP, TEXTS | SOUP)
def test_a_cited_word_stands_where_it_is_said_to_stand(requirement: str, capability: str) -> None:
    for word in carrying_words(requirement, capability, ENCODER):
        span, text = (
            (word.in_requirement, requirement) if word.in_requirement else (word.in_capability, capability)
        )
        assert span is not None
        assert text[slice(*span)] == word.word
        assert 0.0 <= word.weight <= 1.0


@given(TEXTS | SOUP, TEXTS | SOUP)
def test_without_the_cited_words_the_word_part_is_lower(requirement: str, capability: str) -> None:
    before = word_cosine(requirement, capability, ENCODER)
    cited = carrying_words(requirement, capability, ENCODER)
    after = word_cosine(without(requirement, spans(cited, "in_requirement")), capability, ENCODER)

    assert after < before or not cited
    assert bool(cited) == (before >= CARRIES_MIN)


@given(TEXTS | SOUP, TEXTS | SOUP)
def test_citing_is_deterministic(requirement: str, capability: str) -> None:
    assert carrying_words(requirement, capability, ENCODER) == carrying_words(
        requirement, capability, ENCODER
    )


def test_shared_words_come_first_the_heaviest_before_the_others() -> None:
    cited = carrying_words(REQUIREMENTS[0], CAPABILITIES[0], ENCODER)

    weights = [word.weight for word in cited]
    assert cited[0].word == "4 K"
    assert {word.word for word in cited} >= {"4 K", "vibration"}
    assert weights[0] == max(weights)
    assert spans(cited, "in_requirement")
    assert spans(cited, "in_capability")
    assert len({word.word for word in cited}) <= SHARED_MAX + 1


def test_every_place_of_a_word_is_cited() -> None:
    cited = carrying_words("magnets, always magnets", "A magnet", ENCODER)

    assert [(word.in_requirement, word.in_capability) for word in cited] == [
        ((0, 7), (2, 8)),
        ((16, 23), None),
    ]


@pytest.mark.parametrize(
    ("requirement", "capability"),
    [
        ("A cryogenic vessel", "Cryostats of stainless steel"),
        ("Gamma radiation measurement", "Dosimeters for hospitals"),
    ],
)
def test_likeness_of_meaning_alone_cites_no_word(requirement: str, capability: str) -> None:
    assert carrying_words(requirement, capability, ENCODER) == ()


def test_a_text_without_words_cites_nothing() -> None:
    assert carrying_words("…", "§", ENCODER) == ()


@pytest.mark.parametrize(
    ("requirement", "known", "missing"),
    [
        ("Radiation tolerance up to 10 MGy", ["Radiation-hard cameras"], ("10 MGy", "tolerance")),
        ("Cryogenic vessel", ["Cryostats"], ("vessel",)),
        ("Cryogenic vessel", ["A vessel", "Cryostats"], ()),
        ("Gamma radiation measurement", [], ("measurement", "Gamma", "radiation")),
        ("of the and", [], ()),
    ],
)
def test_missing_words(requirement: str, known: list[str], missing: tuple[str, ...]) -> None:
    assert missing_words(requirement, Vocabulary(known, ENCODER), ENCODER) == missing


@pytest.mark.parametrize(
    ("requirement", "missing"),
    [
        ("The supplier shall provide a helium valve", {"supplier", "valve", "helium"}),
        ("It must be able to withstand 10 MGy", {"10 MGy", "withstand"}),
        ("Each ring should be tested within 2 h", {"2 h", "tested", "ring"}),
        ("Der Sensor muss Strahlung messen können", {"Strahlung", "messen", "Sensor"}),
        ("Le fournisseur doit assurer l'étanchéité", {"étanchéité", "fournisseur"}),
        ("La válvula debe garantizar estanqueidad", {"estanqueidad", "válvula"}),
    ],
)
def test_only_what_it_is_about_can_be_missing(requirement: str, missing: set[str]) -> None:
    assert set(missing_words(requirement, Vocabulary([], ENCODER), ENCODER)) == missing


@given(TEXTS | SOUP, st.lists(TEXTS, max_size=3))
def test_missing_words_are_few_stand_in_the_requirement_and_nowhere_else(
    requirement: str, known: list[str]
) -> None:
    found = missing_words(requirement, Vocabulary(known, ENCODER), ENCODER)

    assert len(found) <= MISSING_MAX
    for word in found:
        assert word in requirement
        # The same letters may be another term beside a number or a unit: what is missing is the term.
        terms = [one.term for one in ENCODER.terms(requirement) if requirement[one.start : one.end] == word]
        assert any(not Vocabulary(known, ENCODER).knows(term) for term in terms)


PHRASES = st.sampled_from(
    (
        *("shall", "must", "should", "able", "will", "provide", "provided", "within", "at least", "Shall"),
        *("muss", "soll", "ermöglichen", "doit", "devrait", "fournir", "debe", "deve", "moet", "skal"),
        *("musi", "zapewnić", "trebuie", "kell", "mora", "peab", "tulee", "turi", "трябва", "πρέπει"),
    )
)


@given(st.lists(PHRASES | st.sampled_from(" ".join(REQUIREMENTS).split()), min_size=1, max_size=12))
def test_how_a_need_is_phrased_is_never_missing(said: list[str]) -> None:
    requirement = " ".join(said)
    phrases = {word.casefold() for words in NO_GAP for word in words.findall(requirement)}

    for word in missing_words(requirement, Vocabulary([], ENCODER), ENCODER):
        assert word.casefold() not in phrases


@given(st.lists(PHRASES, max_size=4), st.sampled_from(REQUIREMENTS), st.lists(PHRASES, max_size=4))
def test_what_is_missing_does_not_depend_on_how_it_is_asked(
    before: list[str], requirement: str, after: list[str]
) -> None:
    asked = ". ".join((*before, requirement, *after))
    plain = set(missing_words(requirement, Vocabulary([], ENCODER), ENCODER))

    assert set(missing_words(asked, Vocabulary([], ENCODER), ENCODER)) == plain


def test_nothing_is_missing_of_what_the_company_says_itself() -> None:
    for requirement in REQUIREMENTS:
        assert missing_words(requirement, Vocabulary([requirement], ENCODER), ENCODER) == ()
