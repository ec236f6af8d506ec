"""The pure parts of search: slips, relevance, excerpts, filters; and the language of a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.search import FoundWord, SearchKind
from services.indexing.collections import CHALLENGES, COMPANIES, LETTERS, MEANING, TEXT, WORDS
from services.indexing.names import of_name, of_query, share
from services.intake.company_store import Claim
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.vectors.port import Between
from services.search.candidates import NAME, Near
from services.search.question import guess
from services.search.ranking import FACET_MAX, behind, claimed, facets, narrowed, relevance, units
from services.search.reasons import EXCERPT, cosine, excerpt
from services.search.spelling import Spelling, slips
from services.search.wanted import Facet, Facts, Wanted

KNOWN = Spelling(["helium", "pressur", "sensor", "magnet", "pump", "nb3sn"])
LETTER = st.sampled_from("abc")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("heluim", "helium"),
        ("helum", "helium"),
        ("presur", "pressur"),
        ("sensr", "sensor"),
        ("pmup", "pump"),
        ("helium", None),
        ("nb3snx", None),
        ("xqzwvb", None),
        ("hel", None),
    ],
)
def test_a_slip_is_seen_through_and_a_known_word_left_alone(written: str, meant: str | None) -> None:
    assert KNOWN.meant(written) == meant


@given(st.text(LETTER, max_size=7), st.text(LETTER, max_size=7))
def test_slips_are_symmetric_and_bounded(one: str, other: str) -> None:
    count = slips(one, other)
    assert count == slips(other, one)
    assert (count == 0) == (one == other)
    assert abs(len(one) - len(other)) <= count <= max(len(one), len(other))


@given(st.text("abcdefgh ", min_size=1, max_size=40), st.text("abcdefgh ", min_size=1, max_size=40))
def test_the_index_compares_names_as_it_is_said(asked: str, name: str) -> None:
    assert cosine(of_query(asked), of_name(name)) == pytest.approx(share(asked, name), abs=1e-6)


def a_text(alias: str, entity: str, part: str, by: dict[str, float]) -> Near:
    return Near(alias, entity, part, Facts(("FR",), False, ("38000000",), (), 5), by)


def test_likeness_below_the_floors_counts_as_none_and_more_is_more() -> None:
    assert relevance(a_text(COMPANIES, "a", "c1", {TEXT: 0.27, MEANING: 0.37})) == 0.0
    assert relevance(a_text(COMPANIES, "a", NAME, {LETTERS: 0.5})) == 0.0
    assert relevance(a_text(COMPANIES, "a", NAME, {LETTERS: 1.0})) == 1.0
    assert relevance(a_text(COMPANIES, "a", "c1", {WORDS: 1.0, TEXT: 1.0, MEANING: 1.0})) == 1.0
    little = relevance(a_text(COMPANIES, "a", "c1", {WORDS: 0.3}))
    assert 0.0 < little < relevance(a_text(COMPANIES, "a", "c1", {WORDS: 0.3, MEANING: 0.5}))


def test_an_entity_is_there_once_and_its_texts_besides() -> None:
    found = [
        a_text(COMPANIES, "cmp", "c1", {WORDS: 0.4}),
        a_text(COMPANIES, "cmp", "c2", {WORDS: 0.6}),
        a_text(COMPANIES, "cmp", NAME, {LETTERS: 0.9}),
        a_text(CHALLENGES, "chl", "whole", {WORDS: 0.5}),
        a_text(CHALLENGES, "far", "whole", {TEXT: 0.1}),
    ]
    made = units(found)
    assert [(one.kind, one.key) for one in made] == [
        (SearchKind.company, "cmp"),
        (SearchKind.capability, "cmp/c2"),
        (SearchKind.challenge, "chl"),
        (SearchKind.capability, "cmp/c1"),
    ]
    by_default = narrowed(made, Wanted())
    assert [one.key for one in by_default] == ["cmp", "chl"]
    assert behind(by_default, by_default[0].position) == by_default[1:]


def test_what_is_not_known_does_not_pass_and_what_is_open_to_all_does() -> None:
    challenge = Facts((), True, (), ("design",), None)
    company = Facts(("FR",), False, ("38420000",), (), 7)
    assert Wanted(country="IT").passes(challenge)
    assert not Wanted(country="IT").passes(company)
    assert Wanted(cpv="384", trl_min=7).passes(company)
    assert not Wanted(trl_max=6).passes(company)
    assert not Wanted(trl_min=1).passes(challenge)
    assert Wanted(stage="design").passes(challenge)
    narrow = Wanted(SearchKind.company, "FR", "384", None, 3, 8)
    assert narrow.set == (Facet.kind, Facet.country, Facet.cpv, Facet.trl)
    assert narrow.but(Facet.trl).set == (Facet.kind, Facet.country, Facet.cpv)


COUNTRIES = ["AT", "DE", "FR"]
CODES = ["38420000", "38424000", "42122000"]
STAGES = ["design", "manufacturing", "research"]
levels = st.none() | st.integers(1, 9)
claims_of = st.builds(Claim, levels, st.lists(st.sampled_from(STAGES), max_size=3).map(tuple))
codes = st.lists(st.sampled_from(CODES), max_size=3).map(tuple)


@st.composite
def companies(draw: st.DrawFn) -> tuple[Facts, dict[str, Claim]]:
    """What the index says of a company, and what its capabilities say of themselves."""
    claims = draw(st.dictionaries(st.sampled_from(["c1", "c2", "c3"]), claims_of, min_size=1))
    highest = max((one.trl for one in claims.values() if one.trl is not None), default=None)
    stages = sorted({stage for one in claims.values() for stage in one.stages})
    country = (draw(st.sampled_from(COUNTRIES)),)
    return Facts(country, False, draw(codes), tuple(stages), highest), claims


@st.composite
def challenges(draw: st.DrawFn) -> Facts:
    open_to = tuple(draw(st.lists(st.sampled_from(COUNTRIES), max_size=2, unique=True)))
    stages = tuple(draw(st.lists(st.sampled_from(STAGES), max_size=2)))
    return Facts(open_to, not open_to, draw(codes), stages, draw(levels))


wishes = st.builds(
    Wanted,
    kind=st.none() | st.sampled_from(SearchKind),
    country=st.none() | st.sampled_from([*COUNTRIES, "IT"]),
    cpv=st.none() | st.sampled_from(["38", "3842", "42", "99"]),
    stage=st.none() | st.sampled_from(STAGES),
    trl_min=levels,
    trl_max=levels,
)


def choosing(wanted: Wanted, facet: Facet, value: str) -> Wanted:
    """The same with this value of the facet instead of the one that was chosen."""
    if facet is Facet.trl:
        return replace(wanted, trl_min=int(value), trl_max=int(value))
    if facet is Facet.kind:
        return replace(wanted, kind=SearchKind(value))
    changed: Mapping[str, Any] = {facet.value: value}
    return replace(wanted, **changed)


@given(st.lists(companies(), max_size=4), st.lists(challenges(), max_size=4), wishes)
def test_a_facet_counts_what_is_left_when_its_value_is_chosen(
    firms: list[tuple[Facts, dict[str, Claim]]], asked: list[Facts], wanted: Wanted
) -> None:
    near = [
        Near(COMPANIES, f"cmp{place}", part, facts, {WORDS: 0.5})
        for place, (facts, claims) in enumerate(firms)
        for part in (*claims, f"{min(claims)}#2")
    ]
    near += [Near(CHALLENGES, f"chl{place}", "whole", one, {WORDS: 0.4}) for place, one in enumerate(asked)]
    stated = {f"cmp{place}": claims for place, (_, claims) in enumerate(firms)}
    found = claimed(units(near), stated)
    counted = facets(found, wanted)
    for facet in Facet:
        values = getattr(counted, facet.value)
        assert len(values) <= FACET_MAX
        shown = {one.value for one in values}
        for one in values:
            left = narrowed(found, choosing(wanted, facet, one.value))
            assert one.count == len(left) > 0, (facet, one.value)
        for kind in {each.value for each in SearchKind} - shown if facet is Facet.kind else ():
            assert not narrowed(found, choosing(wanted, facet, kind))
    for one in narrowed(found, replace(wanted, kind=SearchKind.capability)):
        claim = stated[one.entity][one.texts[0].part.partition("#")[0]]
        assert wanted.stage is None or wanted.stage in claim.stages
        assert wanted.trl_min is None or (claim.trl is not None and claim.trl >= wanted.trl_min)


def test_the_index_keeps_no_capability_away_that_passes() -> None:
    """It knows the highest TRL of the company alone."""
    of_one = Wanted(SearchKind.capability, trl_min=2, trl_max=4).conditions(COMPANIES)
    assert of_one == (Between("trl", 2, None),)
    assert Wanted(SearchKind.capability, trl_max=4).conditions(COMPANIES) == (Between("trl", 1, None),)
    assert Wanted(SearchKind.company, trl_max=4).conditions(COMPANIES) == (Between("trl", 1, 4),)


@given(st.integers(0, 900), st.integers(1, 30), st.integers(100, 1_000))
def test_an_excerpt_keeps_the_first_word_in_sight(place: int, size: int, length: int) -> None:
    text = ("lorem ipsum " * 100)[:length]
    start = min(place, length - 1)
    end = min(length, start + size)
    word = FoundWord(word=text[start:end], at=(start, end), stands_for="x")
    shown, words = excerpt(text, [word])
    assert len(shown) <= EXCERPT + 4 + size
    assert [shown[slice(*one.at)] for one in words] == [word.word]


def test_the_language_of_a_question_is_guessed_from_the_labels() -> None:
    multilingual = MultilingualEncoder.shipped()
    for text, language in (
        ("vacuum pump", "en"),
        ("Vakuumpumpe", "de"),
        ("pompes à vide", "fr"),
        ("pompa próżniowa", "pl"),
        ("αντλία κενού", "el"),
        ("laser", "en"),
        ("…", "en"),
    ):
        assert guess(text, multilingual) == language, text
