"""Plain text as the contracts accept it: bounded, in one Unicode form, without invisible surprises.

`Annotated[str, PlainText(maximum)]` normalises to Unicode NFC, trims white space at both ends, and refuses
control characters, overrides of the writing direction, lone surrogates, and texts in which nothing is
visible. With `lines=True` line breaks (stored as LF) and tabs may stay. The JSON Schema it publishes says
the same, so a client can check before it sends.

Lengths are counted in Unicode code points, as JSON Schema counts them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

NAME_MAX = 300
"""The longest official names of buyers on TED notices have about 250 characters."""
TITLE_MAX = 300
"""A title is read in one glance and becomes a mail subject; EU call titles stay below 250 characters."""
NEED_MAX = 20_000
"""About seven pages: of 375 texts of EU calls all but 6 fit; a whole tender file does not."""
REQUIREMENT_MAX = 2_000
"""One requirement is a sentence or a short list; embedding models read little beyond this."""
CAPABILITY_MAX = 4_000
"""One capability is a paragraph up to an abstract; embedding models read its beginning."""
NOTE_MAX = 2_000
"""Remarks of people: reasons, arrangements, conditions."""
LABEL_MAX = 100
"""Words used as labels: metrics, units, sectors, certificates."""
FREE_ID_MAX = 64
"""Ids that clients give to their own requirements and capabilities (`r1`, `c1`)."""

_LINE_BREAKS = re.compile("\r\n?|\u2028|\u2029")
_INVISIBLE = "\u200b\u2060\ufeff"
"""Zero-width space, word joiner, byte order mark: trimmed with the white space around a text."""
_DIRECTION = "\\u202a-\\u202e\\u2066-\\u2069"
"""Overrides and isolates of the writing direction: they make a page show another text than is stored."""
_FORBIDDEN_IN_LINE = f"\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029{_DIRECTION}"
_FORBIDDEN_IN_LINES = f"\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f{_DIRECTION}"
_SURROGATES = "\\ud800-\\udfff"
_REFUSED_IN_LINE = re.compile(f"[{_FORBIDDEN_IN_LINE}{_SURROGATES}]")
_REFUSED_IN_LINES = re.compile(f"[{_FORBIDDEN_IN_LINES}{_SURROGATES}]")


def _trim(text: str) -> str:
    """White space and zero-width characters off both ends, also where they alternate."""
    before = None
    while before != text:
        before = text
        text = text.strip().strip(_INVISIBLE)
    return text


def _complaint(character: str) -> str:
    code = f"U+{ord(character):04X}"
    if "\ud800" <= character <= "\udfff":
        return f"half of a surrogate pair ({code}); send the text as UTF-8"
    if character in "\n\r\t\u2028\u2029":
        return f"a line break or tab ({code}); put it on one line"
    if unicodedata.category(character) == "Cc":
        return f"a control character ({code}); remove it"
    return f"a character that overrides the writing direction ({code}); remove it"


def clean_text(text: str, *, maximum: int, lines: bool) -> str:
    """The text as it is stored; raises `PydanticCustomError` with a sentence that says what to do."""
    if len(text) > maximum:
        raise PydanticCustomError(
            "text_too_long",
            "The text has {length} characters; at most {maximum} are accepted. Shorten it.",
            {"length": len(text), "maximum": maximum},
        )
    if not lines:
        text = text.removesuffix("\n")  # lines read from a file end so, and `$` of many languages allows it
    refused = (_REFUSED_IN_LINES if lines else _REFUSED_IN_LINE).search(text)
    if refused:
        raise PydanticCustomError(
            "text_refused_character",
            "The text contains, at character {position}, {complaint}.",
            {"position": refused.start() + 1, "complaint": _complaint(refused.group())},
        )
    if lines:
        text = _LINE_BREAKS.sub("\n", text)
    text = _trim(unicodedata.normalize("NFC", text))
    if not text:
        raise PydanticCustomError("text_empty", "The text is empty; write at least one visible character.")
    # a few scripts grow when they are normalised (U+FB2C becomes three characters)
    if len(text) > maximum:
        raise PydanticCustomError(
            "text_too_long",
            "The text has {length} characters in Unicode NFC; at most {maximum} are accepted. Shorten it.",
            {"length": len(text), "maximum": maximum},
        )
    return text


@dataclass(frozen=True, slots=True)
class PlainText:
    """Annotation of a `str`: at most `maximum` code points; `lines` lets line breaks and tabs stay."""

    maximum: int
    lines: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        published = handler(schema)
        published.update(minLength=1, maxLength=self.maximum, pattern=self.pattern)
        return published

    @property
    def pattern(self) -> str:
        """ECMA 262 regular expression: only accepted characters, and one that can be seen."""
        forbidden = _FORBIDDEN_IN_LINES if self.lines else _FORBIDDEN_IN_LINE
        accepted = f"[^{forbidden}]*"
        return f"^{accepted}[^\\s{_escaped(_INVISIBLE)}{forbidden}]{accepted}$"

    def validate(self, text: str) -> str:
        return clean_text(text, maximum=self.maximum, lines=self.lines)


def _escaped(characters: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in characters)


Name = Annotated[str, PlainText(NAME_MAX)]
Title = Annotated[str, PlainText(TITLE_MAX)]
Need = Annotated[str, PlainText(NEED_MAX, lines=True)]
RequirementText = Annotated[str, PlainText(REQUIREMENT_MAX, lines=True)]
CapabilityText = Annotated[str, PlainText(CAPABILITY_MAX, lines=True)]
Note = Annotated[str, PlainText(NOTE_MAX, lines=True)]
Label = Annotated[str, PlainText(LABEL_MAX)]
FreeId = Annotated[str, PlainText(FREE_ID_MAX)]
Opaque = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""What others chose as an identity and is kept as it came, without control characters: a key with one in it
cannot be looked up in every database, nor shown."""
