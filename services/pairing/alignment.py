"""Which requirements of two needs are the same one. Pure.

A requirement of one need answers one of the other at most: the assignment with the greatest total similarity
(Kuhn 1955, as scipy solves it), without pairs below SHARED.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from schemas.challenge import Requirement
from schemas.pairing import ComparedRequirement, SharedRequirement

SHARED = 0.35
"""Similarity from which two requirements count as one. Of requirements cut from notices without a CPV group
in common one pair in a hundred reaches .23; half of the needs that are alike have a pair that reaches
.35."""
COMPARED = ("kind", "mandatory", "metric", "target", "unit", "trl_min")
"""Fields in which shared requirements may say something else."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """In the order of the first need's requirements; what is not shared in the order of its own need."""

    shared: tuple[SharedRequirement, ...]
    only_first: tuple[ComparedRequirement, ...]
    only_second: tuple[ComparedRequirement, ...]


def align(
    first: Sequence[Requirement], second: Sequence[Requirement], similarity: NDArray[np.float64]
) -> Alignment:
    """`similarity`: shape (first, second), in [-1, 1]."""
    if similarity.shape != (len(first), len(second)):
        raise ValueError(f"{len(first)} and {len(second)} requirements, but similarities {similarity.shape}")
    # What is below the floor must not push a good pair aside for the sake of the sum.
    worth = np.where(similarity >= SHARED, similarity, 0.0)
    pairs = [
        (int(row), int(column))
        for row, column in zip(*linear_sum_assignment(worth, maximize=True), strict=True)
        if worth[row, column] > 0.0
    ]
    rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
    return Alignment(
        tuple(
            _shared(first[row], second[column], float(similarity[row, column]))
            for row, column in sorted(pairs)
        ),
        tuple(_compared(one) for place, one in enumerate(first) if place not in rows),
        tuple(_compared(one) for place, one in enumerate(second) if place not in columns),
    )


def _shared(first: Requirement, second: Requirement, similarity: float) -> SharedRequirement:
    return SharedRequirement(
        first=_compared(first),
        second=_compared(second),
        similarity=min(1.0, similarity),
        differs=tuple(name for name in COMPARED if _said(first, name) != _said(second, name)),
    )


def _said(requirement: Requirement, name: str) -> object:
    value = getattr(requirement, name)
    return " ".join(value.casefold().split()) if type(value) is str else value


def _compared(requirement: Requirement) -> ComparedRequirement:
    return ComparedRequirement(
        **{name: getattr(requirement, name) for name in ComparedRequirement.model_fields}
    )
