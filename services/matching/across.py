"""Similarity where the embedding model cannot read one of two texts: by what their words stand for.

    across = SCALE x (cosine of the English terms + MEANING_WEIGHT x cosine of the meanings) - ZERO
    similarity = across + LEXICAL_WEIGHT x word cosine

The two cosines are those of `services.kernel.embedding.multilingual`, which pairing compares needs by; words
that stand in both texts as they are (names, codes, "laser") count as ever. Two texts that the model reads
keep their similarity bit for bit; where it reads one of them alone, its vector of the other says nothing and
is left out.

SCALE and ZERO bring it to the level of similarities among English texts, so that evidence is cubed from the
same background and companies of all languages stand in one list. They were read off quantiles (.5 to .999)
of two collections and lie between them: challenges in English against French and against English profiles of
research organisations (across languages it is higher by up to .05), and notices against each other, whose
translations lack every word that the English version has, too (lower by up to .07). Like the rest it is exact
arithmetic on dyadic fractions: a pair has one similarity, from both sides and in any batch.

Vectors of unread texts are made when their profile is read, others when the first pair needs them, some .4 ms
a text, and remembered: where everybody writes English nothing is made at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from services.indexing.meaning import DIMENSIONS
from services.kernel.embedding.multilingual import Multilingual, MultilingualEncoder, headed
from services.matching import evidence
from services.matching.evidence import Floats, Integers, Texts, word_cosines
from services.matching.said import Said

SCALE = 1.375
ZERO = 0.125
MEANING_WEIGHT = 0.5
"""As in pairing (`services.pairing.similarity`)."""
MEANINGS_ABOVE = 0.1
"""How much more alike the hundredth text of a part is by its meaning than by embeddings: .05 to .18 in
collections of notices and of projects."""
REMEMBERED = 131_072
"""Texts whose vectors are kept, about 1.6 kB each: 200 MB when full."""
_NOTHING = Texts.of(np.zeros((0, DIMENSIONS), np.int16), [])
"""Of a profile that the model reads: one for all of them."""


def similarities(parts: Texts, capabilities: Texts) -> Floats:
    """Shape (parts, capabilities). As `evidence.similarities`, but for pairs with an unread text."""
    words = evidence.weighed_words(parts, capabilities)
    found = evidence.similarities(parts, capabilities, words)
    ours, theirs = parts.said, capabilities.said
    if ours is None or theirs is None:
        return found
    unread, columns = np.flatnonzero(ours.unread), np.flatnonzero(theirs.unread)
    blocks: list[tuple[Integers, Integers, Callable[[], Texts]]] = [
        (unread, np.arange(theirs.unread.size), lambda: _texts(theirs, np.arange(theirs.unread.size))),
        (np.flatnonzero(~ours.unread), columns, lambda: capabilities.unread or _texts(theirs, columns)),
    ]
    for rows, those, offered in blocks:  # each pair once
        if not (rows.size and those.size):
            continue
        block = np.ix_(rows, those)
        found[block] = _across(_texts(ours, rows), offered()) + words[block]
    return found


def likeness(parts: Texts, row: int, capabilities: Texts, column: int) -> tuple[float, bool]:
    """Of one pair the similarity without the words, and whether it is one across languages."""
    ours, theirs = parts.said, capabilities.said
    if ours is None or theirs is None or not (ours.unread[row] or theirs.unread[column]):
        return float(parts.dense[row] @ capabilities.dense[column]), False
    return float(_across(_texts(ours, np.array([row])), _texts(theirs, np.array([column])))[0, 0]), True


def prepare(said: Said) -> None:
    """Make the vectors that every pair with these texts will need, before somebody waits for them."""
    for place in np.flatnonzero(said.unread).tolist():
        _encoded(said.texts[place], said.languages[place])


def ahead(texts: Texts) -> Texts:
    """The same with the vectors of its unread texts stacked: for what is compared time and again."""
    if texts.said is None:
        return texts
    return replace(texts, unread=_texts(texts.said, np.flatnonzero(texts.said.unread)))


def level_of_meanings(cosine: float) -> float:
    """What stands for the cosine of embeddings in the background of a part that is looked for by meaning."""
    return cosine - MEANINGS_ABOVE


def _across(asked: Texts, offered: Texts) -> Floats:
    terms = word_cosines(asked, offered)
    return np.asarray(SCALE * (terms + MEANING_WEIGHT * (asked.dense @ offered.dense.T)) - ZERO)


def _texts(said: Said, places: Integers) -> Texts:
    """As vectors that are comparable across languages: `dense` is what they mean, `terms` are English."""
    made = [_encoded(said.texts[place], said.languages[place]) for place in places.tolist()]
    if not made:
        return _NOTHING
    return Texts.of(np.stack([one.meaning for one in made]), [one.english for one in made])


@lru_cache(maxsize=REMEMBERED)
def _encoded(text: str, language: str) -> Multilingual:
    return MultilingualEncoder.shipped().encode(headed(text), language)
