"""How well the texts of a company answer the texts of a challenge. Pure arithmetic on arrays.

For one part of a challenge (its whole, or one requirement) and one company:

1. Each capability (or reference) has a similarity to the part: cosine + LEXICAL_WEIGHT x word cosine.
2. What is above the part's *background* (below) is evidence, cubed: x = max(0, similarity - level)^3.
   The cube makes one excellent fit worth more than many faint ones.
3. The company's capabilities count in the order of their evidence, each DISCOUNT times as much as the one
   before it: total = x1 + 0.9 x2 + 0.81 x3 + ... So several count, and many are bounded: a company with any
   number of texts of one similarity stays below one text whose similarity lies 2.2 times as far above the
   background.
4. answer = r / (r + 1) with r = (total / HALF)^1.5, between 0 and 1; `scoring` combines the totals of the
   parts. The power is what makes an answer mean something: its odds rise as the odds that such a company is
   right (`calibration`).

The background is how near texts in general come to this part: the similarity of its K-th nearest text in
the index, trusted as far as the index is large. It is measured once, when the part is indexed, and kept
with it, so a pair can be scored alone, and from both sides alike. It shifts all companies of one part
together, hence hardly moves their order; it makes scores of different challenges comparable.

The constants were chosen on a CORDIS test collection (721 challenges, 3,326 organisations; nDCG@50 after
the candidate search): LEXICAL_WEIGHT 0.5 and 0.75, a cube with DISCOUNT 0.9 and a square with 0.85, LEVEL
from -0.1 to 0 were level (.279-.285); among them those were taken that rank a newcomer with one fitting
text highest. (A square with DISCOUNT 0.9 reaches .285, and puts a dozen texts of a field before the one
that fits.)

Everything up to the cube is exact arithmetic on dyadic fractions, and the rest is done element by element
in one order with IEEE operations alone, so that a pair has the same score, bit for bit, in any batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.kernel.embedding.fixed_point import FixedPoint, as_float64
from services.kernel.vectors.port import Sparse
from services.matching.said import Said

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEXICAL_WEIGHT = 0.5
"""Weight of the word cosine beside the cosine of the embeddings. A power of two keeps the sum exact."""
DISCOUNT = 0.9
"""What the next best capability counts, relative to the one before it."""
UNBOUNDED = 1.0
"""A discount that is none: all texts of a company count in full. For measuring what the bound costs."""
COUNTED_MAX = 32
"""Capabilities that count; the 33rd would weigh 0.9^32 = 3 %."""
HALF = 0.315
"""Evidence that makes an answer of one half: one capability 0.68 above the background (cosine 0.55 and a few
words in common). It decides where scores lie, and no order: a suggestion begins where a company is four
times as likely right as one drawn at random."""

LEVEL = -0.05
"""Similarity from which evidence counts. Two texts without a common subject have about 0, once what all
texts have in common is taken off their vectors (`services.kernel.embedding.metric`), and evidence of some
0.0001."""
NEIGHBOURS = 100
"""The background is read at the K-th nearest text, as in nearest-neighbour voting."""
NEIGHBOURS_SHARE = 0.05
"""In a small index, at most at this share of it: the hundredth of three hundred is no neighbour."""
TYPICAL_LEVEL = 0.41
"""Usual similarity of the hundredth text in an index of 20,000."""
BACKGROUND_WEIGHT = 0.25
"""Share of a part's distance from the typical level that is taken off its similarities. More of it spoils the
comparison of the challenges of one company (weighted Kendall loss), less is level."""
TRUSTED_SIZE = 2_000
"""Texts in the index at which its background is half believed: a few texts say little about all texts."""
BACKGROUND_DECIMALS = 3
"""More would only repeat the noise of an approximate search."""


@dataclass(frozen=True, slots=True)
class Background:
    """Kept with a part of a challenge. `level`: similarity of its K-th nearest text among `indexed` texts."""

    level: float
    indexed: int

    @property
    def offset(self) -> float:
        """What is taken off every similarity to this part: less than LEVEL where few texts come near it."""
        trust = self.indexed / (self.indexed + TRUSTED_SIZE)
        return LEVEL + BACKGROUND_WEIGHT * trust * (self.level - TYPICAL_LEVEL)


NO_BACKGROUND = Background(level=TYPICAL_LEVEL, indexed=0)
"""For a part that was not yet compared with an index."""


def measure_background(similarities: Sequence[float], indexed: int) -> Background:
    """From a dense search for a part, unfiltered, over the texts of all companies.

    `similarities`: cosines of the nearest texts, at least the NEIGHBOURS best (all there are, in a smaller
    index); `indexed`: number of texts in the index.
    """
    nearest = sorted(similarities, reverse=True)
    if not nearest or indexed <= 0:
        return NO_BACKGROUND
    place = min(NEIGHBOURS, max(1, int(indexed * NEIGHBOURS_SHARE)), len(nearest))
    return Background(level=round(float(nearest[place - 1]), BACKGROUND_DECIMALS), indexed=indexed)


@dataclass(frozen=True, slots=True)
class Texts:
    """Embedded texts, stacked. `dense`: (n, dimensions), exact fixed point. The entries of all word vectors
    are in `terms` and `weights`; `rows` says which text each belongs to. `by_term`: they are sorted by term,
    which makes a large stack that stays fast to compare with a few texts. `said`: how they are written; None
    where the embedding model is taken to read them all. `unread`: those of them that it cannot read, as
    vectors that are comparable across languages; None where that was not made ahead (`across.ahead`)."""

    dense: Floats
    terms: NDArray[np.uint32]
    weights: Floats
    rows: Integers
    by_term: bool = False
    said: Said | None = None
    unread: Texts | None = None

    def __len__(self) -> int:
        return int(self.dense.shape[0])

    @classmethod
    def of(cls, dense: FixedPoint, words: Sequence[Sparse], said: Said | None = None) -> Texts:
        """`dense` has one row per text, `words` one sparse vector per text."""
        if dense.shape[0] != len(words):
            raise ValueError(f"{dense.shape[0]} dense vectors, but {len(words)} word vectors")
        lengths = [vector.indices.size for vector in words]
        return cls(
            dense=as_float64(dense),
            terms=np.concatenate([np.empty(0, np.uint32), *(vector.indices for vector in words)]),
            weights=np.concatenate([np.empty(0), *(vector.values for vector in words)]).astype(np.float64),
            rows=np.repeat(np.arange(len(words)), lengths),
            said=said,
        )

    @classmethod
    def join(cls, stacks: Sequence[Texts]) -> Texts:
        """One stack of several; at least one."""
        starts = offsets([texts.dense.shape[0] for texts in stacks])
        rows = [texts.rows for texts in stacks]
        said = [texts.said for texts in stacks if texts.said is not None]
        unread = [texts.unread for texts in stacks if texts.unread is not None]
        return cls(
            dense=np.concatenate([texts.dense for texts in stacks]),
            terms=np.concatenate([texts.terms for texts in stacks]),
            weights=np.concatenate([texts.weights for texts in stacks]),
            rows=np.concatenate(rows) + np.repeat(starts[:-1], [one.size for one in rows]),
            said=Said.join(said) if len(said) == len(stacks) else None,
            unread=_joined(unread) if unread and len(unread) == len(stacks) else None,
        )

    def sorted_by_term(self) -> Texts:
        order = np.argsort(self.terms, kind="stable")
        return replace(
            self,
            terms=self.terms[order],
            weights=self.weights[order],
            rows=self.rows[order],
            by_term=True,
        )


def _joined(stacks: Sequence[Texts]) -> Texts:
    """One stack of several, most of which are empty."""
    return Texts.join([texts for texts in stacks if len(texts)] or stacks[:1])


def offsets(lengths: Sequence[int] | Integers) -> Integers:
    """Where consecutive groups of these lengths start, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def similarities(parts: Texts, capabilities: Texts, words: Floats | None = None) -> Floats:
    """Shape (parts, capabilities), each in [-1, 1 + LEXICAL_WEIGHT]; exact. Of texts that the embedding model
    reads; for others see `across`. `words`: what `weighed_words` says of them, where that is at hand."""
    dense = parts.dense @ capabilities.dense.T
    said = weighed_words(parts, capabilities) if words is None else words
    return np.asarray(dense + said, dtype=np.float64)


