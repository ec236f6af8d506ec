"""The table of inverse document frequencies, built from small files."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest

from services.kernel.embedding import build_idf
from services.kernel.embedding.lexical import IDF_SCALE


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    rows: list[dict[str, object]] = [
        {"title": f"supply of pumps {number}", "need": "the vacuum", "language": "en"} for number in range(30)
    ]
    rows += [{"title": "supply of pumps 0", "need": "the vacuum", "language": "en"}]  # the same text again
    rows += [{"id": "o1", "capabilities": [{"text": f"cryostat number {n}"} for n in range(5)]}]
    rows += [
        {"title": "dos " + "robot " * (number < 2), "language": "pt", "need": f"n{number}"}
        for number in range(30)
    ]
    rows += [{"title": "lot", "lots": [{"title": "one", "text": "niobium"}], "language": "de"}]
    notices = tmp_path / "notices.jsonl.gz"
    notices.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    labels = tmp_path / "labels.csv.gz"
    labels.write_bytes(
        gzip.compress(b"code,de,en,ga\n03000000,Pumpen,Pumps,Pumps\n0310,Ventile,Valves,Comhlai\n")
    )
    return [notices, labels]


def test_documents_are_read_by_kind_and_language_each_text_once(sources: list[Path]) -> None:
    found = build_idf.documents(sources)

    assert len(found["prose", "en"]) == 35
    assert found["prose", "de"] == ["lot\none\nniobium"]
    assert found["labels", "de"] == ["Pumpen", "Ventile"]
    assert found["labels", "ga"] == ["Comhlai"], "a copy of English is left out"


def test_common_words_of_a_small_language_are_near_zero_and_rare_ones_stay_out(sources: list[Path]) -> None:
    texts = build_idf.documents(sources)
    total = sum(len(group) for group in texts.values())

    idf, unknown = build_idf.inverse_frequencies(texts)

    assert idf["dos"] == pytest.approx(0.0), "in all documents of its language"
    assert idf["vacuum"] == pytest.approx(-math.log(30 / 35))
    assert "robot" not in idf, "in fewer documents than are kept"
    assert unknown == pytest.approx(math.log((total + 1) / 0.5))


def test_the_file_is_reproducible_and_says_what_unknown_terms_get() -> None:
    packed = build_idf.packed({"b": 1.234, "a": 2.0}, 9.5)

    assert packed == build_idf.packed({"a": 2.0, "b": 1.234}, 9.5)
    assert gzip.decompress(packed).decode().splitlines() == [f"\t{int(9.5 * IDF_SCALE)}", "a\t200", "b\t123"]
