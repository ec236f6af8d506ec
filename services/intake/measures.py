"""Numbers with a unit, and technology readiness levels, as they stand in a text of any language.

Units are those of the SI brochure (9th edition, tables 1 to 8) with their prefixes, what engineers write
beside them, and a few counted things (cycles, years). Money is not a measure: a budget is no requirement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from schemas.text import LABEL_MAX

_NUMBER = r"(?:[±+−-]\s?)?(?:\d{1,3}(?:[ \u00a0\u2009\u202f’']\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
_POWER = r"(?:\s?[·×x*]\s?10(?:\^?[−-]?\d{1,3}|[⁻⁰¹²³⁴-⁹]+)|[eE][+−-]?\d{1,3})?"
_TO = r"\s?(?:-|–|—|to|and|bis|und|à|et|a|y|e|do|tot|till|til|και|до)\s?"

_PREFIXED = (
    r"(?:[YZEPTGMkhdcmµμunpfa]|da)?"
    r"(?:m[²³23]?|g|s|A|K|mol|cd|Hz|N|Pa|J|Wh?|V(?:A|ar)?|F|Ω|Ohm|ohm|S|Wb|T|H|lm|lx|Bq|Gy|Sv|kat|"
    r"L|l|t|eV|bar|Ah|rad|sr|Da|Ci|rem|bps|bit|B|FLOPS|FLOP|b)"
)
_PLAIN = (
    r"%|‰|°\s?[CFK]?|℃|ppm|ppb|ppt|dB[a-zA-Z]?|rpm|psi|atm|mmHg|Torr|torr|mbar|kat|min|h|d|ha|dpi|px|MP|"
    r"[KMG]iB|[kMG]bit|fps|arcsec|arcmin|mas|Nm|VAC|VDC|Mpx|MWp|kWp|MWe|kWe|MWth|kWth|μm|u|pH|"
    r"n(?:eq)?/cm[²2]|inch(?:es)?|ft"
)
_WORDS = (
    r"(?:\w+\s)?(?:cycles?|Zyklen|ciclos?|cicli|cykli|cykler|cyklus[ůy]?)|"
    r"micron(?:s|ètres?|meter)?|met(?:er|re)s?|mètres?|metri|metros?|kilomet(?:er|re)s?|"
    r"seconds?|secondes?|Sekunden|minutes?|Minuten|hours?|heures?|Stunden|horas?|ore|godzin|"
    r"days?|jours?|Tagen?|weeks?|Wochen|years?|ans|années|Jahren?|años|anni|anos|jaar|år|lat|"
    r"percent|per cent|pour cent|Prozent|por ciento|per cento|degrees?|degrés?|Grad|"
    r"pixels?|channels?|canaux|Kanäle|tonnes?|tons?|lit(?:er|re)s?|kelvin|volts?|watts?|grams?|"
    r"g/n|photons?|qubits?|bits?|bytes?|samples?|frames?|spectra"
)
_UNIT = rf"(?:{_WORDS}|{_PREFIXED}|{_PLAIN})"
_COMPOUND = rf"{_UNIT}(?:\s?[/·⋅]\s?{_UNIT}[²³⁻¹23]*|[⁻−-][¹²³123])*"

_MEASURE = re.compile(
    rf"(?<![\w/.,§])(?P<target>{_NUMBER}{_POWER}(?:\s?%?{_TO}{_NUMBER}{_POWER})?)"
    rf"\s?-?(?P<unit>{_COMPOUND})(?![\w²³])"
)
_NUMBERED = re.compile(
    r"(?:art(?:icle|ikel|\.)?|no\.?|nr\.?|lots?|los|§|section|annex|phase)\s?$", re.IGNORECASE
)
_YEAR = re.compile(r"(?:19|20|21)\d\d")

_COMPARATOR = (
    r"between|of|at least|at most|up to|below|above|under|over|less than|more than|greater than|lower than|"
    r"better than|than|from|down to|to|by|is|≥|≤|<|>|=|:|~|"
    r"entre|de|d'|d’|au moins|au plus|jusqu'à|inférieure? à|supérieure? à|"
    r"zwischen|von|mindestens|höchstens|maximal|minimal|bis zu|unter|über|kleiner als|größer als|ab|"
    r"al menos|hasta|menos de|más de|tra|fra|di|almeno|fino a|van|minstens|tussen|mellan|minst|mindst|mellem|"
    r"między|od|co najmniej|do"
)
_METRIC = re.compile(rf"(?P<metric>[^\W\d_][\w-]{{3,}})\s?(?:(?:{_COMPARATOR})\s*){{1,3}}$", re.IGNORECASE)
_NOT_A_METRIC = re.compile(
    r"(?:at|to|operat|surviv|withstand|achiev|reach|measur|work|rang|least|most|more|less|than|with|from|over|"
    r"erreich|aushalt|mess|attein|mesur|résist|depuis|dans|pour|avec|minimum|maximum|between|about|approx|"
    r"consist|compos|made|distance|each|part|some|increas|decreas|reduc|improv|exceed)\w*$",
    re.IGNORECASE,
)
METRIC_WINDOW = 60
"""Characters before a number in which its quantity is looked for."""

_TRL = re.compile(
    r"\b(?:TRLs?|technology readiness levels?)[\s:(-]{0,3}(?:of |level |levels |between |at least |from )?"
    r"(?:TRL\s?)?([1-9])(?!\d)"
    r"(?:\s?(?:-|–|—|/|to|and|or|up to|bis|à|a)\s?(?:TRL\s?)?([1-9])(?![\d%]))?",
    re.IGNORECASE,
)
_AT_THE_START = re.compile(
    r"start|begin|entry|entrance|current|initial|départ|actuel|ausgang|beginn", re.IGNORECASE
)
_AT_THE_END = re.compile(
    r"achiev|reach|target|final|end\b|attein|visé|erreich|ziel|alcanz|raggiung", re.IGNORECASE
)
TRL_WINDOW = 45
"""Characters before a level in which the words stand that tell start from target."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with its unit: `metric` is the quantity's name where the text gives it just before."""

    target: str
    unit: str
    metric: str | None


