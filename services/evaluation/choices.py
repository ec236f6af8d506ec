"""What can be measured, and what it can be compared with."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    match = "match"
    """Challenge → companies."""
    reverse = "reverse"
    """Company → challenges."""
    pair = "pair"
    """Needs of different buyers that are alike, also across languages."""
    translation = "translate"
    """The same need in another language."""
    consortium = "consortium"
    """Who is missing in a team, and which team it would be."""


class Method(StrEnum):
    liaison = "liaison"
    """The product: its own indexing, search and scoring."""
    unbounded = "unbounded"
    """The product without its bound on popularity: every text of a company counts in full, however many
    there are. Of companies alone."""
    bm25 = "bm25"
    """Okapi BM25 as Lucene has it (library bm25s), best single text."""
    dense = "dense"
    """Cosine of the product's embeddings, best single text."""
    mean_vector = "mean-vector"
    """Cosine of the product's embeddings, one mean vector for all texts of a company or a need."""


def methods_of(task: Task) -> list[Method]:
    """Those that a task can be measured with, the product first."""
    match task:
        case Task.match | Task.reverse:
            return list(Method)
        case Task.pair | Task.translation:
            return [method for method in Method if method is not Method.unbounded]
        case Task.consortium:
            return [Method.liaison]
