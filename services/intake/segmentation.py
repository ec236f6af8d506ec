"""Cuts a text into sentences and list items, each as an exact span of the given text.

Public calls and notices come out of web pages and PDF files: items glued together without a space
("…outcomes:impacts of noise…;authorities have…"), headings without a full stop, lines broken in the
middle of a sentence. No library for sentences treats these, and the maintained ones bring a model per
language, so the few rules are here. They hold for every script that has capital letters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from services.intake.cues import SECTION_LABEL

SEGMENT_MAX = 600
"""Longer sentences are lists in disguise, and more than an embedding model of 128-256 tokens reads."""
ITEM_MIN = 25
"""A part after a semicolon or colon shorter than this belongs to what stands before it."""
WRAPPED_SHARE = 0.6
"""A line at least this long, relative to the longest, was broken by its width, not by its author."""
WRAPPED_MIN = 50
"""Texts with shorter lines than this are not wrapped: each line is the author's own."""

_ABBREVIATIONS_LISTED = """
e.g i.e cf vs viz approx ca c fig figs no nos nr art arts vol dr prof mr mrs ms st eq sec resp incl excl
z.b d.h u.a u.ä bzw ggf inkl vgl evtl abs ziff bspw usw sog mio mrd tel str p.ex ex env c.-à-d réf m mme n° éd
p pp p.ej núm sr sra p.es es ecc rif np m.in tzn tj tzw ul godz r zob např tzv popř č odst bl.a f.eks t.ex osv
jf pkt kap s.k o.s.v esim mm ns ko pl ún ill ld kb stb bijv o.a d.w.z t.b.v i.v.m dhr t.i š.m pvz t.y piem
t.sk nt jne lk vt npr oz d.o.o itd т.е т.н напр г чл π.χ κ.λπ κ.ά αρ δηλ
"""
ORDINAL_LANGUAGES = frozenset(
    ("da", "de", "cs", "et", "fi", "hr", "hu", "is", "lv", "nb", "nn", "no", "pl", "sk", "sl")
)
"""Languages that write "third" as "3.": there a full stop after one or two digits ends no sentence."""
ABBREVIATIONS = frozenset(_ABBREVIATIONS_LISTED.split())

