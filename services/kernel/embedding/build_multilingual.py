"""Builds what `multilingual` ships with, from parallel labels and plain prose.

    python -m services.kernel.embedding.build_multilingual OUT.npz.xz LABELS.csv.gz PROSE.jsonl.gz…

LABELS has a column `code`, then one per language; Irish repeats English and is left out. PROSE are texts like
those that will be compared (fields title, need, lots, language), for the frequencies of terms and the mean
vector; nothing else of them is kept, and no judgement is read. The shipped file was built from the CPV labels
in 23 languages and TED notices: © European Union, reuse authorised (CC BY 4.0); sentence vectors of the
English labels are those of the bundled model. It takes some five minutes on two idle cores, two of them for
the sentence vectors (far longer on busy ones), and 3 GB of memory.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.kernel.embedding.alignment import align, presence, pruned
from services.kernel.embedding.letters import cut, damped
from services.kernel.embedding.lexicon import Lexicon
from services.kernel.embedding.multilingual import RARITY_SCALE, MultilingualEncoder, packed
from services.kernel.embedding.regression import bucket_rarity, regression
from services.kernel.embedding.source import locate
from services.kernel.embedding.words import stem

LEFT_OUT = frozenset(("code", "ga"))

Floats = NDArray[np.float64]
Prose = Sequence[tuple[str, Sequence[str]]]
"""Language and parts of every text."""


def build(
    codes: Sequence[str], labels: Mapping[str, Sequence[str]], vectors: Floats, prose: Prose
) -> dict[str, Any]:
    """The artefact. `labels`: by language, in the order of `codes`; `vectors`: of the English ones, shape
    (labels, n). The same input gives the same artefact."""
    english, terms = presence([[stem(word) for word in cut(label)] for label in labels["en"]])
    made: dict[str, Any] = {"languages": " ".join(labels), "terms": "\n".join(terms)}
    lexicons: dict[str, Lexicon] = {}
    for language, group in labels.items():
        foreign, words = presence([cut(label) for label in group])
        table = pruned(align(foreign, english))
        made |= {
            f"words_{language}": "\n".join(words),
            f"sizes_{language}": np.diff(table.indptr).astype(np.uint8),
            f"terms_{language}": table.indices.astype(np.uint16),
            f"shares_{language}": table.data,
        }
        lexicons[language] = Lexicon(words, table)
    made["rarity"] = hundredths(term_rarity(lexicons, prose, len(terms)))
    made["bucket_rarity"] = hundredths(bucket_rarity(labels))
    made["rows"] = regression(codes, labels, vectors, made["bucket_rarity"] / RARITY_SCALE)
    made["centre"] = np.zeros(made["rows"].shape[1], np.float32)
    return made | {"centre": centre(made, prose)}


def term_rarity(lexicons: Mapping[str, Lexicon], prose: Prose, terms: int) -> Floats:
    """ln((N + 1) / (df + 1/2)) of every term, at least 0. A text adds to df what its words stand for, at most
    1: less where a translation is unsure. (The share of notices that have a term decides, not how many
    notices there are: counted in notices of one half of the buyers it ranks the other half's as well.)"""
    frequency, texts = np.zeros(terms), 0
    for language, parts in prose:
        if language not in lexicons:
            continue
        texts += 1
        row = np.zeros(terms)
        for part in parts:
            counted = damped(cut(part))
            found = lexicons[language].find([word for word, _ in counted])
            weights = np.array([weight for _, weight in counted])
            row += np.bincount(found.places, found.values * found.spread(weights), terms)
        frequency += np.minimum(row, 1.0)
    rarity: Floats = np.maximum(np.log((texts + 1) / (frequency + 0.5)), 0.0)
    return rarity


def centre(made: Mapping[str, Any], prose: Prose) -> NDArray[np.float32]:
    """The mean of the unit vectors of the prose."""
    uncentred = MultilingualEncoder(made)
    rows = [uncentred.encode(parts, language).meaning.astype(np.float64) for language, parts in prose]
    lengths = [max(float(np.sqrt(np.square(row).sum())), 1e-12) for row in rows]
    mean: NDArray[np.float32] = np.mean(
        [row / length for row, length in zip(rows, lengths, strict=True)], axis=0
    ).astype(np.float32)
    return mean


def hundredths(rarity: Floats) -> NDArray[np.uint16]:
    scaled: NDArray[np.uint16] = np.rint(rarity * RARITY_SCALE).astype(np.uint16)
    return scaled


def read_labels(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The codes, and by language the labels in the same order."""
    with gzip.open(path, "rb") as raw:
        rows = list(csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8")))
    languages = [name for name in rows[0] if name not in LEFT_OUT]
    return [row["code"] for row in rows], {name: [row[name] for row in rows] for name in languages}


def read_prose(paths: Iterable[Path]) -> Iterator[tuple[str, list[str]]]:
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                lots = "\n".join(f"{lot['title']}\n{lot['text']}" for lot in row.get("lots", ()))
                yield row.get("language", "en"), [row["title"], f"{row.get('need', '')}\n{lots}"]


def sentence_vectors(texts: Sequence[str]) -> Floats:
    """Of the bundled model."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(locate(None).folder), device="cpu")
    return np.asarray(model.encode(list(texts), normalize_embeddings=True), dtype=np.float64)


def main(out: Path, labels_at: Path, prose_at: Sequence[Path]) -> None:
    codes, labels = read_labels(labels_at)
    made = build(codes, labels, sentence_vectors(labels["en"]), list(read_prose(prose_at)))
    out.write_bytes(packed(made))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
