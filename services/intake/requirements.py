"""Requirements cut from the free text of a need, for a challenge that was announced without any.

Every sentence and list item is weighed: what it asks for, numbers with a unit, words that the title or
several other sentences share speak for it; the language of administration against it. The best stay, in
the order of the text, each with the exact span it comes from. Pure and deterministic; a person corrects
the proposal, so a doubtful sentence is rather kept than lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.challenge import LifecycleStage, RequirementKind
from schemas.text import REQUIREMENT_MAX
from services.intake import cues
from services.intake.measures import TrlRange, first_measure, trl_ranges
from services.intake.segmentation import Segment, segments

PROPOSED_MAX = 12
"""A person reads a dozen proposals and corrects them; calls of four pages rarely ask for more things."""
WORDS_MIN = 3
"""Fewer words of content and no number: a heading or a fragment."""
SCORE_MIN = 1.0
"""Below, a sentence says more about the procedure than about the need (set by reading EU calls)."""
SHARE_OF_BEST = 0.4
"""Sentences much weaker than the best of the same text are its surroundings."""
FEW = 6
"""So many sentences are a person's own paragraph, where each counts: only administration is dropped."""
SAME_WORDS = 0.7
"""Share of the shorter sentence's words found in another: above, both say the same."""
STEM = 5
"""Letters compared of a word: enough to see "measure" in "measurement" in most languages of the Union."""
CONTENT_LETTERS = 4
CONTENT_FULL = 12
"""Words of content after which a longer sentence gains nothing."""

WEIGHT_MEASURE = 2.0
WEIGHT_MANDATORY = 1.0
WEIGHT_WISHED = 0.5
WEIGHT_CAPABILITY = 0.4
CAPABILITY_FULL = 3
WEIGHT_ITEM = 0.5
WEIGHT_CONTENT = 1.5
WEIGHT_TITLE = 2.0
WEIGHT_SHARED = 1.0
WEIGHT_ASKED = 1.2
"""What is asked for, against what only describes the present state."""
WEIGHT_ADMINISTRATIVE = 0.9
"""Per administrative expression; a sentence with two of them needs much else to stay."""
ADMINISTRATIVE_MANY = 2
"""So many administrative expressions make a sentence of administration."""

_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_ORNAMENT = re.compile(r"\s?\[\d{1,3}\]|[-–—_=*.]{4,}")
_ENUMERATING = re.compile(r"[.:;,\s]+$")


@dataclass(frozen=True, slots=True)
class Extracted:
    """A proposed requirement. `text` is what `source[start:end]` says, tidied: white space, footnote marks
    and opening phrases ("We need to", "Proposals should") are gone. `target` is a number or a range as
    written, `metric` the quantity where it stands just before."""

    text: str
    start: int
    end: int
    kind: RequirementKind
    mandatory: bool
    metric: str | None = None
    target: str | None = None
    unit: str | None = None
    trl_min: int | None = None


@dataclass(frozen=True, slots=True)
class TrlHint:
    """Readiness at the start and at the end, as far as the text names them."""

    start: int | None
    target: int | None


@dataclass(frozen=True, slots=True)
class _Candidate:
    segment: Segment
    raw: str
    text: str
    stems: frozenset[str]
    administrative: int


def extract(text: str, language: str | None = None, *, title: str = "") -> list[Extracted]:
    """At most PROPOSED_MAX requirements in the order of the text; one at least, unless it is blank.

    `language` (ISO 639-1) helps to find the ends of sentences; `title` tells which sentences are to the
    point. `text[e.start:e.end]` is the sentence each comes from; the spans are disjoint.
    """
    candidates = [_candidate(text, segment) for segment in segments(text, language)]
    chosen = _chosen(candidates, title)
    if chosen:
        return [_extracted(candidate) for candidate in chosen]
    whole = text.strip()
    if not whole:
        return []
    start = text.index(whole)
    raw = whole[:REQUIREMENT_MAX].rstrip()
    segment = Segment(start, start + len(raw), item=False, intro="")
    return [_extracted(_Candidate(segment, raw, _tidy(raw), frozenset(), 0))]


def trl_hint(text: str) -> TrlHint:
    """Levels at the start and the end of the work: "start at TRL 3-4 and achieve TRL 6" gives 3 and 6,
    "achieve TRL 6-8" gives None and 8, a range without such words ("TRL 5-7") its two ends."""
    ranges = trl_ranges(text)
    starts = [one.low for one in ranges if one.at == "start"]
    ends = [one.high for one in ranges if one.at == "end"]
    start, target = min(starts, default=None), max(ends, default=None)
    for one in ranges:
        if one.at is None and start is None and target is None:
            start, target = (one.low if one.low < one.high else None), one.high
    if start is not None and target is not None and start > target:
        return TrlHint(None, target)
    return TrlHint(start, target)


def stage_hint(text: str) -> LifecycleStage | None:
    """The stage of the lifecycle that most words of the text belong to; the earlier one on a tie."""
    counts = {stage: len(cues.STAGES[stage.value].findall(text)) for stage in LifecycleStage}
    best = max(LifecycleStage, key=lambda stage: counts[stage])
    return best if counts[best] else None


def _candidate(text: str, segment: Segment) -> _Candidate:
    raw = text[segment.start : segment.end]
    tidy = _tidy(raw)
    return _Candidate(segment, raw, tidy, _stems(tidy), len(cues.ADMINISTRATIVE.findall(tidy)))


