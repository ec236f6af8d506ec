"""Which constants of the evidence a judged bundle would choose, and what its choice is worth where it was not
made: `python -m tests.crossvalidation DIR [--reverse]`.

Every setting of the grid is judged on every query. Then each fold of the queries has the setting that is best
on all the others, and what these reach together is the cross-validated figure: beside it stand the constants
in force, and the best setting in hindsight. Challenges are in five folds (nDCG@50); with `--reverse` each
company is a fold of its own (weighted Kendall loss). A challenge is its whole alone here, against all
companies, without the candidate search.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from services.evaluation import kendall, reverse
from services.evaluation.bundle import Bundle, read_bundle
from services.evaluation.embedded import embedded
from services.evaluation.entities import challenges_of, companies_of
from services.evaluation.metrics import ndcg
from services.evaluation.run import Models, open_models
from services.intake.parts import challenge_parts, company_parts
from services.kernel.embedding.fixed_point import quantise
from services.kernel.settings import Settings
from services.matching.evidence import (
    COUNTED_MAX,
    DISCOUNT,
    LEVEL,
    LEXICAL_WEIGHT,
    Floats,
    Texts,
    measure_background,
    offsets,
    word_cosines,
)

DEPTH = 50
FOLDS = 5
POWER = 3.0
"""Of the evidence, in force."""


@dataclass(frozen=True, slots=True)
class Setting:
    words: float = LEXICAL_WEIGHT
    power: float = POWER
    level: float = LEVEL
    discount: float = DISCOUNT


GRID = [
    Setting(*values)
    for values in product(
        (0.25, 0.5, 0.75, 1.0), (2.0, 3.0, 4.0), (-0.1, -0.05, 0.0, 0.05), (0.85, 0.9, 0.95, 1.0)
    )
]
assert Setting() in GRID


@dataclass(frozen=True, slots=True)
class Compared:
    """Likeness of every challenge with every text: shape (challenges, texts). `levels`: what is taken off it
    for each challenge, beside LEVEL; `starts`: where the texts of each company begin."""

    meaning: Floats
    words: Floats
    levels: Floats
    starts: Sequence[int]

    def totals(self, setting: Setting) -> Floats:
        """Shape (challenges, companies)."""
        above = self.meaning + setting.words * self.words - self.levels[:, None] - setting.level
        evidence = np.maximum(above, 0.0) ** setting.power
        counts = setting.discount ** np.arange(COUNTED_MAX)
        found = np.zeros((above.shape[0], len(self.starts) - 1))
        for company, (start, end) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            best = np.sort(evidence[:, start:end], axis=1)[:, ::-1][:, :COUNTED_MAX]
            found[:, company] = best @ counts[: best.shape[1]]
        return found


async def compared(bundle: Bundle, models: Models) -> Compared:
    asked = [challenge_parts(one)[0].text for one in challenges_of(bundle.challenges)]
    said = [[part.text for part in company_parts(one)] for one in companies_of(bundle.companies)]
    texts = [text for own in said for text in own]
    vectors = [
        Texts.of(quantise(await embedded(models.embedder, some, told)), [encode(text) for text in some])
        for some, encode in ((asked, models.lexical.query), (texts, models.lexical.document))
    ]
    meaning = vectors[0].dense @ vectors[1].dense.T
    backgrounds = [measure_background(row.tolist(), len(texts)) for row in meaning]
    return Compared(
        meaning,
        word_cosines(*vectors),
        np.array([one.offset - LEVEL for one in backgrounds]),
        offsets([len(own) for own in said]).tolist(),
    )


def of_challenges(bundle: Bundle, totals: Floats) -> Floats:
    """nDCG@50 of each judged challenge, out of 1: shape (challenges, 2)."""
    names, judgements = [one.id for one in bundle.companies], bundle.judgements
    return np.array(
        [
            (ndcg([names[n] for n in np.argsort(-row, kind="stable")[:DEPTH]], judgements[one.id], DEPTH), 1)
            for one, row in zip(bundle.challenges, totals, strict=True)
            if one.id in judgements
        ]
    )


def of_companies(bundle: Bundle, totals: Floats) -> Floats:
    """What the wrong orders of each company cost, out of what the worst would, below 0 so that more is
    better: shape (companies, 2)."""
    challenges = [one.id for one in bundle.challenges]
    columns = {one.id: place for place, one in enumerate(bundle.companies)}
    counted = [
        kendall.loss(grades, dict(zip(challenges, totals[:, columns[company]].tolist(), strict=True)))
        for company, grades in reverse.by_company(bundle).items()
    ]
    return np.array([(-one.got, one.possible) for one in counted])


def chosen(figures: Floats, folds: Sequence[Sequence[int]]) -> tuple[float, list[int]]:
    """`figures`: (settings, queries, 2). What the settings reach that are chosen without the fold that they
    are judged on, and which these are."""
    picked = []
    got = np.zeros(2)
    for fold in folds:
        others = np.delete(figures, fold, axis=1).sum(axis=1)
        best = int(np.argmax(others[:, 0] / others[:, 1]))
        picked.append(best)
        got += figures[best, fold].sum(axis=0)
    return float(got[0] / got[1]), picked


async def main(folder: Path, judge: Callable[[Bundle, Floats], Floats], folds: int | None) -> None:
    bundle = read_bundle(folder)
    async with open_models(Settings()) as models:
        likeness = await compared(bundle, models)
    figures = []
    for done, setting in enumerate(GRID, start=1):
        figures.append(judge(bundle, likeness.totals(setting)))
        told("settings", done, len(GRID))
    judged = np.array(figures)
    queries = judged.shape[1]
    order = np.random.default_rng(0).permutation(queries)
    reached, picked = chosen(judged, [fold.tolist() for fold in np.array_split(order, folds or queries)])
    each = judged[:, :, 0].sum(axis=1) / judged[:, :, 1].sum(axis=1)
    best = int(np.argmax(each))
    print(f"chosen by cross-validation  {abs(reached):.4f}")
    for number, times in Counter(picked).most_common():
        print(f"    {times} x {GRID[number]}")
    print(f"in force                    {abs(each[GRID.index(Setting())]):.4f}")
    print(f"best in hindsight           {abs(each[best]):.4f}  {GRID[best]}")


def told(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{what} {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("folder", type=Path, help="a judged bundle")
    options.add_argument(
        "--reverse", action="store_true", help="judge the order of each company's challenges"
    )
    given = options.parse_args()
    asyncio.run(
        main(given.folder, of_companies, None) if given.reverse else main(given.folder, of_challenges, FOLDS)
    )