@dataclass(frozen=True, slots=True)
class TrlRange:
    """Levels named together in a text: both ends are in 1..9, `low` ≤ `high`. `at` tells whether the words
    before speak of the start or the end of the work, or of neither."""

    low: int
    high: int
    at: Literal["start", "end"] | None = None


def first_measure(sentence: str) -> Measure | None:
    """The first number with a unit; "DN40", "Article 5" and "2030" are none."""
    for found in _MEASURE.finditer(sentence):
        target, unit = found["target"], found["unit"]
        before = sentence[max(0, found.start() - METRIC_WINDOW) : found.start()]
        if max(len(target), len(unit)) > LABEL_MAX or _NUMBERED.search(before):
            continue
        if len(unit) == 1 and unit.isalpha() and _YEAR.fullmatch(target):
            continue
        return Measure(" ".join(target.split()), " ".join(unit.split()), _metric(before))
    return None


def _metric(before: str) -> str | None:
    found = _METRIC.search(before)
    if found is None or _NOT_A_METRIC.match(found["metric"]):
        return None
    return found["metric"]


def trl_ranges(text: str) -> list[TrlRange]:
    """Every readiness level or range of them that the text names, in order."""
    ranges = []
    for found in _TRL.finditer(text):
        low = int(found[1])
        high = int(found[2]) if found[2] else low
        before = text[max(0, found.start() - TRL_WINDOW) : found.start()]
        ranges.append(TrlRange(min(low, high), max(low, high), _moment(before)))
    return ranges


def _moment(before: str) -> Literal["start", "end"] | None:
    """Which of the two words stands nearer to the level."""
    start = max((found.end() for found in _AT_THE_START.finditer(before)), default=-1)
    end = max((found.end() for found in _AT_THE_END.finditer(before)), default=-1)
    if start == end:
        return None
    return "start" if start > end else "end"
