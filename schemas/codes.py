"""Code lists of the contracts: CPV 2008, NUTS, ISO 3166-1 countries, ISO 639-1 languages.

Each list gives an annotated string type that pydantic validates, and look-ups for names. A wrong code is
refused with a sentence that proposes the nearest right one. The lists are read when first needed.
Error types (`unknown_cpv`, `unknown_nuts`, `unknown_country`, `unknown_language`) name the problem for
whoever turns them into a problem document; their context holds `suggestion` where there is one.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Final, LiteralString

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

QUOTED_MAX = 40
"""Characters of a wrong value that a message repeats: enough to recognise it, too few to flood a log."""
CPV_LANGUAGES: tuple[str, ...] = (
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hr", "hu"),
    *("it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
)
"""Languages of the Union in which the codes have labels of their own: all but Irish."""
CPV_DIGITS = 8
SUGGESTED_FROM = 3
"""Letters of a name that say enough to guess the rest of it."""
SIMILAR = 0.85
"""difflib's ratio for a slip of the keyboard; at less, Holland is taken for Poland, Deutsch for Dutch."""
COUNTRY_LETTERS = 2
"""A NUTS code is the country's two letters and one more character per level."""

CPV_FORMAT = "cpv-2008"
NUTS_FORMAT = "nuts"
NUTS_3_FORMAT = "nuts-3"
COUNTRY_FORMAT = "iso-3166-1-alpha-2"
LANGUAGE_FORMAT = "iso-639-1"

COUNTRY_ALIASES: Final[Mapping[str, str]] = MappingProxyType({"EL": "GR", "UK": "GB"})
"""The EU's own codes for Greece and the United Kingdom (Interinstitutional Style Guide, 7.1.1)."""
_NUTS_COUNTRIES: Final[Mapping[str, str]] = MappingProxyType({"EL": "GR"})

OFFICIAL_EU_LANGUAGES: Final = (
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr",
    "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
)  # fmt: skip
"""The 24 of Regulation 1/1958, alphabetically by code."""

_CPV_SHAPE = re.compile(r"([0-9]{8})(?:-[0-9])?", re.ASCII)
_WORD = re.compile(r"[^\W\d_]{3,}")


# -- the lists ---------------------------------------------------------------------------------------


def _labels(name: str, language: str) -> Mapping[str, str]:
    packed = files("schemas.data").joinpath(f"{name}.csv.gz").read_bytes()
    rows = csv.DictReader(io.StringIO(gzip.decompress(packed).decode(), newline=""))
    if language not in (rows.fieldnames or ()):
        raise LookupError(f"{name} has no labels in '{language}'; shipped are {rows.fieldnames}")
    return MappingProxyType({row["code"]: row[language] for row in rows})


def _names(name: str) -> Mapping[str, str]:
    return MappingProxyType(json.loads(files("schemas.data").joinpath(f"{name}.json").read_bytes()))


@cache
def cpv_labels(language: str = "en") -> Mapping[str, str]:
    """All CPV 2008 codes (eight digits, no check digit) with their labels; LookupError for a language without
    (`CPV_LANGUAGES` has them)."""
    if language not in CPV_LANGUAGES:
        raise LookupError(f"CPV has no labels in '{language}'; shipped are {', '.join(CPV_LANGUAGES)}")
    return _labels("cpv_labels" if language == "en" else f"cpv_labels_{language}", language)


@cache
def nuts_labels() -> Mapping[str, str]:
    """NUTS and statistical regions of levels 0 to 3 with the names they give themselves."""
    return _labels("nuts_labels", "en")


@cache
def country_names() -> Mapping[str, str]:
    """ISO 3166-1 alpha-2 with short English names, and XK (Kosovo), which the EU uses by agreement."""
    return _names("countries")


@cache
def language_names() -> Mapping[str, str]:
    """ISO 639-1 with English names."""
    return _names("languages")


# -- look-ups ----------------------------------------------------------------------------------------


def cpv_label(code: str, language: str = "en") -> str:
    """The official label of a CPV code; KeyError for an unknown code."""
    return cpv_labels(language)[code]


def nuts_label(code: str) -> str:
    """The region's own name; KeyError for an unknown code."""
    return nuts_labels()[code]


