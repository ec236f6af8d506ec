from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas import codes

CPV = TypeAdapter[str](codes.CpvCode)
NUTS = TypeAdapter[str](codes.NutsCode)
NUTS_3 = TypeAdapter[str](codes.Nuts3Code)
COUNTRY = TypeAdapter[str](codes.CountryCode)
LANGUAGE = TypeAdapter[str](codes.LanguageCode)


def refusal(adapter: TypeAdapter[str], value: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(value)
    (error,) = refused.value.errors()
    return dict(error)


class TestCpv:
    def test_the_list_is_complete(self) -> None:
        assert len(codes.cpv_labels()) == 9454
        assert codes.cpv_label("35110000") == "Firefighting, rescue and safety equipment"

    @pytest.mark.parametrize("written", ["35110000", "35110000-8", "35110000-1"])
    def test_a_check_digit_is_dropped(self, written: str) -> None:
        assert CPV.validate_python(written) == "35110000"

    @pytest.mark.parametrize(
        ("wrong", "suggestion"),
        [
            ("3511", "35110000"),  # too short
            ("35110001", "35110000"),  # its own beginning
            ("53110000", "35110000"),  # two digits swapped
            ("3111000", "03111000"),  # a spreadsheet dropped the leading zero
            ("35.11.00.00", "35110000"),
            ("sensors", "35125100"),
            ("99", None),
            ("", None),
            ("00000000", None),
            ("\x00" * 1000, None),
            ("٣٥١١٠٠٠٠", None),  # digits, but not ASCII ones
            ("35110000-", "35110000"),
        ],
    )
    def test_a_wrong_code_is_answered_with_the_nearest(self, wrong: str, suggestion: str | None) -> None:
        error = refusal(CPV, wrong)
        assert error["type"] == "unknown_cpv"
        assert error["ctx"]["suggestion"] == suggestion

    def test_the_sentence(self) -> None:
        assert refusal(CPV, "3511")["msg"] == (
            "'3511' is not a CPV 2008 code. "
            "Did you mean 35110000 (Firefighting, rescue and safety equipment)?"
        )

    @given(st.text(max_size=12) | st.text("0123456789-", max_size=10))
    def test_any_text_is_a_code_or_refused_in_one_short_sentence(self, text: str) -> None:
        try:
            assert CPV.validate_python(text) in codes.cpv_labels()
        except ValidationError as refused:
            message = refused.errors()[0]["msg"]
            assert len(message) < 700
            assert "\x00" not in message

    def test_every_language_has_a_label_for_every_code(self) -> None:
        for language in codes.CPV_LANGUAGES:
            labels = codes.cpv_labels(language)
            assert labels.keys() == codes.cpv_labels().keys(), language
            assert all(labels.values()), language
        assert codes.cpv_label("42122000", "de") == "Pumpen"

    def test_a_language_that_is_not_shipped_is_named(self) -> None:
        with pytest.raises(LookupError, match="no labels in 'xx'"):
            codes.cpv_labels("xx")


class TestNuts:
    @pytest.mark.parametrize("code", ["FR1", "FRK2", "FRK24", "EL303", "CH011", "TR100"])
    def test_levels_one_to_three(self, code: str) -> None:
        assert NUTS.validate_python(code) == code

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ("FR", "whole country"),
            ("UKI31", "none since 2021"),
            ("frk24", "FRK24 (Isère)"),
            ("FRK99", "FRK (Auvergne-Rhône-Alpes)"),
            ("nowhere", "is not a NUTS code."),
        ],
    )
    def test_wrong_codes(self, wrong: str, words: str) -> None:
        assert words in refusal(NUTS, wrong)["msg"]

    def test_level_three_where_it_is_asked_for(self) -> None:
        assert NUTS_3.validate_python("FRK24") == "FRK24"
        error = refusal(NUTS_3, "FRK2")
        assert error["msg"].startswith("'FRK2' (Rhône-Alpes) is NUTS level 2; give a region of level 3")
        assert NUTS_3.validate_python(error["ctx"]["suggestion"])
        assert refusal(NUTS_3, "BAZ")["msg"].endswith("give a region of level 3.")

    def test_every_region_has_a_level_three_and_a_country(self) -> None:
        labels = codes.nuts_labels()
        lowest = [code for code in labels if len(code) == 5]
        for code in labels:
            assert codes.nuts_country(code) in codes.country_names()
            if len(code) > 2 and codes.nuts_country(code) != "BA":  # Bosnia is listed to level 2 only
                assert any(low.startswith(code) for low in lowest), code


class TestCountries:
    @pytest.mark.parametrize(("written", "code"), [("FR", "FR"), ("EL", "GR"), ("UK", "GB"), ("XK", "XK")])
    def test_codes_and_the_eu_s_own(self, written: str, code: str) -> None:
        assert COUNTRY.validate_python(written) == code

    def test_names_and_flags(self) -> None:
        assert len(codes.country_names()) == 250
        assert codes.country_name("CZ") == "Czechia"
        assert codes.flag("FR") == "🇫🇷"

    @pytest.mark.parametrize(
        ("wrong", "suggestion"),
        [
            ("fr", "FR"),
            ("Germany", "DE"),
            ("el", "GR"),
            ("ZZ", None),
            ("", None),
            ("FRA", "FR"),
            ("Swizerland", "CH"),
            ("Holland", None),
            ("Uni", None),
        ],
    )
    def test_wrong_codes(self, wrong: str, suggestion: str | None) -> None:
        error = refusal(COUNTRY, wrong)
        assert (error["type"], error["ctx"]["suggestion"]) == ("unknown_country", suggestion)

    @pytest.mark.parametrize(
        ("written", "code"), [(" france ", "FR"), ("uk", "GB"), ("türkiye", "TR"), ("Atlantis", None)]
    )
    def test_what_people_write_in_tables(self, written: str, code: str | None) -> None:
        assert codes.find_country(written) == code


class TestLanguages:
    def test_the_official_ones_have_names(self) -> None:
        assert len(codes.OFFICIAL_EU_LANGUAGES) == 24
        assert all(codes.language_name(code) for code in codes.OFFICIAL_EU_LANGUAGES)
        assert LANGUAGE.validate_python("uk") == "uk"  # Ukrainian: any ISO 639-1 code is accepted

    @pytest.mark.parametrize(
        ("wrong", "suggestion"),
        [("EN", "en"), ("de-AT", "de"), ("Greek", "el"), ("qq", None), ("eng", "en"), ("Deutsch", None)],
    )
    def test_wrong_codes(self, wrong: str, suggestion: str | None) -> None:
        error = refusal(LANGUAGE, wrong)
        assert (error["type"], error["ctx"]["suggestion"]) == ("unknown_language", suggestion)

    def test_what_people_write_in_tables(self) -> None:
        assert codes.find_language("French") == "fr"
        assert codes.find_language("Klingon") is None


def test_the_published_patterns_say_what_is_accepted() -> None:
    import re

    for adapter, known in (
        (CPV, codes.cpv_labels()),
        (NUTS_3, [code for code in codes.nuts_labels() if len(code) == 5]),
        (COUNTRY, codes.country_names()),
        (LANGUAGE, codes.language_names()),
    ):
        schema = adapter.json_schema()
        assert all(re.search(schema["pattern"], code) for code in known)
        assert adapter.validate_python(schema["examples"][0])