def weighed_words(parts: Texts, capabilities: Texts) -> Floats:
    """What common words add to the similarity, of texts in any language. Shape (parts, capabilities)."""
    return LEXICAL_WEIGHT * word_cosines(parts, capabilities)


def word_cosines(one: Texts, other: Texts) -> Floats:
    """Shape (one, other), each in [0, 1]; exact. Only the terms of the smaller side are looked at."""
    if one.terms.size > other.terms.size:
        return word_cosines(other, one).T
    vocabulary, columns = np.unique(one.terms, return_inverse=True)
    if vocabulary.size == 0:
        return np.zeros((len(one), len(other)))
    ours = sparse.csr_array((one.weights, (one.rows, columns)), shape=(len(one), vocabulary.size))
    theirs = _postings(other, vocabulary) if other.by_term else _filtered(other, vocabulary)
    return np.asarray((ours @ theirs).toarray(), dtype=np.float64)


def _postings(texts: Texts, vocabulary: NDArray[np.uint32]) -> sparse.csr_array:
    """The entries of the terms of a sorted vocabulary, shape (vocabulary, texts), from texts in the order of
    their terms: two searches per term, no look at anything else."""
    first = np.searchsorted(texts.terms, vocabulary, side="left")
    bounds = offsets(np.searchsorted(texts.terms, vocabulary, side="right") - first)
    places = np.arange(bounds[-1]) + np.repeat(first - bounds[:-1], np.diff(bounds))
    return sparse.csr_array(
        (texts.weights[places], texts.rows[places], bounds), shape=(vocabulary.size, len(texts))
    )