def nuts_country(code: str) -> str:
    """The ISO country of a NUTS code, whose first letters are ISO's except for Greece (EL)."""
    return _NUTS_COUNTRIES.get(code[:2], code[:2])


def country_name(code: str) -> str:
    """Short English name of a country; KeyError for an unknown code."""
    return country_names()[code]


def language_name(code: str) -> str:
    """English name of a language; KeyError for an unknown code."""
    return language_names()[code]


def flag(code: str) -> str:
    """The flag of a country as two regional indicator symbols (Unicode UAX 29); never show it alone."""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code.upper())


def find_country(text: str) -> str | None:
    """A country code from what people write in a table: a code in any case, or an English name."""
    return _find(text, country_names(), COUNTRY_ALIASES)


def find_language(text: str) -> str | None:
    """A language code from what people write in a table: a code in any case, or an English name."""
    return _find(text, language_names(), {})


def _suggest(text: str, names: Mapping[str, str], aliases: Mapping[str, str]) -> str | None:
    """The code that a wrong one may stand for: its name, the only name that begins so, or a similar one."""
    found = _find(text, names, aliases)
    if found or len(text) < SUGGESTED_FROM:
        return found
    wanted = text.strip().casefold()
    by_name = {name.casefold(): code for code, name in names.items()}
    beginning = [name for name in by_name if name.startswith(wanted)]
    near = beginning if len(beginning) == 1 else get_close_matches(wanted, by_name, n=1, cutoff=SIMILAR)
    return by_name[near[0]] if near else None


def _find(text: str, names: Mapping[str, str], aliases: Mapping[str, str]) -> str | None:
    wanted = text.strip().casefold()
    for code, name in [*aliases.items(), *names.items()]:
        if wanted in (code.casefold(), name.casefold()):
            return aliases.get(code, code)
    return None


# -- validation --------------------------------------------------------------------------------------


def quoted(text: str) -> str:
    """A wrong value as a message may repeat it: short, in quotes, control characters escaped."""
    shown = text if len(text) <= QUOTED_MAX else text[:QUOTED_MAX] + "…"
    return f"'{shown}'" if shown.isprintable() else ascii(shown)


def _refusal(kind: LiteralString, reason: str, suggestion: str | None) -> PydanticCustomError:
    return PydanticCustomError(kind, "{reason}", {"reason": reason, "suggestion": suggestion})


def _unknown(kind: LiteralString, what: str, text: str, near: tuple[str, str] | None) -> PydanticCustomError:
    advice = f" Did you mean {near[0]} ({near[1]})?" if near else ""
    return _refusal(kind, f"{quoted(text)} is not {what}.{advice}", near[0] if near else None)


def validate_cpv(text: str) -> str:
    """Eight digits of a known code. A check digit after a dash is dropped: its formula is not public."""
    shape = _CPV_SHAPE.fullmatch(text)
    if shape and shape[1] in cpv_labels():
        return shape[1]
    near = suggest_cpv(text)
    raise _unknown("unknown_cpv", "a CPV 2008 code", text, (near, cpv_label(near)) if near else None)


def suggest_cpv(text: str) -> str | None:
    """The known code nearest to a wrong one: two digits swapped, its own beginning, or a word of a label."""
    digits = re.sub(r"[\s.]|-[0-9]?\s*$", "", text[:QUOTED_MAX])
    known = cpv_labels()
    if digits.isascii() and digits.isdigit():
        return next((code for code in _near_codes(digits) if code in known), None)
    words = [word.casefold() for word in _WORD.findall(text[:QUOTED_MAX])]
    if not words:
        return None
    hits = {code: sum(word in label.casefold() for word in words) for code, label in known.items()}
    best = max(known, key=lambda code: (hits[code], -len(known[code])))
    return best if hits[best] else None


def _near_codes(digits: str) -> Iterator[str]:
    """Candidates for mistyped digits, the likeliest first."""
    if len(digits) == CPV_DIGITS - 1:
        yield "0" + digits  # spreadsheets drop a leading zero
    if len(digits) < CPV_DIGITS:
        yield digits.ljust(CPV_DIGITS, "0")
    if len(digits) == CPV_DIGITS:
        yield digits  # right but for spaces or dots
        for at in range(CPV_DIGITS - 1):
            yield digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    for length in range(min(len(digits), CPV_DIGITS), 1, -1):
        yield digits[:length].ljust(CPV_DIGITS, "0")


