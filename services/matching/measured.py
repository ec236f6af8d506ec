"""The measured quality that ships with the product, as `liaison evaluate --publish` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from schemas.scores import Measured

RESOURCE = "data/measured.json"

TASKS: Mapping[str, str] = {
    "match": "For each challenge all companies are put in order; right are those that really took part.",
    "reverse": "For each company challenges are put in order; right is the order that people of it gave.",
    "pair": "For each need the needs of other buyers are put in order; right are those that are alike.",
    "translate": "A need in another language looks for its own English version among all others.",
    "consortium": "Of each real team one participant after the other is left out and looked for among all "
    "companies; and a team of as many is put together.",
}
REFERENCES_AND_RANK = "references_and_rank"
ESTABLISHED, ALONE = "established@50", "alone@50"
METRICS: Mapping[str, str] = {
    "ndcg@10": "quality of the first ten places, 1 is a perfect order (nDCG)",
    "ndcg@50": "quality of the first fifty places, 1 is a perfect order (nDCG)",
    "recall@50": "share of the right ones that are among the first fifty",
    "mrr": "one over the place of the first right one, on average",
    ESTABLISHED: "share of the right ones with five texts or more that are among the first fifty",
    ALONE: "the same, were each of them there with one text alone, the one that fits best",
    REFERENCES_AND_RANK: "how far a company's mean place goes with its number of references (Spearman): 0 is "
    "not at all, -1 where those with more always stand further up",
    "kendall_loss": "share of the pairs in the wrong order, weighted by how far apart they are; 0 is best",
    "ndcg@10_all": "quality of the first ten places, needs of all other buyers (nDCG)",
    "ndcg@10_cross": "the same among needs in other languages alone",
    "p@1_mean": "share that is found first, mean over the languages",
    "p@1_worst": "the same for the language that does worst",
    "completion_mrr": "one over the place of whoever was left out, on average",
    "completion_recall@10": "share of those left out who are among the first ten",
    "f1": "how far the team put together is the real one, 1 is the same (F1)",
}
"""The metrics that are shown, and what each means; the others stay in the JSON of the evaluation."""

_MANY = TypeAdapter(tuple[Measured, ...])


@cache
def shipped() -> tuple[Measured, ...]:
    """In the order of TASKS, then by collection."""
    return read(resources.files("services.matching").joinpath(RESOURCE).read_bytes())


def read(content: bytes) -> tuple[Measured, ...]:
    """Raises pydantic's ValidationError for another content."""
    return _MANY.validate_json(content)


def merged(present: Sequence[Measured], fresh: Sequence[Measured]) -> tuple[Measured, ...]:
    """The fresh figures in the place of those of the same task and collection."""
    by_key = {(one.task, one.collection): one for one in (*present, *fresh)}
    order = list(TASKS)
    return tuple(sorted(by_key.values(), key=lambda one: (order.index(one.task), one.collection)))


def write(file: Path, measured: Sequence[Measured]) -> None:
    """Raises OSError."""
    content: list[Any] = [one.model_dump(mode="json") for one in measured]
    file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
