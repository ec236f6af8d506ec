"""The process that builds a generation with its ANN index, apart from the one that serves.

    python -m services.kernel.vectors.edge_optimiser FOLDER INDEXING_THREADS  < frames

Standard input: frames of a 4-byte big-endian length and a `marshal` of that length; the first holds the
collection's shape, each further one a list of rows (`edge_values.Row`), an empty one ends them. Only with
that last frame is the generation built: an input that just ends comes from a parent that died.
`marshal` is safe here: the writer is the parent, the same program in the same Python.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from services.kernel.vectors.edge_generation import Generation, warm
from services.kernel.vectors.edge_values import Row, point_of_row
from services.kernel.vectors.port import CollectionSpec

NICENESS = 10
"""A late index costs milliseconds a query, a late request costs its user. Not the lowest priority, with
which the process gets next to nothing on a busy machine."""

LENGTH = struct.Struct(">I")

Shape = tuple[str, dict[str, int], tuple[str, ...], tuple[str, ...], tuple[str, ...]]

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def frame(content: Shape | list[Row]) -> bytes:
    body = marshal.dumps(content)
    return LENGTH.pack(len(body)) + body


END = LENGTH.pack(0)


def shape_of(spec: CollectionSpec) -> Shape:
    return spec.name, dict(spec.dense), spec.sparse, spec.keywords, spec.numbers


def build(folder: Path, indexing_threads: int, source: BinaryIO) -> None:
    """Write all points of the source to a new shard, index it, and leave it flushed and in memory.

    Raises EOFError when the source ends before its last frame.
    """
    frames = _frames(source)
    shape: Shape = marshal.loads(next(frames))  # noqa: S302
    generation = Generation.create(folder, CollectionSpec(*shape), indexing_threads)
    for body in frames:
        rows: list[Row] = marshal.loads(body)  # noqa: S302
        generation.write([point_of_row(row) for row in rows])
    generation.optimise()
    generation.flush_and_close()
    warm(folder)


def _frames(source: BinaryIO) -> Iterator[bytes]:
    while True:
        (length,) = LENGTH.unpack(_exactly(source, LENGTH.size))
        if length == 0:
            return
        yield _exactly(source, length)


def _exactly(source: BinaryIO, size: int) -> bytes:
    content = source.read(size)
    if len(content) < size:
        raise EOFError("The input ended before its last frame.")
    return content


def _die_with_parent() -> None:
    """On Linux the kernel ends this process with its parent. Elsewhere it finishes in vain: nobody reads
    its folder, and the next opening removes it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    folder, indexing_threads = arguments
    _die_with_parent()
    os.nice(NICENESS)
    build(Path(folder), int(indexing_threads), sys.stdin.buffer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
