"""All tasks, each on its small bundle, as JSON: `python -m tests.evaluation.every_task FOLDER FILE`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from services.evaluation.choices import Method, Task
from services.evaluation.run import evaluate
from services.kernel.settings import Settings
from tests.evaluation.bundles import judged, paired, rated, teams, translated
from tests.kernel.embedding.conftest import MODELS

BUNDLES: Mapping[Task, Callable[[Path], Path]] = {
    Task.match: judged,
    Task.reverse: rated,
    Task.pair: paired,
    Task.translation: translated,
    Task.consortium: teams,
}


def bundles(folder: Path) -> dict[Task, Path]:
    """They are written where they are not there yet."""
    folder.mkdir(exist_ok=True)
    there = {task: folder / task.value for task in BUNDLES}
    return {task: path if path.exists() else BUNDLES[task](path) for task, path in there.items()}


async def measured(folder: Path, methods: Callable[[Task], Sequence[Method]]) -> bytes:
    """Of the bundles in this folder; what is kept lies beside them."""
    settings = Settings(data_dir=folder / "data", models_dir=MODELS, embedding_threads=2)
    found: dict[str, Any] = {}
    for task, bundle in bundles(folder).items():
        reports = await evaluate(settings, bundle, task, methods(task), lambda *_: None)
        found[task.value] = [one.as_json() for one in reports]
    return orjson.dumps(found)


def product(_: Task) -> Sequence[Method]:
    return [Method.liaison]


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(asyncio.run(measured(Path(sys.argv[1]), product)))
