"""Task `translate`: the same need in another language.

Asked is a need in some language, the answer is its English version, the candidates are all needs in English.
The product finds them through its index, as it finds what could be bought together.
P@1 and the reciprocal rank are averaged per language, then over the languages; beside them stands the worst
language, because a mean hides one that does not work. What scores as high as the right one counts as before
it: a tie is no find.
"""

from __future__ import annotations

import numpy as np

from services.evaluation.bundle import TranslationBundle
from services.evaluation.choices import Method, Task
from services.evaluation.entities import challenges_of
from services.evaluation.measure import Floats, Measure, mean, smallest
from services.evaluation.methods import NeedScorer, Progress
from services.evaluation.result import Result


async def evaluate(
    bundle: TranslationBundle, scorer: NeedScorer, method: Method, progress: Progress
) -> Result:
    """A need is one query with all its languages: they are drawn together for the intervals."""
    places = {one.id: place for place, one in enumerate(bundle.candidates)}
    texts = challenges_of([*bundle.versions, *bundle.candidates])
    scores = await scorer.similarities(texts[: len(bundle.versions)], texts[len(bundle.versions) :])
    languages = {name: n for n, name in enumerate(sorted({one.language for one in bundle.versions}))}
    needs = {name: n for n, name in enumerate(dict.fromkeys(one.id for one in bundle.versions))}
    first, reciprocal, asked = (np.zeros((len(needs), len(languages))) for _ in range(3))
    for row, version in enumerate(bundle.versions):
        cell = needs[version.id], languages[version.language]
        rank = _rank(scores[row], places[version.id])
        first[cell] = float(rank == 1)
        reciprocal[cell] = 1.0 / rank
        asked[cell] = 1.0
        progress(f"{method}: comparing translations", row + 1, len(bundle.versions))
    per_language = {
        name: {
            "p@1": float(first[:, n].sum() / asked[:, n].sum()),
            "mrr": float(reciprocal[:, n].sum() / asked[:, n].sum()),
            "queries": int(asked[:, n].sum()),
        }
        for name, n in languages.items()
    }
    return Result(
        Task.translation,
        method,
        {
            "p@1_mean": Measure(first, asked, mean),
            "p@1_worst": Measure(first, asked, smallest),
            "mrr_mean": Measure(reciprocal, asked, mean),
            "mrr_worst": Measure(reciprocal, asked, smallest),
        },
        {"queries": len(bundle.versions), "candidates": len(bundle.candidates), "languages": per_language},
    )


def _rank(scores: Floats, right: int) -> int:
    return int((scores >= scores[right]).sum())
