"""The words that are to go, and what stands there instead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

BLOCK = "█"
"""One for each character, so that every span of a text still says the same stretch."""

SHORTEST = 3
"""Characters: what is shorter stands in too many texts where nobody meant it."""


class TooShort(ValueError):
    """The words would take more than was meant. The message is a sentence."""


class Words:
    """Whole words, in this spelling and in whatever white space between them. What is longest goes first, so
    that a part of it does not stand in its way."""

    def __init__(self, words: Sequence[str]) -> None:
        for one in words:
            if len("".join(re.findall(r"\w", one))) < SHORTEST:
                raise TooShort(f"{one!r} is too short: at least {SHORTEST} letters, whole words.")
        spelt = {unicodedata.normalize(form, one) for one in words for form in ("NFC", "NFD")}
        self._spelt = sorted(spelt, key=lambda one: (-len(one), one))
        every = (r"\s+".join(re.escape(part) for part in one.split()) for one in self._spelt)
        self._pattern = re.compile("|".join(rf"(?<!\w){one}(?!\w)" for one in every))

    @property
    def tokens(self) -> list[str]:
        """Every text with the words in it has one of these, just as it stands, in JSON too."""
        return sorted({max(re.findall(r"\w+", one), key=len) for one in self._spelt})

    def casefolded(self) -> Words:
        """The same for texts that are kept casefolded."""
        return Words([one.casefold() for one in self._spelt])

    def stand_in(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    def out_of(self, value: Any) -> Any:
        """A text, bytes in UTF-8 or a JSON document without the words, equal where they are not in it. Names
        of a document's fields stay."""
        if isinstance(value, str):
            return self._pattern.sub(lambda found: BLOCK * len(found[0]), value)
        if isinstance(value, bytes):
            try:
                return self.out_of(value.decode()).encode()
            except UnicodeDecodeError:
                return value
        if isinstance(value, list):
            return [self.out_of(one) for one in value]
        if isinstance(value, dict):
            return {name: self.out_of(one) for name, one in value.items()}
        return value
