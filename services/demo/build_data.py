"""Cut the demo data shipped in `services/demo/data` from the raw open data. Run only when they change.

    python -m services.demo.build_data --calls calls.jsonl.gz --anr projects.jsonl.gz --ted notices.jsonl.gz

- calls: EU Funding & Tenders portal, one JSON object a line: `topic_id, title, description, deadline, …`
- anr: projects of the French national research agency: `id, title, abstract_fr, partners: [{name, …}]`
- ted: procurement notices: `id, buyer, country, title, need, lots, language, cpv`

Nothing is invented: names and texts are those of the sources. Which challenges are taken, and what is left
out of a text, is decided here. The same inputs give the same bytes. Attribution: NOTICE.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from services.demo import companies_of_anr, joint_needs, needs
from services.demo.dataset import DATA, load

BEST_COMPRESSION = 9


def rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def write(name: str, entities: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(entity, ensure_ascii=False) + "\n" for entity in entities)
    packed = gzip.compress(text.encode(), compresslevel=BEST_COMPRESSION, mtime=0)
    (DATA / f"{name}.jsonl.gz").write_bytes(packed)
    print(f"{name}: {text.count(chr(10))} lines, {len(packed):,} bytes")  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description="Cut the demo data from the raw open data.")
    parser.add_argument("--calls", type=Path, required=True)
    parser.add_argument("--anr", type=Path, required=True)
    parser.add_argument("--ted", type=Path, required=True)
    options = parser.parse_args()

    challenges, buyers = needs.build(rows(options.calls), rows(options.ted))
    companies = companies_of_anr.build(rows(options.anr))
    clusters = companies_of_anr.clusters(companies)
    write("organisations", buyers)
    write("challenges", challenges)
    write("joint_needs", joint_needs.build(rows(options.ted)))
    write("companies", companies)
    write("clusters", clusters)
    load()  # whatever does not meet the contracts is an error here, not at the first start of the demo


if __name__ == "__main__":
    main()
