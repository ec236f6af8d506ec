"""Texts as they were written, beside their vectors: what it takes to compare them across languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from services.intake.parts import Part, language_of
from services.kernel.embedding.source import reads


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """`texts` and their `languages`, ISO 639-1, found out; `unread`: shape (n,), of which texts the embedding
    model cannot tell what they mean."""

    texts: tuple[str, ...]
    languages: tuple[str, ...]
    unread: NDArray[np.bool_]

    @classmethod
    def of(cls, parts: Sequence[Part], model: str) -> Said:
        """`model`: the name of the embedding model."""
        languages = tuple(language_of(part) for part in parts)
        unread = np.array([not reads(model, one) for one in languages], dtype=np.bool_)
        return cls(tuple(part.text for part in parts), languages, unread)

    @classmethod
    def join(cls, several: Sequence[Said]) -> Said:
        """At least one."""
        return cls(
            tuple(chain.from_iterable([one.texts for one in several])),
            tuple(chain.from_iterable([one.languages for one in several])),
            np.concatenate([one.unread for one in several]),
        )
