"""What a text takes across languages, over what it takes the bundled model: the same texts, ours on one
thread, the model on as many as ever."""

from __future__ import annotations

import time

from services.intake.parts import Part, language_of
from services.kernel.embedding.multilingual import MultilingualEncoder, headed
from tests.bench.bare_model import encode, open_model
from tests.bench.figures import Aim, Bench, Samples, Scale
from tests.bench.texts import Writer


async def measure(scale: Scale) -> Samples:
    model, encoder = open_model(), MultilingualEncoder.shipped()
    writer, samples = Writer(seed=4), Samples()
    count = scale.pick(512, 64)
    for repetition in range(scale.pick(6, 2)):
        texts = [writer.capability() for _ in range(count)]
        said = [(headed(text), language_of(Part(text, text))) for text in texts]
        began = time.perf_counter()
        for parts, language in said:
            encoder.encode(parts, language)
        ours = time.perf_counter() - began
        began = time.perf_counter()
        await encode(model, texts)
        theirs = time.perf_counter() - began
        if repetition:  # in the first one lexicons are read
            samples.ours.append(1_000.0 * ours / count)
            samples.reference.append(1_000.0 * theirs / count)
    return samples


BENCHES = [
    Bench(
        name="meaning",
        about="a text's vectors across 23 languages / its embedding by the bundled model alone",
        unit="ms",
        aim=Aim(0.25, at_least=False),
        measure=measure,
    )
]
