"""The port's filters in the words of Qdrant Edge."""

from __future__ import annotations

from typing import cast

import numpy as np
import qdrant_edge as qe

from services.kernel.vectors.port import AnyOf, Between, Condition, Equals, Filter


def edge_filter(where: Filter) -> qe.Filter | None:
    """None for the filter that selects everything, which the engine answers faster."""
    if not where.must and not where.must_not:
        return None
    return qe.Filter(
        must=[_condition(condition) for condition in where.must],
        must_not=[_condition(condition) for condition in where.must_not],
    )


def _condition(condition: Condition) -> qe.FieldCondition:
    match condition:
        case Equals(key, value):
            return qe.FieldCondition(key, match=qe.MatchValue(_comparable(value)))
        case AnyOf(key, values):
            return qe.FieldCondition(key, match=qe.MatchAny(cast("list[str] | list[int]", list(values))))
        case Between(key, at_least, at_most):
            return qe.FieldCondition(key, range=qe.RangeFloat(gte=at_least, lte=at_most))


def _comparable(value: str | int | bool) -> str | int | bool:
    # The binding (0.9) reads True as the integer 1, which no boolean equals; numpy's it reads as a boolean.
    return cast("bool", np.bool_(value)) if isinstance(value, bool) else value
