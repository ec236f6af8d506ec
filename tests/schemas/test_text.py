from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from schemas.text import NEED_MAX, TITLE_MAX, Need, PlainText, Title

TITLE = TypeAdapter[str](Title)
NEED = TypeAdapter[str](Need)
SHORT = TypeAdapter[str](Annotated[str, PlainText(5)])


def refusal(adapter: TypeAdapter[str], value: Any) -> tuple[str, str]:
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(value)
    (error,) = refused.value.errors()
    return error["type"], error["msg"]


def test_trimmed_and_in_one_form() -> None:
    assert TITLE.validate_python(" \u200b\ufeff Cafe\u0301 \u00a0") == "Café"


def test_line_breaks_stay_in_long_texts_only() -> None:
    assert NEED.validate_python("a\r\nb\rc\u2028d\te") == "a\nb\nc\nd\te"
    kind, message = refusal(TITLE, "a\nb")
    assert kind == "text_refused_character"
    assert message == "The text contains, at character 2, a line break or tab (U+000A); put it on one line."


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("a\x00b", "a control character (U+0000)"),
        ("a\x1b[31m", "a control character (U+001B)"),
        ("a\x85", "a control character (U+0085)"),
        ("a\u202egnp.exe", "overrides the writing direction (U+202E)"),
        ("   ", "is empty"),
        ("", "is empty"),
        ("\u200b \ufeff", "is empty"),
        ("x" * (NEED_MAX + 1), "at most 20000 are accepted"),
    ],
)
def test_refused(wrong: str, words: str) -> None:
    assert words in refusal(NEED, wrong)[1]


def test_a_lone_surrogate_is_refused_as_text_and_as_json() -> None:
    # pydantic sees it first when it comes from Python, its JSON parser when it comes as bytes
    assert refusal(NEED, "a\ud800")[0] in ("string_unicode", "text_refused_character")
    with pytest.raises(ValidationError):
        NEED.validate_json(rb'"a\ud800"')


def test_length_counts_the_characters_sent_and_the_characters_stored() -> None:
    assert SHORT.validate_python("abcde") == "abcde"
    assert refusal(SHORT, "abc   ")[0] == "text_too_long"
    assert refusal(SHORT, "\ufb2c\ufb2c")[0] == "text_too_long"  # each becomes three characters in NFC


def test_the_type_is_a_plain_string_in_models() -> None:
    class Page(BaseModel):
        title: Title

    assert Page(title=" x ").title == "x"
    assert Page.model_json_schema()["properties"]["title"]["maxLength"] == TITLE_MAX


@given(st.text(alphabet=st.characters(codec=None), max_size=40))
@example("\x1f")
@example("0\n")
@example("\n")
@example("a\u2029b")
@example("\u2066")
def test_published_pattern_and_validator_agree(text: str) -> None:
    for adapter in (TITLE, NEED):
        accepted = True
        try:
            stored = adapter.validate_python(text)
        except ValidationError:
            accepted = False
        else:
            assert unicodedata.is_normalized("NFC", stored)
            assert adapter.validate_python(stored) == stored
        if not any("\ud800" <= character <= "\udfff" for character in text):
            assert bool(re.search(adapter.json_schema()["pattern"], text)) == accepted
