"""Builds the shipped table of inverse document frequencies from public texts.

    python -m services.kernel.embedding.build_idf services/kernel/embedding/data/idf.tsv.gz FILE…

Files are `.jsonl.gz` (one document per row, or per capability of a row; fields title, need, description,
text, lots; its language in the field `language`, else English) or `.csv.gz` whose columns are languages
(one document per cell; Irish is left out where it repeats English). The shipped table was built from
CORDIS project briefs, Funding & Tenders calls, TED notices and the CPV labels in 23 languages: © European
Union, reuse authorised (CC BY 4.0).

A term counts over all documents of all languages: idf = ln((N + 1) / (df + 1/2)). Function words of a
language with few documents would look rare that way. So a term that is common in the prose, or in the
labels, of one language takes the idf it has there, -ln(df / n), if that is lower.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from services.kernel.embedding.lexical import IDF_SCALE
from services.kernel.embedding.words import words

Documents = Mapping[tuple[str, str], Sequence[str]]
"""Texts by (prose or labels, language)."""

COMMON_SHARE = 0.1
"""A term in so large a share of a language's documents is a function word there, or says nothing ..."""
COMMON_SHARE_FEW = 0.2
"""... but where documents are few, a word of content easily reaches it: Polish "roboty" (works) would make
"robot" common in all languages. There the share must be this, except for words as short as function words."""
FEW = 1_000
SHORT = 3
"""Letters."""
COMMON_MIN = 5
"""Fewer documents than this do not show that a word is common; some languages have 25 documents of prose."""
KEPT_MIN = 4
"""A term in fewer documents gets the idf of an unknown one, nearly the same, and stays out of the file."""
TEXT_FIELDS = ("title", "need", "description", "text")


def documents(paths: Iterable[Path]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for path in paths:
        kind, rows = ("prose", _jsonl(path)) if ".jsonl" in path.name else ("labels", _csv(path))
        for language, text in rows:
            if text.strip():
                found[kind, language][text] = None  # a text that comes twice is one document
    return {key: list(texts) for key, texts in found.items()}


def inverse_frequencies(texts: Documents) -> tuple[dict[str, float], float]:
    """The idf of every kept term, and that of a term never seen."""
    total = sum(len(group) for group in texts.values())
    frequency: Counter[str] = Counter()
    common: dict[str, float] = {}
    for group in texts.values():
        counts = Counter(term for text in group for term in {word.term for word in words(text)})
        frequency.update(counts)
        for term, count in counts.items():
            few = len(group) < FEW and len(term) > SHORT
            if count >= max(COMMON_MIN, (COMMON_SHARE_FEW if few else COMMON_SHARE) * len(group)):
                common[term] = min(common.get(term, math.inf), -math.log(count / len(group)))
    idf = {
        term: min(math.log((total + 1) / (count + 0.5)), common.get(term, math.inf))
        for term, count in frequency.items()
        if count >= KEPT_MIN
    }
    return idf, math.log((total + 1) / 0.5)


def packed(idf: Mapping[str, float], unknown: float) -> bytes:
    """The file: a first line for the unknown term (an empty one), then the terms in order; hundredths."""
    lines = [f"\t{round(unknown * IDF_SCALE)}"]
    lines += [f"{term}\t{round(idf[term] * IDF_SCALE)}" for term in sorted(idf)]
    return gzip.compress("\n".join(lines).encode(), compresslevel=9, mtime=0)


def _jsonl(path: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row.get("language", "en"), _text(row)
            for capability in row.get("capabilities", ()):
                yield capability.get("language", "en"), _text(capability)


def _text(row: Mapping[str, Any]) -> str:
    own = [row[field] for field in TEXT_FIELDS if row.get(field)]
    return "\n".join([*own, *(_text(lot) for lot in row.get("lots", ()))])


def _csv(path: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(path, "rb") as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8")):
            for language, text in row.items():
                repeats = language != "en" and text == row.get("en")
                if len(language) == 2 and text and not repeats:
                    yield language, text


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(packed(*inverse_frequencies(documents(map(Path, sys.argv[2:])))))
