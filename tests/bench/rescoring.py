"""A changed profile against 1,000 open challenges, over one matrix product of the same shape.

Ours: the capabilities are stacked (their vectors are at hand: embedding them is another bench), dense and
word similarities with all parts of all challenges, backgrounds taken off, evidence summed by capability,
scores per challenge with weights and penalties, and the challenges picked whose score is suggested. Not in
it: explanations of what was picked, rows and events. Reference: one product of the same dense vectors.
"""

from __future__ import annotations

import time
from random import Random

import numpy as np

from services.intake.parts import REQUIREMENT_PREFIX, WHOLE
from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.fixed_point import quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.matching.evidence import Background, Texts
from services.matching.scoring import POSSIBLE, Challenges, ChallengeTexts, Companies, PartTerms, Scored
from tests.bench.bare_model import open_model
from tests.bench.figures import Aim, Bench, Samples, Scale, significant
from tests.bench.texts import Writer, needed

REQUIREMENTS = (5, 6, 7, 8, 9, 10)
"""Requirements of a challenge, one of these numbers."""
CAPABILITIES = 4
"""Of the profile that changes. The first says what some of the challenges ask for."""
INNER = 5
"""Rounds in one repetition: one takes a few milliseconds."""


async def measure(scale: Scale) -> Samples:
    lexical, random = LexicalEncoder.shipped(), Random(5)
    embedder = BatchingEmbedder(open_model())
    try:
        pool = list(needed())[: scale.pick(400, 40)]
        needs = Texts.of(quantise(await embedder.embed(pool)), [lexical.query(text) for text in pool])
        writer = Writer(seed=5)
        stated = [pool[0], *(writer.capability() for _ in range(CAPABILITIES - 1))]
        profile = Texts.of(
            quantise(await embedder.embed(stated)), [lexical.document(text) for text in stated]
        )
    finally:
        await embedder.close()
    rows = [_row(needs, number) for number in range(len(pool))]
    board = Challenges([_challenge(rows, random) for _ in range(scale.pick(1_000, 100))])
    dense, narrow = board.texts.dense, board.texts.dense.astype(np.float32)
    samples, in_float32, picked = Samples(), [], 0
    for repetition in range(scale.pick(41, 5)):
        began = time.perf_counter()
        for _ in range(INNER):
            scored = Scored(board, Companies([profile]))
            picked = int((scored.totals >= POSSIBLE).sum())
        ours = (time.perf_counter() - began) / INNER
        began = time.perf_counter()
        for _ in range(INNER):
            dense @ profile.dense.T
        product = (time.perf_counter() - began) / INNER
        began = time.perf_counter()
        for _ in range(INNER):
            narrow @ profile.dense.astype(np.float32).T
        in_float32.append((time.perf_counter() - began) / INNER)
        if repetition:
            samples.ours.append(ours * 1e3)
            samples.reference.append(product * 1e3)
    samples.notes.append(
        f"{len(board)} challenges with {len(board.texts)} parts, a profile of {CAPABILITIES} capabilities, "
        f"{picked} suggested; product in float64 (in float32 it takes "
        f"{significant(float(np.median(in_float32)) * 1e3):g} ms)"
    )
    return samples


def _row(texts: Texts, number: int) -> Texts:
    """One text of a stack."""
    own = texts.rows == number
    return Texts(
        texts.dense[number : number + 1], texts.terms[own], texts.weights[own], np.zeros(own.sum(), np.int64)
    )


def _challenge(rows: list[Texts], random: Random) -> ChallengeTexts:
    """A whole and some requirements, with backgrounds as they are usual."""
    chosen = random.sample(rows, random.choice(REQUIREMENTS) + 1)
    parts = tuple(
        PartTerms(
            WHOLE if place == 0 else f"{REQUIREMENT_PREFIX}r{place}",
            Background(level=round(random.uniform(0.4, 0.6), 3), indexed=40_000),
            mandatory=place > 0 and random.random() < 0.5,
        )
        for place in range(len(chosen))
    )
    return ChallengeTexts(parts, Texts.join(chosen))


BENCHES = [
    Bench(
        name="rescoring",
        about="a changed profile scored against 1,000 open challenges / one matrix product of that shape",
        unit="ms",
        aim=Aim(2.0, at_least=False),
        measure=measure,
    )
]