def _tidy(raw: str) -> str:
    plain = " ".join(_ORNAMENT.sub(" ", raw).split())
    opened = cues.LEAD_IN.sub("", plain)
    tidy = _ENUMERATING.sub("", opened)
    if len(_WORD.findall(tidy)) >= 2:
        return tidy[:REQUIREMENT_MAX]
    return (plain if any(map(str.isalnum, plain)) else raw)[:REQUIREMENT_MAX]


def _stems(text: str) -> frozenset[str]:
    return frozenset(
        word[:STEM].casefold()
        for word in _WORD.findall(text)
        if len(word) >= CONTENT_LETTERS or word.isupper()
    )


# -- choosing ----------------------------------------------------------------------------------------


def _chosen(candidates: Sequence[_Candidate], title: str) -> list[_Candidate]:
    """The best that differ from each other, in the order of the text."""
    occurrences = Counter(stem for candidate in candidates for stem in candidate.stems)
    shared = {stem for stem, count in occurrences.items() if count > 1}
    title_stems = _stems(title)
    scored = [
        (_score(candidate, title_stems, shared), candidate)
        for candidate in candidates
        if not _unfit(candidate)
    ]
    if not scored:
        return []
    scored.sort(key=lambda pair: (-pair[0], pair[1].segment.start))
    best = scored[0][0]
    if len(scored) <= FEW:
        scored = [pair for pair in scored if pair[1].administrative < ADMINISTRATIVE_MANY] or scored[:1]
        least = scored[-1][0]
    else:
        least = min(best, max(SCORE_MIN, SHARE_OF_BEST * best))
    kept: list[_Candidate] = []
    for score, candidate in scored:
        if score < least or len(kept) == PROPOSED_MAX:
            break
        if not any(_says_the_same(candidate, other) for other in kept):
            kept.append(candidate)
    return sorted(kept, key=lambda candidate: candidate.segment.start)


def _unfit(candidate: _Candidate) -> bool:
    """Furniture of the page, the head of a list, a heading: nothing that a company could answer."""
    heads_a_list = candidate.raw.endswith(":")
    fragment = len(_WORD.findall(candidate.text)) < WORDS_MIN and not first_measure(candidate.raw)
    return heads_a_list or fragment or cues.FURNITURE.match(candidate.raw) is not None


def _score(candidate: _Candidate, title: frozenset[str], shared: set[str]) -> float:
    whole = f"{candidate.segment.intro} {candidate.raw}"
    stems = candidate.stems
    score = WEIGHT_CONTENT * min(len(stems), CONTENT_FULL) / CONTENT_FULL
    asked = _asks(candidate)
    if asked and candidate.administrative < ADMINISTRATIVE_MANY and first_measure(candidate.raw):
        score += WEIGHT_MEASURE  # other numbers are statistics, dates, shares of money
    score += WEIGHT_MANDATORY if cues.MANDATORY.search(whole) else 0.0
    score += WEIGHT_WISHED if cues.WISHED.search(whole) else 0.0
    score += WEIGHT_CAPABILITY * min(len(cues.CAPABILITY.findall(candidate.raw)), CAPABILITY_FULL)
    score += WEIGHT_ITEM if candidate.segment.item else 0.0
    score += WEIGHT_ASKED if asked else 0.0
    if stems:
        score += WEIGHT_TITLE * min(1.0, 2 * len(stems & title) / max(1, len(title)))
        score += WEIGHT_SHARED * len(stems & shared) / len(stems)
    return score - WEIGHT_ADMINISTRATIVE * candidate.administrative


def _asks(candidate: _Candidate) -> bool:
    """By its own words, by those of the list it stands in, or by beginning with what is to be done."""
    sentence = f"{candidate.segment.intro} {candidate.raw}"
    return (
        any(cue.search(sentence) for cue in (cues.MANDATORY, cues.WISHED, cues.ASKED))
        or cues.IMPERATIVE.match(candidate.raw) is not None
    )


def _says_the_same(one: _Candidate, other: _Candidate) -> bool:
    smaller = min(len(one.stems), len(other.stems))
    return one.text == other.text or (
        smaller >= WORDS_MIN and len(one.stems & other.stems) > SAME_WORDS * smaller
    )


# -- reading one sentence ----------------------------------------------------------------------------


def _extracted(candidate: _Candidate) -> Extracted:
    whole = f"{candidate.segment.intro} {candidate.raw}"
    measure = first_measure(candidate.text)
    levels = trl_ranges(candidate.text)
    return Extracted(
        text=candidate.text,
        start=candidate.segment.start,
        end=candidate.segment.end,
        kind=_kind(candidate.text, measured=measure is not None),
        mandatory=_mandatory(candidate.raw, whole),
        metric=measure.metric if measure else None,
        target=measure.target if measure else None,
        unit=measure.unit if measure else None,
        trl_min=_lowest(levels),
    )


def _kind(text: str, *, measured: bool) -> RequirementKind:
    constrained = len(cues.CONSTRAINT.findall(text))
    capable = len(cues.CAPABILITY.findall(text))
    if measured:
        return RequirementKind.performance
    if constrained and constrained >= capable:
        return RequirementKind.constraint
    if cues.PERFORMANCE.search(text) and not capable:
        return RequirementKind.performance
    return RequirementKind.capability


def _mandatory(raw: str, whole: str) -> bool:
    """A sentence's own words decide; where it has none, those of the list it stands in."""
    for text in (raw, whole):
        must, may = cues.MANDATORY.search(text), cues.WISHED.search(text)
        if must or may:
            return must is not None and (may is None or must.start() < may.start())
    return False


def _lowest(levels: Sequence[TrlRange]) -> int | None:
    return min((one.low for one in levels), default=None)
