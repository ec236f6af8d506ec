"""Why a text was found: the words of it that stand for words of the question.

Four ways, the plainest that holds is told: the same words; words written nearly so; words of another language
that stand for the same English terms of the CPV labels; or none, where only the models see a likeness.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from schemas.search import FoundBy, FoundField, FoundText, FoundWord
from services.indexing.names import share
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.vectors.port import Sparse
from services.search.question import Question

EXCERPT = 320
"""Characters of a text that are shown: three lines on a page."""
BEFORE = 100
"""Of these, at most so many before the first word that counts."""
WORDS_MAX = 8
"""Words named in a text."""
TRANSLATED_MAX = 60
"""Words of a text that are looked up for translations: one anew costs some tenths of a millisecond."""
TRANSLATES = 0.6
"""Cosine of the English terms of two words from which they stand for the same."""
WORD_MIN = 3
"""Letters of a word that is looked up so: shorter ones are articles and prepositions in every language."""
NAMES = frozenset((FoundField.company_name, FoundField.challenge_title, FoundField.buyer))
"""Where a slip is seen through by the letters alone."""
REMEMBERED = 32_768
"""Words whose English terms are kept, some 10 MB when full."""

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where it stands."""

    field: FoundField
    id: str | None
    text: str
    language: str | None


class Reasons:
    """Thread-safe."""

    def __init__(self, lexical: LexicalEncoder, multilingual: MultilingualEncoder) -> None:
        self._lexical = lexical
        self._multilingual = multilingual
        self._english = lru_cache(maxsize=REMEMBERED)(self._english_of)

    def found_text(self, question: Question, source: Source) -> FoundText:
        by, words = self._reason(question, source)
        text, words = excerpt(source.text, words)
        return FoundText(
            field=source.field, id=source.id, text=text, language=source.language, by=by, words=tuple(words)
        )

    def _reason(self, question: Question, source: Source) -> tuple[FoundBy, list[FoundWord]]:
        words, written = self._same(question, source.text)
        if words:
            return FoundBy.words if written else FoundBy.spelling, words
        if source.field in NAMES and (words := _alike(question, source.text)):
            return FoundBy.spelling, words
        if source.field is FoundField.buyer:
            return FoundBy.meaning, []  # a name stands for nothing in another language
        if words := self._translated(question, source):
            return FoundBy.translation, words
        return FoundBy.meaning, []

    def _same(self, question: Question, text: str) -> tuple[list[FoundWord], bool]:
        """Words of the text that are words of the question, as they are written or as they may have been
        meant; and whether any is as it is written."""
        asked = {
            one.term: question.text[one.start : one.end]
            for one in self._lexical.terms(question.text)
            if one.weight > 0.0
        }
        meant = {term: written for written, term in question.meant.items()}
        there = [one for one in self._lexical.terms(text) if one.term in asked or one.term in meant]
        found = [
            FoundWord(
                word=text[one.start : one.end],
                at=(one.start, one.end),
                stands_for=asked[one.term] if one.term in asked else meant[one.term],
            )
            for one in there[:WORDS_MAX]
        ]
        return found, any(one.term in asked for one in there)

    def _translated(self, question: Question, source: Source) -> list[FoundWord]:
        asked = [
            (word, vector)
            for word in _words(question.text)
            if (vector := self._english(word.casefold(), question.language)).indices.size
        ]
        if not asked:
            return []
        found: list[FoundWord] = []
        for match in list(_WORD.finditer(source.text))[:TRANSLATED_MAX]:
            word = match.group()
            if len(word) < WORD_MIN:
                continue
            mine = self._english(word.casefold(), source.language or question.language)
            likeness, stands_for = max((cosine(vector, mine), other) for other, vector in asked)
            if likeness >= TRANSLATES:
                found.append(FoundWord(word=word, at=match.span(), stands_for=stands_for))
        return found[:WORDS_MAX]

    def _english_of(self, word: str, language: str) -> Sparse:
        return self._multilingual.encode((word,), language).english


def cosine(one: Sparse, other: Sparse) -> float:
    _, mine, theirs = np.intersect1d(one.indices, other.indices, assume_unique=True, return_indices=True)
    return float(one.values[mine] @ other.values[theirs])


def excerpt(text: str, words: list[FoundWord]) -> tuple[str, list[FoundWord]]:
    """The passage of a long text around its first word that counts, and the words that are in it."""
    if len(text) <= EXCERPT:
        return text, words
    first = words[0].at[0] if words else 0
    start = max(0, min(first - BEFORE, len(text) - EXCERPT))
    if start:
        start = text.find(" ", start, max(start, first)) + 1 or start
    end = min(len(text), start + EXCERPT)
    if end < len(text):
        end = max(text.rfind(" ", start, end), max((one.at[1] for one in words[:1]), default=start + 1))
    before, after = "… " if start else "", " …" if end < len(text) else ""
    moved = len(before) - start
    inside = [
        one.model_copy(update={"at": (one.at[0] + moved, one.at[1] + moved)})
        for one in words
        if start <= one.at[0] and one.at[1] <= end
    ]
    return before + text[start:end] + after, inside


def _alike(question: Question, name: str) -> list[FoundWord]:
    """Words of a name that are written as a word of the question is, but for a slip."""
    asked = list(_words(question.text))
    found = []
    for match in _WORD.finditer(name):
        likeness, word = max(((share(word, match.group()), word) for word in asked), default=(0.0, ""))
        if likeness >= 0.5:
            found.append(FoundWord(word=match.group(), at=match.span(), stands_for=word))
    return found[:WORDS_MAX]


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        if len(match.group()) >= WORD_MIN:
            yield match.group()
