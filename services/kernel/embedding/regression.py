"""One ridge regression for all languages: from the words and letter n-grams of a label, hashed, to a vector
of what it says.

The target of a label is the same in every language: the leading principal components of the sentence vectors
of the English labels, and beside them components of the tree of codes, in which two labels are alike as far
as their codes begin alike. Sentence vectors alone know that a scalpel and a knife are alike; the tree knows
what is bought together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, svds

from services.kernel.embedding.letters import BUCKETS, buckets, cut, damped

RIDGE = 0.3
"""λ, on rows of length 1."""
STEPS = 20
"""Of conjugate gradients. Stopping early regularises, too; 12 steps rank needs as well, translations
worse."""
SENTENCE_DIMENSIONS = 128
TREE_DIMENSIONS = 64
TREE_SHARE = 0.5
"""Scale of the tree's components beside those of the sentences: .3 to .7 are level."""
BLOCK = 64
"""Columns solved together: the rows they need stay in the cache of a core."""
LEVELS = 3.0
"""Steps in a standard deviation, when rows become whole numbers. A text sums hundreds of them, in
which rounding cancels."""
LARGEST = 127

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


def bucket_rarity(labels: Mapping[str, Sequence[str]]) -> Floats:
    """Of every bucket ln((N + 1) / (df + 1/2)), at least 0, in the language where it is commonest, so that a
    function word of one language is one for all."""
    rarity = np.full(BUCKETS, np.inf)
    for group in labels.values():
        found = _hashed(group)
        frequency = np.bincount(found.indices, minlength=BUCKETS)
        rarity = np.minimum(rarity, np.log((len(group) + 1) / (frequency + 0.5)))
    positive: Floats = np.maximum(rarity, 0.0)
    return positive


def regression(
    codes: Sequence[str], labels: Mapping[str, Sequence[str]], vectors: Floats, rarity: Floats
) -> NDArray[np.int8]:
    """What a bucket adds to a vector where a text has it once, `rarity` included, in steps of no meaning:
    vectors are scaled to length 1 afterwards. Shape (BUCKETS, dimensions)."""
    rows = _unit(sparse.vstack([_hashed(group) for group in labels.values()]).multiply(rarity).tocsr())
    common = np.argsort(-np.bincount(rows.indices, minlength=BUCKETS), kind="stable")
    rows = rows[:, common].tocsr()  # frequent buckets side by side: fewer misses of the cache
    targets = np.concatenate(
        [TREE_SHARE * tree_components(codes), components(vectors, SENTENCE_DIMENSIONS)], axis=1
    ).astype(np.float32)
    blocks = [
        ridge(rows, np.tile(targets[:, at : at + BLOCK], (len(labels), 1)))
        for at in range(0, targets.shape[1], BLOCK)
    ]
    weights = np.empty((BUCKETS, targets.shape[1]), np.float32)
    weights[common] = np.concatenate(blocks, axis=1)
    return whole(weights * rarity[:, None].astype(np.float32))


def whole(weights: Floats32) -> NDArray[np.int8]:
    """In steps of a fraction of their standard deviation; the few beyond the largest number are cut to it."""
    steps = np.rint(weights * (LEVELS / float(weights.std())))
    levels: NDArray[np.int8] = np.clip(steps, -LARGEST, LARGEST).astype(np.int8)
    return levels


def ridge(rows: sparse.csr_array, targets: Floats32) -> Floats32:
    """W of (X'X + λI) W = X'Y, by conjugate gradients (Hestenes and Stiefel 1952) with one step length per
    column. X: shape (texts, buckets); Y: (texts, columns); W: (buckets, columns)."""
    turned = rows.T.tocsr()
    residual = turned @ targets
    direction, found = residual.copy(), np.zeros_like(residual)
    squared = np.square(residual).sum(axis=0)
    for _ in range(STEPS):
        image = turned @ (rows @ direction) + RIDGE * direction
        step = squared / np.maximum((direction * image).sum(axis=0), 1e-20)
        found += step * direction
        residual -= step * image
        left = np.square(residual).sum(axis=0)
        direction = residual + (left / np.maximum(squared, 1e-20)) * direction
        squared = left
    return np.asarray(found, np.float32)


def components(rows: NDArray[Any], count: int) -> Floats:
    """Principal components of centred rows, in their own scale. As many as there are, padded with zeros."""
    centred = np.asarray(rows, np.float64) - np.mean(rows, axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :count]
    return _padded(_signed(centred @ vectors), count)


def tree_components(codes: Sequence[str]) -> Floats:
    """Principal components of codes as rows of length 1 over the prefixes, of two and more digits, that they
    are under."""
    place: dict[str, int] = {}
    paths = []
    for code in codes:
        deep = max(len(code.rstrip("0")), 2)
        paths.append([place.setdefault(code[:size], len(place)) for size in range(2, deep + 1)])
    data = np.concatenate([np.full(len(path), len(path) ** -0.5) for path in paths])
    starts = np.concatenate([[0], np.cumsum([len(path) for path in paths])])
    shape = (len(codes), len(place))
    rows = sparse.csr_array((data, np.concatenate(paths), starts), shape=shape)
    mean = np.asarray(rows.mean(axis=0)).ravel()
    centred = LinearOperator(
        shape,
        matvec=lambda vector: rows @ vector.ravel() - mean @ vector.ravel(),
        rmatvec=lambda vector: rows.T @ vector.ravel() - mean * vector.sum(),
        dtype=np.float64,
    )
    count = min(TREE_DIMENSIONS, min(shape) - 1)
    start = np.random.default_rng(0).standard_normal(min(shape))  # fixed: the same artefact every time
    left, strength, _ = svds(centred, k=count, v0=start)
    order = np.argsort(-strength)
    return _padded(_signed(left[:, order] * strength[order]), TREE_DIMENSIONS)


def _hashed(texts: Sequence[str]) -> sparse.csr_array:
    """Texts as rows over the buckets, before any rarity."""
    indices: list[NDArray[np.int64]] = []
    data: list[NDArray[Any]] = []
    starts = [0]
    for text in texts:
        said = damped(cut(text))
        held = [buckets(word) for word, _ in said]
        found, back = np.unique(np.concatenate([np.empty(0, np.int64), *held]), return_inverse=True)
        weights = np.repeat([weight for _, weight in said], [one.size for one in held])
        indices.append(found)
        data.append(np.bincount(back, weights, found.size))
        starts.append(starts[-1] + found.size)
    entries = (
        np.concatenate(data).astype(np.float32),
        np.concatenate(indices).astype(np.int32),
        np.array(starts),
    )
    return sparse.csr_array(entries, shape=(len(texts), BUCKETS))


def _unit(rows: sparse.csr_array) -> sparse.csr_array:
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scaled: sparse.csr_array = (
        rows.multiply(1.0 / np.maximum(lengths, 1e-12)[:, None]).tocsr().astype(np.float32)
    )
    return scaled


def _signed(vectors: Floats) -> Floats:
    """The sign of a component is chance: its largest entry is made positive."""
    largest = np.abs(vectors).argmax(axis=0)
    signed: Floats = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return signed


def _padded(rows: Floats, count: int) -> Floats:
    return np.pad(rows, ((0, 0), (0, count - rows.shape[1])))
