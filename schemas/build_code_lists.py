"""Cut the code lists shipped in `schemas/data` from the tables of the Publications Office.

    python -m schemas.build_code_lists --cpv cpv_labels.csv.gz --nuts nuts_labels.csv.gz

Both inputs are CSV with a column `code` and a column of labels per ISO 639-1 language. CPV becomes a file a
language, so that a process reads only those that somebody asks for; Irish is a copy of the English and is
left out. A NUTS label is the region's own name in every language, so one column is enough.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

DATA = Path(__file__).parent / "data"
BEST_COMPRESSION = 9
COPIED = "ga"
"""Irish: its labels are the English ones."""


def cut(source: Path, target: Path, columns: Sequence[str]) -> int:
    """Write the given columns of a gzipped CSV, sorted by code; the same input gives the same bytes."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: row["code"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row[column] for column in columns] for row in rows)
    target.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=BEST_COMPRESSION, mtime=0))
    return len(rows)


def languages(source: Path) -> list[str]:
    with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
        return [name for name in next(csv.reader(lines)) if name not in ("code", COPIED)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Cut the shipped code lists from the full tables.")
    parser.add_argument("--cpv", type=Path, required=True, help="CSV.gz: code, then a column per language")
    parser.add_argument("--nuts", type=Path, required=True, help="CSV.gz of the same shape")
    options = parser.parse_args()
    for language in languages(options.cpv):
        name = "cpv_labels.csv.gz" if language == "en" else f"cpv_labels_{language}.csv.gz"
        cut(options.cpv, DATA / name, ["code", language])
    cut(options.nuts, DATA / "nuts_labels.csv.gz", ["code", "en"])


if __name__ == "__main__":
    main()
