"""Fits the shipped map of the bundled model's vectors (see `metric`) on public texts.

    python -m services.kernel.embedding.build_metric services/kernel/embedding/data/metric.npy FILE…

Files are those of `build_idf`. Of `.jsonl.gz`, rows with capabilities are organisations; texts of other rows
only help to say what all texts have in common. `.csv.gz` holds labels. English texts count, the language that
the bundled model reads, each once. The shipped map was fitted on CORDIS project briefs of 3,326
organisations, calls of the Funding & Tenders Portal, TED notices and the CPV labels: © European Union, reuse
authorised (CC BY 4.0). It holds no text.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from services.kernel.embedding.build_idf import documents
from services.kernel.embedding.encoder import Encoder
from services.kernel.embedding.metric import fitted
from services.kernel.embedding.port import Vectors
from services.kernel.embedding.transformer import open_plain_encoder
from services.kernel.settings import EmbeddingBackend, Settings

LANGUAGE = "en"
AT_A_TIME = 16
"""Texts to a batch, in the order of their lengths, so that little of a batch is padding."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """`owners`: shape (texts, organisations)."""

    texts: Sequence[str]
    owners: sparse.csr_array
    others: Sequence[str]
    labels: Sequence[str]


def corpus(paths: Sequence[Path]) -> Corpus:
    """Every English text once, in one order whatever the order of the files."""
    owned: dict[str, set[int]] = {}
    organisations = 0
    for path in sorted(path for path in paths if ".jsonl" in path.name):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                for capability in row.get("capabilities", ()):
                    if capability["text"].strip() and capability.get("language", LANGUAGE) == LANGUAGE:
                        owned.setdefault(capability["text"], set()).add(organisations)
                organisations += 1
    texts = sorted(owned)
    found = documents(paths)
    others, labels = (set(found.get((kind, LANGUAGE), ())) for kind in ("prose", "labels"))
    entries = [(place, owner) for place, text in enumerate(texts) for owner in sorted(owned[text])]
    rows, columns = np.array(entries, dtype=np.int64).reshape(-1, 2).T
    owners = sparse.csr_array((np.ones(rows.size), (rows, columns)), shape=(len(texts), organisations))
    return Corpus(texts, owners, sorted(others - owned.keys()), sorted(labels))


def embedded(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """One row per text, in order."""
    tokens = encoder.tokenise(texts)
    order = sorted(range(len(texts)), key=lambda place: (tokens[place].length, place))
    rows = np.empty((len(texts), encoder.model.dimensions), np.float32)
    for start in range(0, len(order), AT_A_TIME):
        places = order[start : start + AT_A_TIME]
        rows[places] = encoder.encode([tokens[place] for place in places])
    return rows


def main(out: Path, paths: Iterable[Path]) -> None:
    read = corpus(list(paths))
    plain = open_plain_encoder(None, cache=Settings().models_dir, backend=EmbeddingBackend.onnx, threads=1)
    others, labels = embedded(plain, read.others), embedded(plain, read.labels)
    metric = fitted(embedded(plain, read.texts), read.owners, others, labels)
    out.write_bytes(metric.packed())


if __name__ == "__main__":
    main(Path(sys.argv[1]), map(Path, sys.argv[2:]))
