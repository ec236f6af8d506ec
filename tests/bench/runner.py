"""Runs a bench in a process of its own, so that none leaves threads or memory behind for the next."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module

import structlog
import uvloop

from tests.bench.figures import Bench, Samples, Scale

MODULES = (
    "indexing",
    "encoding",
    "meaning",
    "first_webhook",
    "backlog",
    "rescoring",
    "querying",
    "consortia",
    "carriage",
    "streams",
)
ERROR = 40
"""Level of `logging.ERROR`: what the product says of its normal work is not for this terminal."""


def benches() -> dict[str, Bench]:
    """All benches by name, in the order they run."""
    found: list[Bench] = []
    for module in MODULES:
        found += import_module(f"tests.bench.{module}").BENCHES
    return {one.name: one for one in found}


def run(name: str, scale: Scale) -> Samples:
    """In the bench's own process. On uvloop, as the product is served."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ERROR))
    bench = benches()[name]

    async def work() -> Samples:
        return await bench.measure(scale)

    return uvloop.run(work()) if sys.platform != "win32" else asyncio.run(work())


def run_apart(name: str, scale: Scale) -> Samples:
    """`run` in a fresh interpreter."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run, name, scale).result()