_PROTECTED = re.compile(r"(?:https?://|www\.)\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_STOP = re.compile(r"(?P<stop>[.!?…;\u037e]+)(?P<close>[\"'”’»)\]]{0,3}(?:\s?\[\d{1,3}\])*)(?P<space>\s*)")
_COLON = re.compile(r":(?P<space>\s*)(?=[^\s\d/\\])")
_BULLET = r"(?:[•●▪‣◦·∙*–—-]|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]|\d{1,2}(?:\.\d{1,2}){1,3}\.?)"
_BULLET_START = re.compile(rf"{_BULLET}\s+")
_INLINE_BULLET = re.compile(r"(?<=[\s;:.])(?:[•●▪‣◦]|\((?:\d{1,2}|[a-z]|[ivx]{1,4})\))\s*(?=\w)")
_GLUED_START = re.compile(
    r"(?<=[a-zà-ž)\]]{2})(?=(?:The|This|These|In|To|For|All|Proposals|Projects?|Applicants|Activities|Actions?|As|"
    r"Expected|Specific|Eligible|Other|Additional|Please|Financial|Funding|Results|Participants)\b)"
    r"|(?<=[.\s])(?=null[A-Z])"
)
_STARTING_WORD = re.compile(
    r"[^\W\d_]{3}|(?:A|An|As|At|By|If|In|It|No|On|Or|So|To|We|EU|UN|AI)\b|[^\W\d_]{1,2}[-’']"
)
_GLUED_WORDS = re.compile(r"\b(?!null)[a-zà-ž]{4,}(?=[A-Z][a-z]+,?\s)")
_LEADING = re.compile(rf"(?:\s+|null(?=[A-Z])|{_BULLET}\s+|[•●▪‣◦∙;:,]\s*)*")
_TRAILING = re.compile(r"[\s;\u037e]+$")
_CUT_POINTS = (
    re.compile(r"\n"),
    re.compile(r"[;:]\s"),
    re.compile(r"\s[–—-]\s"),
    re.compile(r",\s"),
    re.compile(r"\s"),
)
_SENTENCE_END = ".!?…"


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or list item: `text[start:end]`. `item`: it stands in a list. `intro`: the words ending
    in a colon that the list stands under."""

    start: int
    end: int
    item: bool
    intro: str


def segments(text: str, language: str | None = None) -> list[Segment]:
    """Ordered, disjoint, none blank; together they hold every letter and digit of the text but bullets."""
    guarded = [found.span() for found in _PROTECTED.finditer(text)]
    strong = _outside(guarded, (*_line_cuts(text), *_stop_cuts(text, language), *_glue_cuts(text)))
    pieces: list[tuple[int, int]] = []
    for start, end in _between(strong, len(text)):
        inner = _outside(guarded, _list_cuts(text, start, end))
        pieces += [(start + a, start + b) for a, b in _between([cut - start for cut in inner], end - start)]
    return list(_shaped(text, pieces))


def _between(cuts: Iterable[int], length: int) -> Iterator[tuple[int, int]]:
    edges = sorted({0, length, *cuts})
    return pairwise(edges)


def _outside(guarded: list[tuple[int, int]], cuts: Iterable[int]) -> list[int]:
    """Cuts that fall inside no address of the web or of mail."""
    starts = [start for start, _ in guarded]
    kept = []
    for cut in cuts:
        at = bisect_right(starts, cut) - 1
        if at < 0 or not guarded[at][0] < cut < guarded[at][1]:
            kept.append(cut)
    return kept


def _line_cuts(text: str) -> Iterator[int]:
    lines = text.split("\n")
    longest = max(map(len, lines))
    position = 0
    for line, following in pairwise(lines):
        position += len(line) + 1
        after = following.lstrip()
        new_paragraph = not line.strip() or not after
        wrapped = longest >= WRAPPED_MIN and len(line) >= WRAPPED_SHARE * longest
        continues = after[:1].islower() and line.rstrip()[-1:] not in ".!?:;"
        if new_paragraph or _BULLET_START.match(after) or not (wrapped or continues):
            yield position


def _stop_cuts(text: str, language: str | None) -> Iterator[int]:
    for found in _STOP.finditer(text):
        stop, space, at = found["stop"], found["space"], found.end()
        if at >= len(text) or ";" in stop or "\u037e" in stop:
            continue
        after = text[at]
        opens = (
            after.isupper()
            or after.isdigit()
            or not after.isalnum()
            or not (after.islower() or after.isupper())
        )
        if space:
            if opens and not (stop == "." and _abbreviated(text, found.start(), language)):
                yield at
        elif after.isupper() and _glued_sentence(text, found.start(), at):
            yield at


def _abbreviated(text: str, dot: int, language: str | None) -> bool:
    word = re.search(r"[^\s(\[«„“\"']*$", text[max(0, dot - 20) : dot])
    token = word.group() if word else ""
    before = text[: dot - len(token)].rstrip()[-1:] if token else ""
    if len(token) == 1 and token.isalpha():
        return not before.isdigit()  # an initial; after a number it is a unit: "at 4 K. The"
    if token.isdigit() and len(token) <= 2:
        if language in ORDINAL_LANGUAGES:
            return True
        return before in ("", ".", ";", ":") or text[: dot - len(token)].rstrip(" ").endswith(
            "\n"
        )  # numbering
    return token.casefold() in ABBREVIATIONS


def _glued_sentence(text: str, stop: int, at: int) -> bool:
    """A full stop without a space after it: "…noise.The action"; not "e.g.The", "Node.Js", "U.S.A"."""
    word = re.search(r"[\w\]\)%’”\"]+$", text[max(0, stop - 40) : stop])
    token = word.group() if word else ""
    dotted = "." in text[max(0, stop - len(token) - 2) : stop - len(token)]
    unit = len(token) < 3 and text[max(0, stop - len(token) - 2) : stop - len(token)].strip().isdigit()
    return (
        (len(token) >= 3 or token[-1:] in ")]%" or token.isdigit() or unit)
        and not dotted
        and token.casefold() not in ABBREVIATIONS
        and _STARTING_WORD.match(text, at) is not None
    )


def _glue_cuts(text: str) -> Iterator[int]:
    for pattern in (_GLUED_START, _GLUED_WORDS, _INLINE_BULLET):
        for found in pattern.finditer(text):
            yield found.end() if pattern is _GLUED_WORDS else found.start()


def _list_cuts(text: str, start: int, end: int) -> list[int]:
    """Inside one sentence: after a semicolon, after a colon that opens a list, after a section's label."""
    part = text[start:end]
    cuts = []
    last = 0
    semicolons = [m.end() for m in re.finditer(r"[;\u037e]\s*(?:(?:and|or|und|et|y|e|i|en|og|och)\s)?", part)]
    for at in semicolons:
        if at - last >= ITEM_MIN and len(part) - at >= ITEM_MIN:
            cuts.append(start + at)
            last = at
    label = SECTION_LABEL.match(part.lstrip())
    if label:
        cuts.append(start + len(part) - len(part.lstrip()) + label.end())
    for found in _COLON.finditer(part):
        opens_list = (
            not found["space"] or "\n" in found["space"] or bool(cuts and cuts[-1] > start + found.end())
        )
        if opens_list and found.start() > 1 and len(part) - found.end() >= ITEM_MIN:
            cuts.append(start + found.end())
    return cuts


def _shaped(text: str, pieces: Iterable[tuple[int, int]]) -> Iterator[Segment]:
    intro = ""
    in_list = False
    for raw_start, raw_end in pieces:
        lead = _LEADING.match(text, raw_start, raw_end)
        start = lead.end() if lead else raw_start
        end = raw_start + len(_TRAILING.sub("", text[raw_start:raw_end]))
        if text[start:end] == "null" or not any(character.isalnum() for character in text[start:end]):
            continue
        bulleted = bool(_BULLET_START.match(text[raw_start:raw_end].lstrip()))
        item = bulleted or in_list
        if not item:
            intro = ""
        yield from (Segment(a, b, item, intro) for a, b in _shortened(text, start, end))
        body = text[start:end]
        ended_by_semicolon = text[end:raw_end].strip()[:1] in (";", "\u037e")
        if SECTION_LABEL.fullmatch(body):
            intro, in_list = "", False
        elif body.endswith(":"):
            intro, in_list = body, True
        else:
            unfinished = bulleted and not body.endswith(tuple(_SENTENCE_END))
            next_is_glued = item and bool(intro) and raw_end < len(text) and not text[raw_end - 1].isspace()
            in_list = (
                (item and ended_by_semicolon) or unfinished or next_is_glued
            )  # pages lose the break between items


def _shortened(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut what is longer than SEGMENT_MAX at the best place in its second half."""
    while end - start > SEGMENT_MAX:
        at = _cut_point(text, start + SEGMENT_MAX // 2, start + SEGMENT_MAX)
        piece = text[start:at].rstrip()
        if piece:
            yield start, start + len(piece)
        start = at + len(text[at:end]) - len(text[at:end].lstrip())
    if start < end:
        yield start, end


def _cut_point(text: str, low: int, high: int) -> int:
    for pattern in _CUT_POINTS:
        found = list(pattern.finditer(text, low, high))
        if found:
            return found[-1].end()
    return high