def validate_nuts(text: str) -> str:
    """A NUTS code of level 1, 2 or 3 (for a whole country there is the country code)."""
    known = nuts_labels()
    if text in known and len(text) > COUNTRY_LETTERS:
        return text
    shown = quoted(text)
    if text in known:
        reason = f"{shown} ({known[text]}) is a whole country; give a region of NUTS level 1, 2 or 3."
        raise _refusal("unknown_nuts", reason, None)
    if text.startswith("UK"):
        reason = f"{shown} is not a NUTS code: the United Kingdom has none since 2021. Leave it out."
        raise _refusal("unknown_nuts", reason, None)
    beginnings = (text[:length].upper() for length in range(5, COUNTRY_LETTERS, -1))
    near = next((code for code in beginnings if code in known), None)
    raise _unknown("unknown_nuts", "a NUTS code", text, (near, known[near]) if near else None)


def validate_nuts_3(text: str) -> str:
    """A NUTS code of level 3: two letters and three characters, for example FRK24 (Isère)."""
    code = validate_nuts(text)
    level = len(code) - COUNTRY_LETTERS
    if level == 3:
        return code
    within = (low for low in nuts_labels() if low.startswith(code) and len(low) == COUNTRY_LETTERS + 3)
    inside = next(within, None)
    example = f" within it, for example {inside} ({nuts_label(inside)})" if inside else ""
    reason = f"{quoted(text)} ({nuts_label(code)}) is NUTS level {level}; give a region of level 3{example}."
    raise _refusal("unknown_nuts", reason, inside)


def validate_country(text: str) -> str:
    """ISO 3166-1 alpha-2 in capitals; the EU's EL and UK become GR and GB."""
    code = COUNTRY_ALIASES.get(text, text)
    if code in country_names():
        return code
    near = _suggest(text[:QUOTED_MAX], country_names(), COUNTRY_ALIASES)
    what = "an ISO 3166-1 alpha-2 country code"
    raise _unknown("unknown_country", what, text, (near, country_name(near)) if near else None)


def validate_language(text: str) -> str:
    """ISO 639-1 in small letters."""
    if text in language_names():
        return text
    near = _suggest(re.split("[-_]", text[:QUOTED_MAX])[0], language_names(), {})
    what = "an ISO 639-1 language code"
    raise _unknown("unknown_language", what, text, (near, language_name(near)) if near else None)


CpvCode = Annotated[
    str,
    AfterValidator(validate_cpv),
    WithJsonSchema(
        {
            "type": "string",
            "format": CPV_FORMAT,
            "pattern": "^[0-9]{8}(-[0-9])?$",
            "description": "CPV 2008 code; a check digit is accepted and dropped",
            "examples": ["38423000"],
        }
    ),
]
NutsCode = Annotated[
    str,
    AfterValidator(validate_nuts),
    WithJsonSchema(
        {
            "type": "string",
            "format": NUTS_FORMAT,
            "pattern": "^[A-Z]{2}[0-9A-Z]{1,3}$",
            "description": "NUTS code of level 1, 2 or 3",
            "examples": ["FRK24"],
        }
    ),
]
Nuts3Code = Annotated[
    str,
    AfterValidator(validate_nuts_3),
    WithJsonSchema(
        {
            "type": "string",
            "format": NUTS_3_FORMAT,
            "pattern": "^[A-Z]{2}[0-9A-Z]{3}$",
            "description": "NUTS code of level 3",
            "examples": ["FRK24"],
        }
    ),
]
CountryCode = Annotated[
    str,
    AfterValidator(validate_country),
    WithJsonSchema(
        {
            "type": "string",
            "format": COUNTRY_FORMAT,
            "pattern": "^[A-Z]{2}$",
            "description": "ISO 3166-1 alpha-2; EL and UK are read as GR and GB",
            "examples": ["FR"],
        }
    ),
]
LanguageCode = Annotated[
    str,
    AfterValidator(validate_language),
    WithJsonSchema(
        {
            "type": "string",
            "format": LANGUAGE_FORMAT,
            "pattern": "^[a-z]{2}$",
            "description": "ISO 639-1",
            "examples": ["en"],
        }
    ),
]