def _filtered(texts: Texts, vocabulary: NDArray[np.uint32]) -> sparse.csr_array:
    """The same from texts in any order. A table of the low 16 bits of the vocabulary sorts out nearly all
    entries, many times faster than a search for each."""
    table = np.zeros(1 << 16, dtype=np.bool_)
    table[vocabulary & 0xFFFF] = True
    places = np.flatnonzero(table[texts.terms & 0xFFFF])
    found = np.minimum(np.searchsorted(vocabulary, texts.terms[places]), vocabulary.size - 1)
    same = vocabulary[found] == texts.terms[places]
    places, found = places[same], found[same]
    return sparse.csr_array(
        (texts.weights[places], (found, texts.rows[places])), shape=(vocabulary.size, len(texts))
    )


def answers(similarity: Floats, level: Floats, starts: Integers, half: float = HALF) -> Floats:
    """How well each company answers each part: shape (parts, companies), in [0, 1). For arguments see
    `totals` and `answered`."""
    return answered(totals(similarity, level, starts), half)


def answered(total: Floats, half: float = HALF) -> Floats:
    """How well a part is answered by so much evidence, in [0, 1). `half`: as much as makes one half."""
    # A root is exact to the last bit everywhere, which a power is not.
    risen = total * np.sqrt(total)
    return np.asarray(risen / (risen + half * math.sqrt(half)), dtype=np.float64)


def totals(similarity: Floats, level: Floats, starts: Integers, discount: float = DISCOUNT) -> Floats:
    """The evidence that each company answers each part: shape (parts, companies), at least 0.

    `similarity`: (parts, capabilities); `level`: (parts,), the offsets of their backgrounds; company i has
    the capabilities starts[i] to starts[i + 1]; `discount`: what each further one counts.
    """
    above = np.maximum(similarity - level[:, None], 0.0)
    evidence = np.zeros((above.shape[0], above.shape[1] + 1))
    evidence[:, :-1] = above * above * above  # the last column stands for "no more capabilities"
    total = np.zeros((above.shape[0], starts.size - 1))
    for companies, members in _by_size(starts):
        total[:, companies] = _discounted(evidence[:, members], discount)
    return total


def _by_size(starts: Integers) -> list[tuple[Integers, Integers]]:
    """Companies of about the same size together: their numbers, and a rectangle of their capabilities, in
    which places left over point at the column after the last."""
    sizes = np.diff(starts)
    widths = [0, *(1 << power for power in range(int(sizes.max(initial=1)).bit_length() + 1))]
    groups = []
    for narrower, width in pairwise(widths):
        companies = np.flatnonzero((sizes > narrower) & (sizes <= width))
        if companies.size:
            members = starts[companies][:, None] + np.arange(width)
            groups.append(
                (companies, np.where(np.arange(width) < sizes[companies][:, None], members, starts[-1]))
            )
    return groups


def _discounted(evidence: Floats, discount: float) -> Floats:
    """Sums the last axis, largest first, each `discount` times as much as the one before. Term by term,
    because a library's sum takes an order that depends on the shape."""
    ascending = np.sort(evidence, axis=-1)
    total = np.zeros(evidence.shape[:-1])
    weight = 1.0
    counted = evidence.shape[-1] if discount == UNBOUNDED else min(COUNTED_MAX, evidence.shape[-1])
    for place in range(1, counted + 1):
        total += weight * ascending[..., -place]
        weight *= discount
    return total
